"""Fail when a module is over 600 lines, or over 400 without a reason in its docstring (STYLE 2)."""

import ast
import sys
from pathlib import Path

WARN_LINES = 400
FAIL_LINES = 600
REASON_WORDS = ("longer than", "table", "over 400")  # how a docstring gives its reason


def main() -> int:
    """Check every module below `src`."""
    wrong = []
    for path in sorted(Path("src").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        docstring = (ast.get_docstring(ast.parse(text)) or "").lower()
        if not docstring:
            wrong.append(f"{path}: no module docstring")
        has_reason = any(word in docstring for word in REASON_WORDS)
        if lines > FAIL_LINES and "table" not in docstring:
            wrong.append(f"{path}: {lines} lines; divide it by concept")
        elif lines > WARN_LINES and not has_reason:
            wrong.append(f"{path}: {lines} lines; say in its docstring why, or divide it by concept")
    print("\n".join(wrong) if wrong else "sizes: ok")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
