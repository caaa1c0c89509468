"""The mechanisms a server can offer, by name.

Not here: which of them a listener does offer. Invariant: each name maps to a fresh exchange; nothing is shared.
"""

from enum import Enum
from typing import Final, assert_never

from postier.sasl.exchange import ServerExchange
from postier.sasl.login import LoginServer
from postier.sasl.plain import PlainServer
from postier.sasl.scram import ScramServer


class Mechanism(Enum):
    """Registered names (LOGIN is the one that is not a standard)."""

    PLAIN = "PLAIN"
    LOGIN = "LOGIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_1 = "SCRAM-SHA-1"


# the password itself crosses the connection: TLS first
SENDS_PASSWORD: Final = frozenset({Mechanism.PLAIN, Mechanism.LOGIN})


def server_exchange(mechanism: Mechanism, nonce: str) -> ServerExchange:
    """A new exchange; `nonce` (SCRAM only) is at least 18 random octets in base64 or the like."""
    match mechanism:
        case Mechanism.PLAIN:
            return PlainServer()
        case Mechanism.LOGIN:
            return LoginServer()
        case Mechanism.SCRAM_SHA_256:
            return ScramServer(nonce)
        case Mechanism.SCRAM_SHA_1:
            return ScramServer(nonce, "sha1")
        case _:
            assert_never(mechanism)
