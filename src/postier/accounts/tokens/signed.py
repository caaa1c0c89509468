"""A signed token taken apart, and its signature verified with the issuer's keys.

Not here: keys (`key_set`), what the claims mean (`claims`). Sources: RFC 7515 §3.1, §4.1 and §5.2, RFC 7519 §7.2, RFC 8725 §3,
RFC 9068 §4. Invariants: `alg` picks from the allowed ones and must be one of the named key's own; keys or addresses of
keys in the header (jwk, jku, x5c, x5u) are never looked at (RFC 8725 §3.10); claims are read only after the signature
was verified.
"""

from collections.abc import Sequence

import msgspec

from postier.accounts.tokens.base64url import decode
from postier.accounts.tokens.json_object import JsonError, read_object, text_of
from postier.accounts.tokens.key_set import MAX_KEY_ID_CHARACTERS, Algorithm, KeySet, VerifyingKey
from postier.accounts.tokens.verdict import Refusal

MAX_TOKEN_CHARACTERS = 9_216  # what a SASL response can carry (sasl.exchange)
MAX_HEADER_OCTETS = 2_048
MAX_TRIED_KEYS = 4  # where a token names none
ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 # RFC 9068 §2.1; no secret
GENERAL_TYPE = "jwt"  # RFC 7519 §5.1
_MEDIA_PREFIX = "application/"
_ALGORITHMS = {algorithm.value: algorithm for algorithm in Algorithm}


class RefusedError(Exception):
    """The token is refused."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


class SignedToken(msgspec.Struct, frozen=True):
    """The parts of a token, nothing verified; `key_id` is "" if it names none."""

    algorithm: Algorithm
    key_id: str
    signed: bytes
    payload: bytes
    signature: bytes

    def __repr__(self) -> str:
        return f"SignedToken({self.algorithm.value})"  # never the token in a log


def read_token(token: str, *, accepts_untyped: bool = False) -> SignedToken:
    """The parts of a token whose header is acceptable; raises RefusedError.

    `accepts_untyped`: issuers from before RFC 9068 are known, so a type of JWT or none will do.
    """
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise RefusedError(Refusal.TOO_LONG)
    pieces = token.split(".")
    if len(pieces) == 5:  # RFC 7516 §3.1
        raise RefusedError(Refusal.ENCRYPTED)
    if len(pieces) != 3:
        raise RefusedError(Refusal.MALFORMED)
    header_octets, payload, signature = (decode(piece) for piece in pieces)
    if header_octets is None or payload is None or signature is None:
        raise RefusedError(Refusal.MALFORMED)
    try:
        header = read_object(header_octets, MAX_HEADER_OCTETS)
    except JsonError:
        raise RefusedError(Refusal.MALFORMED) from None
    name = header.get("alg")
    algorithm = _ALGORITHMS.get(name) if isinstance(name, str) else None
    if algorithm is None:
        raise RefusedError(Refusal.ALGORITHM)
    # RFC 7515 §4.1.11: no extension is understood here, so a list of them can't be met; nested tokens (cty) are none of ours
    if "crit" in header or "cty" in header:
        raise RefusedError(Refusal.EXTENSION)
    if not _is_access_token(header.get("typ"), accepts_untyped=accepts_untyped):
        raise RefusedError(Refusal.TYPE)
    key_id = header.get("kid", "")
    if key_id != "" and text_of(key_id, MAX_KEY_ID_CHARACTERS) is None:
        raise RefusedError(Refusal.MALFORMED)
    return SignedToken(algorithm, str(key_id), token.rpartition(".")[0].encode("ascii"), payload, signature)


def verify(token: SignedToken, keys: KeySet) -> None:
    """Raises RefusedError unless a key of the issuer signed the token."""
    if token.key_id:
        named = [key for key in keys.keys if key.key_id == token.key_id]
        if not named:
            raise RefusedError(Refusal.UNKNOWN_KEY)
        fit = _fit(token, named)
        if not fit:
            raise RefusedError(Refusal.WRONG_KEY)
        otherwise = Refusal.SIGNATURE
    else:
        fit, otherwise = _fit(token, keys.keys), Refusal.UNNAMED_KEY
    for key in fit[:MAX_TRIED_KEYS]:
        if key.has_signed(token.algorithm, token.signed, token.signature):
            return
    raise RefusedError(otherwise)


def _fit(token: SignedToken, keys: Sequence[VerifyingKey]) -> list[VerifyingKey]:
    return [key for key in keys if token.algorithm in key.algorithms]


def _is_access_token(kind: object, *, accepts_untyped: bool) -> bool:
    if kind is None:
        return accepts_untyped
    if not isinstance(kind, str):
        return False
    name = kind.lower().removeprefix(_MEDIA_PREFIX)  # RFC 7515 §4.1.9; media types know no case
    return name == ACCESS_TOKEN_TYPE or (accepts_untyped and name == GENERAL_TYPE)
