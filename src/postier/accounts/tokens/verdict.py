"""The verdict on a token: whom it speaks for, or why it is refused.

Invariant: no verdict carries the token, or any text out of it but the address.
"""

from enum import Enum

import msgspec


class Refusal(Enum):
    """Why a token is refused; the value says it in the log."""

    TOO_LONG = "it is longer than any access token should be"
    MALFORMED = "it is no signed token (JWS in its compact form)"
    ENCRYPTED = "it is encrypted"
    EXTENSION = "its header demands extensions that are not known here"
    ALGORITHM = "its algorithm is none of RS256, PS256, ES256 and EdDSA"
    TYPE = "its type (typ) is not that of an access token"
    UNKNOWN_KEY = "no key of the issuer has its key id (kid)"
    UNNAMED_KEY = "it names no key, and it is signed by none of the issuer's that could be tried"
    WRONG_KEY = "its key is not one for its algorithm"
    SIGNATURE = "its signature is wrong"
    CLAIMS = "a claim in it is missing or not of its kind"
    ISSUER = "it comes from another issuer (iss)"
    AUDIENCE = "it is for another audience (aud)"
    EXPIRED = "it has expired (exp)"
    TOO_EARLY = "it is not valid yet (nbf, iat)"
    BOUND = "it is bound to a key of its client (cnf), or no bearer token"
    SCOPE = "it lacks the scope that is required"
    NO_ADDRESS = "the claim that should name the mail address does not"
    UNVERIFIED = "the issuer has not verified the mail address (email_verified)"
    NO_ACCOUNT = "no account here has the address that it names"
    INACTIVE = "the issuer says that it is not active"
    ANSWER = "what the issuer says of it is not the JSON of RFC 7662"

    @property
    def is_known_good(self) -> bool:
        """Whether the issuer did give it out, for this server: no sign of somebody who guesses."""
        return self in _KNOWN_GOOD

    @property
    def may_be_new_key(self) -> bool:
        """Whether newer keys of the issuer could turn it."""
        return self in {Refusal.UNKNOWN_KEY, Refusal.UNNAMED_KEY}


_KNOWN_GOOD = frozenset(
    {
        Refusal.EXPIRED,
        Refusal.TOO_EARLY,
        Refusal.SCOPE,
        Refusal.NO_ADDRESS,
        Refusal.UNVERIFIED,
        Refusal.NO_ACCOUNT,
    }
)


class TokenAccepted(msgspec.Struct, frozen=True):
    """It speaks for this address, which may be no account's; `expires_at_s` is Unix time, None if nobody said."""

    address: str
    expires_at_s: float | None


class TokenRefused(msgspec.Struct, frozen=True):
    """It is no good here."""

    refusal: Refusal


TokenVerdict = TokenAccepted | TokenRefused
