"""EXTERNAL: the client was known before the exchange, by its certificate.

Not here: the certificate. Source: RFC 4422 appendix A.
"""

from postier.sasl.exchange import MAX_RESPONSE_OCTETS, Accepted, Challenge, Failed, Failure, Step


class ExternalServer:
    """The server's side; `identity` is who the certificate says the client is."""

    __slots__ = ("_identity",)

    def __init__(self, identity: str) -> None:
        self._identity = identity

    def start(self, initial: bytes | None) -> Step:
        """Accepted, or an empty challenge if no response came with the command."""
        return Challenge(b"") if initial is None else self.step(initial)

    def step(self, response: bytes) -> Step:
        """The identity to act as; empty is one's own."""
        if len(response) > MAX_RESPONSE_OCTETS or b"\x00" in response:
            return Failed(Failure.MALFORMED)
        try:
            return Accepted(response.decode("utf-8"), self._identity)
        except UnicodeDecodeError:
            return Failed(Failure.MALFORMED)
