"""The stored form of a message's structure: a tree of parts with offsets into the raw octets.

Not here: how it is read (`structure`). Source: RFC 2045, RFC 2046, RFC 2183, RFC 9051 §6.4.5.1. Invariants: a part is
immutable, holds only offsets and header values as octets, and goes through MessagePack unchanged (`load_parts`).

`path` is the IMAP part number: "1", "2.1". The root of a message (the letter's own, or the one inside a
message/rfc822) has no number of its own when it is a multipart: then its path is that of the message it belongs to
("" for the letter itself). A root that is no multipart is part 1 of its message.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from postier.mime.params import Parameters, parameter_text


class Part(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One part. raw[header_start:body_start] is its header with the empty line, raw[body_start:body_end] its body.

    For message/rfc822 and message/global `children` is the one root of the inner message and `envelope` its
    serialised IMAP ENVELOPE. `lines` is counted for text and message parts only.
    """

    path: str
    type: str
    subtype: str
    params: Parameters
    encoding: str
    header_start: int
    body_start: int
    body_end: int
    lines: int = 0
    children: tuple[Part, ...] = ()
    content_id: bytes | None = None
    description: bytes | None = None
    disposition: str | None = None
    disposition_params: Parameters = ()
    language: tuple[bytes, ...] = ()
    location: bytes | None = None
    md5: bytes | None = None
    envelope: bytes | None = None

    @property
    def media_type(self) -> str:
        """`type/subtype` in lower case."""
        return f"{self.type}/{self.subtype}"

    @property
    def is_multipart(self) -> bool:
        """Whether the children are parts of this multipart."""
        return self.type == "multipart"

    @property
    def is_message(self) -> bool:
        """Whether the one child is the root of an enclosed message."""
        return self.envelope is not None

    @property
    def size(self) -> int:
        """Octets of the body, as transferred."""
        return self.body_end - self.body_start

    @property
    def charset(self) -> str | None:
        """The charset parameter in lower case, or None."""
        for name, value in self.params:
            if name == b"charset":
                return value.decode("ascii", "replace").lower()
        return None

    @property
    def filename(self) -> str | None:
        """The name for a file, decoded: from Content-Disposition, else the `name` of Content-Type."""
        name = parameter_text(self.disposition_params, "filename") if self.disposition_params else None
        return parameter_text(self.params, "name") if name is None and self.params else name

    def walk(self) -> Iterator[Part]:
        """The part itself and all below it, in the order of the message."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            yield part
            waiting.extend(reversed(part.children))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Part)


def dump_parts(root: Part) -> bytes:
    """The tree as MessagePack."""
    return _encoder.encode(root)


def load_parts(data: bytes) -> Part:
    """The tree back; raises msgspec.DecodeError when `data` was not made by `dump_parts`."""
    return _decoder.decode(data)
