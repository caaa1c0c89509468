"""A card of one version as one of the other.

Not here: reading and writing (`card`). Sources: RFC 6350 appendix A; RFC 2426 §2.4.1, §3.1.4, §4. Invariants: who it is and how they are reached
stays the same; properties that the other version does not know stay too, for readers pass them over.
"""

import re

import msgspec

from postier.vcard.card import Card
from postier.vcard.lines import Line, escaped, read_line

_DATA = re.compile(r"data:(?:image/|audio/|application/)?([A-Za-z0-9.+-]*+);base64,(.*+)", re.DOTALL)
_BINARY = {"PHOTO": "image", "LOGO": "image", "SOUND": "audio", "KEY": "application"}
_UNSAFE = re.compile('[:;,"]')


def in_version(card: Card, version: str) -> Card:
    """The card in version "3.0" or "4.0"."""
    if card.version == version:
        return card
    change = _to_4 if version == "4.0" else _to_3
    lines = []
    names = set()
    for text in card.lines[1:-1]:
        line = read_line(text)
        if line is None or line.name == "VERSION":
            continue
        names.add(line.name)
        lines.append(_text(text, line, change(line)))
    if "FN" not in names:  # RFC 6350 §6.2.1, RFC 2426 §3.1.1: both want one
        lines.insert(0, f"FN:{escaped(card.name)}")
    if version == "3.0" and "N" not in names:  # RFC 2426 §3.1.2
        lines.insert(0, f"N:{escaped(card.name)};;;;")
    return msgspec.structs.replace(
        card, version=version, lines=("BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD")
    )


def _to_4(line: Line) -> Line:
    parameters = []
    value = line.value
    is_binary = line.name in _BINARY and {"b", "base64"} & set(line.values_of("ENCODING"))
    for name, values in line.parameters:
        if name == "TYPE" and is_binary:
            value = f"data:{_BINARY[line.name]}/{(values[0] if values else 'octet-stream').lower()};base64,{value}"
        elif name == "TYPE":
            kept = tuple(each for each in values if each.lower() not in {"pref", "internet"})
            if kept:
                parameters.append((name, kept))
        elif name not in {"ENCODING", "CHARSET"}:
            parameters.append((name, values))
    if "pref" in line.values_of("TYPE") and not is_binary:
        parameters.append(("PREF", ("1",)))
    if is_binary and value == line.value:
        value = f"data:{_BINARY[line.name]}/octet-stream;base64,{value}"
    return Line(line.name, tuple(parameters), value)


def _to_3(line: Line) -> Line:
    parameters = [
        (name, values)
        for name, values in line.parameters
        if name not in {"PREF", "ALTID", "PID", "MEDIATYPE"}
    ]
    if line.values_of("PREF")[:1] == ["1"]:
        parameters.append(("TYPE", ("pref",)))
    data = _DATA.fullmatch(line.value) if line.name in _BINARY else None
    if data is None:
        return Line(line.name, tuple(parameters), line.value)
    parameters.append(("ENCODING", ("b",)))
    if data[1]:
        parameters.append(("TYPE", (data[1].upper(),)))
    return Line(line.name, tuple(parameters), data[2])


def _text(before: str, line: Line, after: Line) -> str:
    if line == after:
        return before
    group, dot, _ = before.partition(":")[0].partition(";")[0].rpartition(".")
    words = [f"{group}{dot}{after.name}"]
    for name, values in after.parameters:
        quoted = [f'"{each}"' if _UNSAFE.search(each) else each for each in values]
        words.append(f"{name}={','.join(quoted)}")
    return f"{';'.join(words)}:{after.value}"
