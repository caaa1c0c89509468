"""Asking the issuer about a token: the form that is sent, and the verdict in the answer.

Not here: HTTP. Sources: RFC 7662 §2, RFC 6749 §2.3.1 (the client's credentials, each form-encoded before they are joined).
Invariant: any octets give a verdict; only `true` is active.
"""

from base64 import b64encode
from urllib.parse import quote_plus, urlencode

from postier.accounts.tokens.claims import Expected, judge_claims
from postier.accounts.tokens.json_object import JsonError, read_object
from postier.accounts.tokens.verdict import Refusal, TokenRefused, TokenVerdict

MAX_ANSWER_OCTETS = 64 << 10


def introspection_form(token: str) -> bytes:
    """The body of the request."""
    return urlencode({"token": token, "token_type_hint": "access_token"}).encode("ascii")


def basic_authorization(client_id: str, client_secret: str) -> str:
    """The value of Authorization for the client's name and secret."""
    return "Basic " + b64encode(
        f"{quote_plus(client_id)}:{quote_plus(client_secret)}".encode("ascii")
    ).decode("ascii")


def judge_answer(answer: bytes, expected: Expected, now_s: float) -> TokenVerdict:
    """What the token is worth at Unix time `now_s`, by what the issuer answered."""
    try:
        claims = read_object(answer, MAX_ANSWER_OCTETS)
    except JsonError:
        return TokenRefused(Refusal.ANSWER)
    is_active = claims.get("active")
    if not isinstance(is_active, bool):
        return TokenRefused(Refusal.ANSWER)
    if not is_active:
        return TokenRefused(Refusal.INACTIVE)
    return judge_claims(claims, expected, now_s, is_own=False)
