"""BODY from BODYSTRUCTURE: the same without its extension data.

Not here: making BODYSTRUCTURE (the mime room). Source: RFC 9051 §7.5.2, §9 body. Invariants: the input is a
well-formed BODYSTRUCTURE of our own making; the output is made of slices of it; nesting costs no stack.
"""

import re

_TOKEN = re.compile(rb'\(|\)|"(?:[^"\\]|\\.)*"|~?\{([0-9]+)\}\r\n|[^ ()"{}]+')

_BASIC, _MESSAGE, _TEXT = 7, 10, 8  # elements kept: RFC 9051 §9 body-type-basic, -msg, -text


class _List:
    """An open parenthesis. `kept` is how many elements stay (0: all); a list that is no body keeps all."""

    __slots__ = ("cut_from", "elements", "is_body", "is_multipart", "kept", "type")

    def __init__(self, *, is_body: bool) -> None:
        self.is_body = is_body
        self.is_multipart = False
        self.elements = 0
        self.kept = 0
        self.type = b""
        self.cut_from = -1


def without_extensions(structure: bytes) -> bytes:
    """The non-extensible form."""
    out: list[bytes] = []
    copied = 0
    stack: list[_List] = []
    pos = 0
    while found := _TOKEN.search(structure, pos):
        token, pos = found[0], found.end()
        if found[1]:
            pos += int(found[1])
        if token == b"(":
            stack.append(_List(is_body=_opens_body(stack)))
            continue
        if token == b")":
            closed = stack.pop()
            if closed.cut_from >= 0:
                out.append(structure[copied : closed.cut_from])
                copied = pos - 1
        if stack:
            _count(stack[-1], token, pos)
    out.append(structure[copied:])
    return b"".join(out)


def _opens_body(stack: list[_List]) -> bool:
    if not stack:
        return True
    outer = stack[-1]
    if not outer.is_body or outer.cut_from >= 0:
        return False  # extension data has no bodies
    if outer.elements == 0:
        outer.is_multipart = True
    # the parts of a multipart; the ninth element of a message part, behind its envelope
    return (outer.is_multipart and not outer.kept) or (outer.kept == _MESSAGE and outer.elements == 8)


def _count(current: _List, token: bytes, end: int) -> None:
    """One element of `current` ended at `end`."""
    current.elements += 1
    if not current.is_body or current.cut_from >= 0:
        return
    if current.is_multipart:
        if token != b")":
            current.cut_from = end  # the subtype is the last that stays
        return
    if current.elements == 1:
        current.type = token.upper()
        current.kept = _TEXT if current.type == b'"TEXT"' else _BASIC
    elif (
        current.elements == 2 and current.type == b'"MESSAGE"' and token.upper() in {b'"RFC822"', b'"GLOBAL"'}
    ):
        current.kept = _MESSAGE
    if current.elements == current.kept:
        current.cut_from = end
