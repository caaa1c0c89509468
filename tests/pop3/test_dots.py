"""Dot-stuffing and TOP, against their plain definitions."""

from hypothesis import given
from hypothesis import strategies as st

from postier.pop3 import dots
from postier.pop3.dots import PIECE_OCTETS, stuffed, top

PIECES = st.lists(st.sampled_from([b".", b"\r\n", b"x", b"\n", b"\r", b"..", b"\r\n.\r\n"]), max_size=30).map(
    b"".join
)


def unstuffed(wire):
    """What a client makes of it (RFC 1939 §3, lines ended by LF as most clients read them)."""
    assert wire.endswith(b".\r\n")
    lines = wire[:-3].split(b"\n")
    assert not any(line in {b".", b".\r"} for line in lines)
    return b"\n".join(line[1:] if line.startswith(b".") else line for line in lines)


@given(PIECES)
def test_unstuffing_gives_the_message_back(content):
    ended = content if content.endswith(b"\n") or not content else content + b"\r\n"
    assert unstuffed(b"".join(stuffed(content))) == ended


def test_a_dot_at_the_edge_of_a_piece_is_stuffed():
    for before in (PIECE_OCTETS - 1, PIECE_OCTETS, PIECE_OCTETS + 1):
        content = b"x" * (before - 2) + b"\r\n.\r\n" + b".y\r\n"
        wire = b"".join(stuffed(content))
        assert wire == content.replace(b"\n.", b"\n..") + b".\r\n"
        assert all(len(piece) <= 2 * PIECE_OCTETS for piece in stuffed(content))


def test_an_empty_message_is_empty():
    assert b"".join(stuffed(b"")) == b".\r\n"


@given(PIECES, PIECES, st.integers(0, 20))
def test_top_is_the_header_and_so_many_lines(header, body, lines):
    wanted = (
        b"".join(body.splitlines(keepends=True))
        if body.count(b"\n") < lines
        else b"".join(line + b"\n" for line in body.split(b"\n")[:lines])
    )
    assert top(header + body, len(header), lines) == header + wanted


def test_top_over_many_pieces(monkeypatch):
    monkeypatch.setattr(dots, "PIECE_OCTETS", 10)
    body = b"".join(b"line %d\r\n" % number for number in range(100))
    for lines in (0, 1, 7, 99, 100, 1000):
        assert top(b"H: x\r\n\r\n" + body, 8, lines) == b"H: x\r\n\r\n" + b"".join(
            body.splitlines(keepends=True)[:lines]
        )
