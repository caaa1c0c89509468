"""The mechanisms a server can offer, by name.

Not here: which of them a listener does offer. Invariant: each name maps to a fresh exchange; nothing is shared.
"""

from enum import Enum
from typing import Final, assert_never

from postier.sasl.exchange import ServerExchange
from postier.sasl.external import ExternalServer
from postier.sasl.login import LoginServer
from postier.sasl.oauth import NOTHING_TOLD, OAuthServer, Told
from postier.sasl.plain import PlainServer
from postier.sasl.scram import ChannelBinding, ScramServer


class Mechanism(Enum):
    """Registered names (LOGIN and XOAUTH2 are no standards)."""

    PLAIN = "PLAIN"
    LOGIN = "LOGIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_256_PLUS = "SCRAM-SHA-256-PLUS"
    SCRAM_SHA_1 = "SCRAM-SHA-1"
    SCRAM_SHA_1_PLUS = "SCRAM-SHA-1-PLUS"
    OAUTHBEARER = "OAUTHBEARER"
    XOAUTH2 = "XOAUTH2"
    EXTERNAL = "EXTERNAL"


# the password itself, or what opens as much, crosses the connection: TLS first
SENDS_PASSWORD: Final = frozenset(
    {Mechanism.PLAIN, Mechanism.LOGIN, Mechanism.OAUTHBEARER, Mechanism.XOAUTH2}
)
BINDS_CHANNEL: Final = frozenset({Mechanism.SCRAM_SHA_256_PLUS, Mechanism.SCRAM_SHA_1_PLUS})


def server_exchange(
    mechanism: Mechanism,
    nonce: str,
    *,
    bindings: tuple[ChannelBinding, ...] = (),
    identity: str = "",
    told: Told = NOTHING_TOLD,
) -> ServerExchange:
    """A new exchange. For SCRAM: `nonce` is at least 18 random octets in base64 or the like, `bindings` tie it to the TLS
    channel if -PLUS is offered; for EXTERNAL: `identity` is whom the client's certificate names; for tokens: `told` is what
    a client with a bad one learns.
    """
    match mechanism:
        case Mechanism.PLAIN:
            return PlainServer()
        case Mechanism.LOGIN:
            return LoginServer()
        case Mechanism.SCRAM_SHA_256:
            return ScramServer(nonce, "sha256", bindings)
        case Mechanism.SCRAM_SHA_256_PLUS:
            return ScramServer(nonce, "sha256", bindings, is_plus=True)
        case Mechanism.SCRAM_SHA_1:
            return ScramServer(nonce, "sha1", bindings)
        case Mechanism.SCRAM_SHA_1_PLUS:
            return ScramServer(nonce, "sha1", bindings, is_plus=True)
        case Mechanism.OAUTHBEARER:
            return OAuthServer(is_standard=True, told=told)
        case Mechanism.XOAUTH2:
            return OAuthServer(is_standard=False, told=told)
        case Mechanism.EXTERNAL:
            return ExternalServer(identity)
        case _:
            assert_never(mechanism)
