"""Delimiter lines of a multipart: where the next part begins and ends.

Not here: the tree (`structure`). Source: RFC 2046 §5.1.1. Invariants: a delimiter is a whole line (a boundary that only
begins with this one is no match); the line end before it belongs to it; searches use the search of bytes alone, and
the work is bounded: a message has MAX_FALSE_DELIMITERS lines that begin like one but are none.
"""

from postier.mime.octets import Buffer

MAX_FALSE_DELIMITERS = 10_000
MAX_BOUNDARY_OCTETS = 1_024  # RFC 2046 §5.1.1 says 70; longer ones exist and do no harm


class Work:
    """What reading one message may still cost: octets searched and false delimiters met."""

    __slots__ = ("false_delimiters", "octets")

    def __init__(self, octets: int) -> None:
        self.octets = octets
        self.false_delimiters = MAX_FALSE_DELIMITERS


def next_delimiter(
    raw: Buffer, needle: bytes, start: int, end: int, work: Work
) -> tuple[int, int, bool] | None:
    """The next delimiter line in raw[start:end]: (where the body before it ends, where the line after it begins,
    whether it closes the multipart), or None. `needle` is LF, two hyphens and the boundary.
    """
    position = start
    while True:
        at = raw.find(needle, position, end)
        if at < 0:
            work.octets -= end - position
            return None
        after = at + len(needle)
        work.octets -= after - position
        tail = raw[after : min(after + 2, end)]
        if tail == b"\r\n":
            return _body_end(raw, at, start), after + 2, False
        line_end = raw.find(b"\n", after, end)
        line_end = end if line_end < 0 else line_end
        rest = raw[after:line_end].strip(b" \t\r") if line_end - after < 1000 else b"?"
        if rest in (b"", b"--"):
            return _body_end(raw, at, start), min(line_end + 1, end), rest == b"--"
        work.false_delimiters -= 1
        if work.false_delimiters < 0:
            return None
        position = after


def _body_end(raw: Buffer, line_feed: int, start: int) -> int:
    """RFC 2046 §5.1.1: the line end before a delimiter belongs to the delimiter."""
    if line_feed > start and raw[line_feed - 1 : line_feed] == b"\r":
        return line_feed - 1
    return line_feed
