"""The verdict on an access token that is a JWT, from the issuer's keys alone.

Not here: fetching keys. Sources: RFC 9068 §4, RFC 8725. Invariant: any text gives a verdict, in time that its length bounds.
"""

from postier.accounts.tokens.claims import Expected, judge_claims
from postier.accounts.tokens.json_object import JsonError, read_object
from postier.accounts.tokens.key_set import KeySet
from postier.accounts.tokens.signed import MAX_TOKEN_CHARACTERS, RefusedError, read_token, verify
from postier.accounts.tokens.verdict import Refusal, TokenRefused, TokenVerdict


def judge(
    token: str, keys: KeySet, expected: Expected, now_s: float, *, accepts_untyped: bool = False
) -> TokenVerdict:
    """What the token is worth at Unix time `now_s`."""
    try:
        read = read_token(token, accepts_untyped=accepts_untyped)
        verify(read, keys)
        claims = read_object(read.payload, MAX_TOKEN_CHARACTERS)
    except RefusedError as refused:
        return TokenRefused(refused.refusal)
    except JsonError:
        return TokenRefused(Refusal.CLAIMS)
    return judge_claims(claims, expected, now_s, is_own=True)
