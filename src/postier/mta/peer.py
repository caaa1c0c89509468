"""Who is at the other end of a connection, as far as is known."""

import msgspec

from postier.smtp.events import TlsFacts


class Peer(msgspec.Struct):
    """Facts gathered while a connection goes on. `hostname` is proved by forward-confirmed reverse DNS, else ""."""

    ip: str = ""
    port: int = 0
    hello: str = ""
    hostname: str = ""
    tls: TlsFacts | None = None
    account_id: int | None = None
    login: str = ""

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is on."""
        return self.tls is not None

    @property
    def literal(self) -> str:
        """The address as RFC 5321 §4.1.3 writes it in trace fields."""
        return f"[IPv6:{self.ip}]" if ":" in self.ip else f"[{self.ip}]"
