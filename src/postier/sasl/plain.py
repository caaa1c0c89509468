"""PLAIN: authzid, NUL, authcid, NUL, password. Source: RFC 4616."""

import msgspec

from postier.sasl.exchange import (
    MAX_RESPONSE_OCTETS,
    Challenge,
    Credentials,
    Failed,
    Failure,
    SaslError,
    Step,
)


class PlainServer:
    """The server's side."""

    def start(self, initial: bytes | None) -> Step:
        """Credentials, or an empty challenge if they did not come with the command."""
        return Challenge(b"") if initial is None else self.step(initial)

    def step(self, response: bytes) -> Step:
        """Credentials; or Failed for what RFC 4616 §2 does not allow: empty name or password, NUL, no UTF-8."""
        parts = response.split(b"\0") if len(response) <= MAX_RESPONSE_OCTETS else []
        if len(parts) != 3 or not parts[1] or not parts[2]:
            return Failed(Failure.MALFORMED)
        try:
            authzid, authcid, password = (part.decode("utf-8") for part in parts)
        except UnicodeDecodeError:
            return Failed(Failure.MALFORMED)
        return Credentials(authzid, authcid, password)


class PlainClient(msgspec.Struct, frozen=True):
    """The client's side; raises SaslError for a name or password that PLAIN cannot carry."""

    authcid: str
    password: str
    authzid: str = ""
    name: str = "PLAIN"
    is_satisfied: bool = True

    def __repr__(self) -> str:
        return f"PlainClient({self.authcid!r})"  # no password in a log

    def start(self) -> bytes:
        """The whole message."""
        message = f"{self.authzid}\0{self.authcid}\0{self.password}"
        if message.count("\0") != 2 or not self.authcid or not self.password:
            raise SaslError("PLAIN cannot carry an empty or NUL-bearing name or password")
        return message.encode()

    def step(self, challenge: bytes) -> bytes:
        """The whole message again, to the empty challenge of a server that ignored the initial response."""
        if challenge:
            raise SaslError("PLAIN has no challenge")
        return self.start()
