"""What a SASL exchange says at each step, for every mechanism and both sides.

Source: RFC 4422 §3. Invariant: an exchange that said Credentials, Accepted or Failed is over.
"""

from enum import Enum
from typing import Protocol

import msgspec

MAX_RESPONSE_OCTETS = 9216  # of one response, decoded: RFC 4954 §4 has 12,288 in base64


class Failure(Enum):
    """Why an exchange failed."""

    MALFORMED = "malformed"  # the peer broke the mechanism's syntax
    WRONG = "wrong"  # the proof does not fit: name or password, without saying which


class Challenge(msgspec.Struct, frozen=True):
    """Send these octets (b"" is an empty challenge) and give the answer to `step`."""

    data: bytes


class Credentials(msgspec.Struct, frozen=True):
    """A name and a password to be verified; `authzid` is "" where the client named nobody else to act as."""

    authzid: str
    authcid: str
    password: str

    def __repr__(self) -> str:
        return (
            f"Credentials(authzid={self.authzid!r}, authcid={self.authcid!r})"  # never the password in a log
        )


class KeysWanted(msgspec.Struct, frozen=True):
    """SCRAM: look up the keys of this user and call `give_keys`; for an unknown user give decoy keys."""

    authzid: str
    authcid: str


class TokenGiven(msgspec.Struct, frozen=True):
    """OAuth: check this token; `authzid` is the account that the client means, "" for the token's own."""

    authzid: str
    token: str

    def __repr__(self) -> str:
        return f"TokenGiven(authzid={self.authzid!r})"  # never the token in a log


class Accepted(msgspec.Struct, frozen=True):
    """The mechanism itself proved who the client is; whether it may act as `authzid` is still to be checked."""

    authzid: str
    authcid: str


class Failed(msgspec.Struct, frozen=True):
    """The exchange is over without a result."""

    failure: Failure


Step = Challenge | Credentials | KeysWanted | TokenGiven | Accepted | Failed


class ServerExchange(Protocol):
    """The server's side of one exchange."""

    def start(self, initial: bytes | None) -> Step:
        """Begin, with the client's initial response if it sent one (b"" is one)."""

    def step(self, response: bytes) -> Step:
        """Take the answer to the last challenge."""


class ClientExchange(Protocol):
    """The client's side of one exchange."""

    @property
    def name(self) -> str:
        """The mechanism's registered name."""

    @property
    def is_satisfied(self) -> bool:
        """Whether the server may announce success now; False while it still owes a proof (RFC 5802 §5)."""

    def start(self) -> bytes | None:
        """The initial response; None if the server speaks first."""

    def step(self, challenge: bytes) -> bytes:
        """The answer to a challenge; raises SaslError if the server does not play by the rules: cancel then."""


class SaslError(ValueError):
    """The server's challenge is wrong, or it failed to prove itself."""
