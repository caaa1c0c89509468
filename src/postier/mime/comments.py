"""RFC 5322 comments: where they end, and a value without them.

Not here: what is in them (an old-style address keeps its name in one: `address_list`). Source: RFC 5322 §3.2.2.
Invariants: linear, iterative; an unclosed comment reaches to the end of the value.
"""

import re

_STEP = re.compile(rb"[^()\\]*+(?:\\.|[()])", re.DOTALL)
_BEFORE_COMMENT = re.compile(rb'(?:[^("\\]++|\\.|"(?:[^"\\]++|\\.)*(?:"|\Z)|\\\Z)*', re.DOTALL)


def comment_end(value: bytes, start: int) -> int:
    """The offset after the comment whose `(` is at `start`; nested comments are part of it."""
    depth, position = 0, start
    while step := _STEP.match(value, position):
        position = step.end()
        last = value[position - 1]
        if value[position - 2 : position - 1] == b"\\" and position - 2 >= step.start():
            continue  # a quoted pair
        depth += 1 if last == 0x28 else -1
        if not depth:
            return position
    return len(value)


def without_comments(value: bytes) -> bytes:
    """`value` with each comment outside quoted strings replaced by one space."""
    if b"(" not in value:
        return value
    kept: list[bytes] = []
    position = 0
    while position < len(value):
        match = _BEFORE_COMMENT.match(value, position)
        end = match.end() if match else len(value)
        kept.append(value[position:end])
        if end >= len(value):
            break
        position = comment_end(value, end)
        kept.append(b" ")
    return b"".join(kept)
