"""OAUTHBEARER and XOAUTH2: a token that somebody else gave out says who the client is.

Not here: whether the token is good (the rooms above). Sources: RFC 7628; RFC 6750 §2.1 (Bearer); XOAUTH2 as the programs of its
inventors and everybody since speak it. Invariant: a token is printable ASCII and bounded; after a refusal the client is told why
and says one more word before the exchange fails (RFC 7628 §3.2.3).
"""

import re

import msgspec

from postier.sasl.exchange import MAX_RESPONSE_OCTETS, Challenge, Failed, Failure, Step, TokenGiven

_NAME = rb"((?:[^\x00-\x1f=,\x7f]|=2C|=3D)*)"
_PAIRS = rb"((?:[A-Za-z]+=[\t\n\r -~]*\x01)*)"
_BEARER = re.compile(rb"auth=bearer +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)
_STANDARD = re.compile(rb"n,(?:a=" + _NAME + rb")?,\x01" + _PAIRS + rb"\x01")
_OLDER = re.compile(rb"user=([^\x00-\x1f\x7f]*)\x01" + _PAIRS + rb"\x01")


class Told(msgspec.Struct, frozen=True):
    """What a client whose token is refused is told, so that it can get a better one; "" is left out."""

    scope: str = ""
    openid_configuration: str = ""  # the URL of a document about the issuer


NOTHING_TOLD = Told()


class OAuthServer:
    """The server's side: start gives TokenGiven; if the token is not good `refuse`, then step."""

    __slots__ = ("_is_refused", "_is_standard", "_told")

    def __init__(self, *, is_standard: bool, told: Told = NOTHING_TOLD) -> None:
        self._is_standard = is_standard
        self._told = told
        self._is_refused = False

    def start(self, initial: bytes | None) -> Step:
        """The token, or an empty challenge if it did not come with the command."""
        return Challenge(b"") if initial is None else self.step(initial)

    def step(self, response: bytes) -> Step:
        """The client's message; after a refusal whatever it says ends the exchange."""
        if self._is_refused:
            return Failed(Failure.WRONG)
        if len(response) > MAX_RESPONSE_OCTETS:
            return Failed(Failure.MALFORMED)
        found = (_STANDARD if self._is_standard else _OLDER).fullmatch(response)
        if found is None:
            return Failed(Failure.MALFORMED)
        bearers = [
            _BEARER.fullmatch(pair) for pair in found[2].split(b"\x01") if pair[:5].lower() == b"auth="
        ]
        if len(bearers) != 1 or bearers[0] is None:
            return Failed(Failure.MALFORMED)
        try:
            name = (found[1] or b"").decode("utf-8")
        except UnicodeDecodeError:
            return Failed(Failure.MALFORMED)
        if self._is_standard:
            name = name.replace("=2C", ",").replace("=3D", "=")
        return TokenGiven(name, bearers[0][1].decode("ascii"))

    def refuse(self, *, lacks_scope: bool = False) -> Challenge:
        """The token is not good, or good for too little: tell it as JSON (RFC 7628 §3.2.2, RFC 6750 §3.1)."""
        self._is_refused = True
        if not self._is_standard:
            answer = {"status": "401", "schemes": "bearer", "scope": self._told.scope}
            return Challenge(msgspec.json.encode(answer))
        answer = {"status": "insufficient_scope" if lacks_scope else "invalid_token"}
        if self._told.scope:
            answer["scope"] = self._told.scope
        if self._told.openid_configuration:
            answer["openid-configuration"] = self._told.openid_configuration
        return Challenge(msgspec.json.encode(answer))
