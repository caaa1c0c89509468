"""On which line each key of a TOML document stands; tomllib reads values but forgets lines.

Not a TOML parser: it is right on documents that tomllib has accepted, and only finds where statements begin.
Keys inside inline tables and arrays count as standing where their statement begins. Linear time, no recursion.
"""

import re

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY_PART = re.compile(r"""[ \t]*(?:"((?:\\.|[^"\\\n])*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*(\.?)""")
_VALUE = re.compile(
    r'''"""(?:\\.|[^\\])*?"""(?:"{0,2})'''
    r"""|\'\'\'(?:.*?)\'\'\'(?:'{0,2})"""
    r"""|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*|[\[\]{}\n]|[^"'#\[\]{}\n]+""",
    re.DOTALL,
)


def line_numbers(text: str) -> dict[KeyPath, int]:
    """The 1-based line of every table header and key, by path; `[[name]]` headers count up: ("name", 0), …"""
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    position, line, seen = 0, 1, 0
    while True:
        blank = _BLANK.match(text, position)
        position = blank.end() if blank else position
        if position >= len(text):
            return lines
        line += text.count("\n", seen, position)
        seen = position
        if text.startswith("[[", position):
            path, position = _key(text, position + 2)
            path = _inside(path, counts)
            index = counts.get(path, 0)
            counts[path] = index + 1
            table = (*path, index)
            lines.setdefault(path, line)
            lines[table] = line
        elif text.startswith("[", position):
            path, position = _key(text, position + 1)
            table = _inside(path, counts)
            lines[table] = line
        else:
            path, position = _key(text, position)
            for end in range(1, len(path) + 1):
                lines.setdefault(table + path[:end], line)
        position = _end_of_statement(text, position)


def line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int | None:
    """The line of the key, or of the nearest thing around it that has one."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def _key(text: str, position: int) -> tuple[KeyPath, int]:
    parts: list[str] = []
    while found := _KEY_PART.match(text, position):
        parts.append(found[1] or found[2] or found[3] or "")
        position = found.end()
        if not found[4]:
            break
    return tuple(parts), position


def _inside(path: KeyPath, counts: dict[KeyPath, int]) -> KeyPath:
    """A header below an array of tables means its last element (TOML 1.0, Array of Tables)."""
    whole: KeyPath = ()
    for number, part in enumerate(path):
        whole = (*whole, part)
        if number < len(path) - 1 and whole in counts:
            whole = (*whole, counts[whole] - 1)
    return whole


def _end_of_statement(text: str, position: int) -> int:
    depth = 0
    while found := _VALUE.match(text, position):
        lexeme = found[0]
        position = found.end()
        if lexeme in {"[", "{"}:
            depth += 1
        elif lexeme in {"]", "}"}:
            depth -= 1
        elif lexeme == "\n" and depth <= 0:
            return position
    return len(text)
