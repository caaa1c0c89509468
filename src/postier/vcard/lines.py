"""Content lines, of which vCards are made: folding, groups, parameters, escapes.

Not here: what the properties mean (`card`). Source: RFC 6350 §3.2, §3.3, §3.4; RFC 2425 §5.8.1. Invariants: linear; whatever octets come,
they are lines or none; what is written reads back the same.
"""

import re

import msgspec

MAX_LINE_OCTETS = 75  # of a line that is written; RFC 6350 §3.2

_FOLD = re.compile(rb"\r?\n[ \t]")
_NAME = re.compile(r"(?:[A-Za-z0-9-]++\.)?([A-Za-z0-9-]++)")
_PARAMETER = re.compile(r';([A-Za-z0-9-]++)(?:=((?:"[^"]*+"|[^";:,]++|,)*))?')
_VALUE = re.compile(r'"([^"]*+)"|([^",]++)')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Line(msgspec.Struct, frozen=True):
    """A property: its name in upper case, parameters with names in upper case, the raw value."""

    name: str
    parameters: tuple[tuple[str, tuple[str, ...]], ...]
    value: str

    def values_of(self, parameter: str) -> list[str]:
        """The values of a parameter, in lower case."""
        return [each.lower() for name, values in self.parameters if name == parameter for each in values]

    @property
    def text(self) -> str:
        """The value as text."""
        return unescaped(self.value)


def unfolded(octets: bytes) -> list[str]:
    """The lines; octets that are no UTF-8 become U+FFFD, also NUL and a bare CR.

    A line is unfolded before it is decoded, for folding may split a character.
    """
    whole = _FOLD.sub(b"", octets).decode("utf-8-sig", "replace").replace("\0", "\ufffd")
    return [line.removesuffix("\r").replace("\r", "\ufffd") for line in whole.split("\n")]


def read_line(text: str) -> Line | None:
    """One unfolded line; None for what is none."""
    match = _NAME.match(text)
    if match is None:
        return None
    name, end = match[1].upper(), match.end()
    parameters: list[tuple[str, tuple[str, ...]]] = []
    while (found := _PARAMETER.match(text, end)) is not None:
        end = found.end()
        if found[2] is None:  # vCard 2.1: `;PREF`
            parameters.append(("TYPE", (found[1],)))
        else:
            parameters.append((found[1].upper(), tuple(a or b for a, b in _VALUE.findall(found[2]))))
    if text[end : end + 1] != ":":
        return None
    return Line(name, tuple(parameters), text[end + 1 :])


def unescaped(value: str) -> str:
    """RFC 6350 §3.4."""
    return _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)


def escaped(text: str) -> str:
    """RFC 6350 §3.4, for a value that is one text."""
    text = text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    return text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def folded(line: str) -> bytes:
    """The line in octets with its end, folded between characters."""
    octets = line.encode("utf-8", "replace")
    pieces: list[bytes] = []
    start = 0
    while len(octets) - start > (room := MAX_LINE_OCTETS - (1 if start else 0)):
        end = start + room
        while octets[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        pieces.append(octets[start:end])
        start = end
    pieces.append(octets[start:])
    return b"\r\n ".join(pieces) + b"\r\n"
