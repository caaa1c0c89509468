"""The pages that people read, and the pieces of them that can be checked."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "requirements" / "README.md"])

_BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(r"(?:^|[\s(])(?:[\w./]*/)?postier ([a-z-]{2,}(?: [^|#\n]*)?)")


def name_of(page: Path) -> str:
    """How a page is called in a test's name."""
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def blocks(page: Path) -> list[str]:
    """Its blocks of code."""
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


def code(page: Path) -> Iterator[str]:
    """Every line of its blocks and every piece of inline code."""
    for block in blocks(page):
        yield from block.splitlines()
    yield from _INLINE.findall(prose(page))


def inline(page: Path) -> list[str]:
    """Every piece of inline code."""
    return _INLINE.findall(prose(page))


def command_lines(page: Path) -> list[str]:
    """What follows `postier` wherever the page names a command of it; `show` behind `domain list` is `domain show`."""
    found = [
        match[1]
        for piece in code(page)
        if not piece.lstrip().startswith("#")
        for match in _COMMAND.finditer(piece)
    ]
    for line in prose(page).splitlines():
        if line.startswith("| `postier "):
            first, *more = _INLINE.findall(line.split("|")[1])
            found += [f"{first.split()[1]} {verb}" for verb in more if verb.isalpha()]
    return found


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table that follows a line; without its head."""
    behind = text.partition(heading)[2]
    lines = behind[behind.index("\n| ") + 1 :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]
