"""What a command parser raises when the peer is wrong: the reply to send.

Not here: faults of ours, which end the connection at its boundary. Source: STYLE 15; RFC 9051 §7.1.
"""

from postier.imap.responses import ResponseCode, Status, status_line


class PeerError(Exception):
    """The command cannot be run; `line(tag)` is the whole answer to it."""

    def __init__(self, text: str, *, status: Status = Status.BAD, code: ResponseCode | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.status = status
        self.code = code

    def line(self, tag: bytes | None) -> bytes:
        """The tagged (or, without a tag, untagged) status response."""
        return status_line(self.status, self.text, tag=tag, code=self.code)


def bad(text: str) -> PeerError:
    """Syntax or state error: the client's program is wrong (BAD)."""
    return PeerError(text)


def no(text: str, code: ResponseCode | None = None) -> PeerError:
    """A well-formed wish that cannot be met (NO)."""
    return PeerError(text, status=Status.NO, code=code)
