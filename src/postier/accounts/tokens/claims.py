"""The claims about a token, from the token itself or from its issuer's answer, held against what this server expects.

Not here: signatures (`signed`). Sources: RFC 7519 §4.1, RFC 9068 §4, RFC 7662 §2.2, RFC 8725 §3.8 and §3.9, OpenID
Connect Core §5.1 (email, email_verified). Invariants: strings are compared exactly; what is there and not of its kind refuses.
"""

from collections.abc import Mapping

import msgspec

from postier.accounts.tokens.json_object import text_of
from postier.accounts.tokens.verdict import Refusal, TokenAccepted, TokenRefused, TokenVerdict

LEEWAY_S = 60.0  # RFC 7519 §4.1.4: usually no more than a few minutes
MAX_AUDIENCES = 64
MAX_ADDRESS_CHARACTERS = 320  # RFC 5321 §4.5.3.1: 64 + "@" + 255
MAX_TIME_S = 2.0**53  # beyond, seconds have no place in a float
MAIL_CLAIM = "email"


class Expected(msgspec.Struct, frozen=True):
    """What a token must say to be taken; an empty `audience` or `scope` demands none."""

    issuer: str
    audience: str
    scope: str
    claim: str  # which claim names the mail address


def judge_claims(
    claims: Mapping[str, object], expected: Expected, now_s: float, *, is_own: bool
) -> TokenVerdict:
    """The verdict at Unix time `now_s`. `is_own`: the token says so itself, so it has to say all (RFC 9068 §2.2);
    in the answer of the issuer iss and exp may be missing (RFC 7662 §2.2).
    """
    refusal = (
        _issuer(claims, expected, is_own=is_own)
        or _audience(claims, expected)
        or _bearer(claims)
        or _times(claims, now_s, is_own=is_own)
        or _scope(claims, expected)
    )
    if refusal is not None:
        return TokenRefused(refusal)
    address = text_of(claims.get(expected.claim), MAX_ADDRESS_CHARACTERS)
    if address is None or "@" not in address:
        return TokenRefused(Refusal.NO_ADDRESS)
    is_verified = claims.get("email_verified", True)
    # Amazon Cognito writes it as text
    if expected.claim == MAIL_CLAIM and is_verified is not True and is_verified != "true":
        return TokenRefused(Refusal.UNVERIFIED)
    return TokenAccepted(address, _time(claims, "exp"))


def _issuer(claims: Mapping[str, object], expected: Expected, *, is_own: bool) -> Refusal | None:
    if "iss" not in claims:
        return Refusal.ISSUER if is_own else None
    return None if claims["iss"] == expected.issuer else Refusal.ISSUER


def _audience(claims: Mapping[str, object], expected: Expected) -> Refusal | None:
    if not expected.audience:
        return None
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    return None if expected.audience in named[:MAX_AUDIENCES] else Refusal.AUDIENCE


def _bearer(claims: Mapping[str, object]) -> Refusal | None:
    """A token whose holder must prove more is not one for SASL, which has no place for the proof."""
    if "cnf" in claims:  # RFC 7800 §3.1
        return Refusal.BOUND
    kind = claims.get("token_type", "Bearer")  # RFC 7662 §2.2: as in RFC 6749 §5.1, without case
    return None if isinstance(kind, str) and kind.lower() == "bearer" else Refusal.BOUND


def _times(claims: Mapping[str, object], now_s: float, *, is_own: bool) -> Refusal | None:
    for name in ("exp", "nbf", "iat"):
        if name in claims and _time(claims, name) is None:
            return Refusal.CLAIMS
    expires_at = _time(claims, "exp")
    if expires_at is None and is_own:
        return Refusal.CLAIMS
    if expires_at is not None and now_s >= expires_at + LEEWAY_S:
        return Refusal.EXPIRED
    earliest = max(_time(claims, name) or 0.0 for name in ("nbf", "iat"))
    return Refusal.TOO_EARLY if now_s < earliest - LEEWAY_S else None


def _time(claims: Mapping[str, object], name: str) -> float | None:
    """A NumericDate (RFC 7519 §2), which may have a fraction."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_TIME_S:
        return None
    return float(value)


def _scope(claims: Mapping[str, object], expected: Expected) -> Refusal | None:
    if not expected.scope:
        return None
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        return Refusal.CLAIMS
    return None if expected.scope in scope.split(" ") else Refusal.SCOPE  # RFC 6749 §3.3
