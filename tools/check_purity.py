"""Fail when a ground-floor room uses `async` or names something impure that imports do not show.

What it may import is checked by import-linter; this looks at the syntax (DESIGN §1: a whole folder is pure or it is not).
"""

import ast
import sys
from pathlib import Path

PURE_ROOMS = (
    "mime",
    "sasl",
    "smtp",
    "imap",
    "pop3",
    "managesieve",
    "milter",
    "sieve",
    "vcard",
    "mailauth",
    "accounts/tokens",
    "jmap/core",
)
IMPURE_BUILTINS = {"open", "input", "print", "exec", "eval", "breakpoint", "globals"}


def faults(path: Path) -> list[str]:
    """What is wrong in one module."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            found.append(f"{path}:{node.lineno}: async in a pure room")
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_BUILTINS
        ):
            found.append(f"{path}:{node.lineno}: {node.func.id}() in a pure room")
    return found


def main() -> int:
    """Check every pure room that exists."""
    wrong = [
        fault
        for room in PURE_ROOMS
        for path in sorted(Path("src/postier", room).rglob("*.py"))
        for fault in faults(path)
    ]
    print("\n".join(wrong) if wrong else "purity: ok")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
