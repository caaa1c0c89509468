r"""The octets of a message as POP3 sends them: dot-stuffed, cut after the lines that TOP asks for, ended by a dot.

Source: RFC 1939 §3, §7 (TOP). Invariants: work is done by bytes methods on pieces of at most PIECE_OCTETS; unstuffing gives the
message back, with CRLF added if it had no line end. A dot after a bare LF is stuffed too: many clients take LF for a line end
(poplib does), and would take what follows a bare LF "." LF for the next answer.
"""

from collections.abc import Iterator

from postier.pop3.replies import TERMINATOR

PIECE_OCTETS = 64 << 10


def stuffed(content: bytes) -> Iterator[bytes]:
    """The pieces to send, the end of the multi-line answer in the last."""
    begins_line = True
    for start in range(0, len(content), PIECE_OCTETS):
        piece = content[start : start + PIECE_OCTETS]
        is_dotted = begins_line and piece.startswith(b".")
        begins_line = piece.endswith(b"\n")
        piece = piece.replace(b"\n.", b"\n..")
        yield b"." + piece if is_dotted else piece
    yield TERMINATOR if begins_line else b"\r\n" + TERMINATOR


def top(content: bytes, header_octets: int, lines: int) -> bytes:
    """The header with its blank line, and the first `lines` of the body."""
    end = header_octets
    while end < len(content) and lines:
        piece = content[end : end + PIECE_OCTETS]
        count = piece.count(b"\n")
        if count >= lines:
            rest = piece.split(b"\n", lines)[-1]
            return content[: end + len(piece) - len(rest)]
        lines -= count
        end += len(piece)
    return content[:end]
