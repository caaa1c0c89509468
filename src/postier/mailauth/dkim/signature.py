"""A DKIM-Signature field parsed, and what about it is wrong.

Not here: the ARC fields' own rules (`arc`), which share `parse_common`. Source: RFC 6376 §3.5, §6.1.1, RFC 8301 §3.1,
RFC 8463 §3, RFC 8616 §5. Invariants: a parsed signature is complete and consistent; problems are values.
"""

import base64
import binascii
import enum
import re
from functools import lru_cache

import msgspec

from postier.mailauth.dkim.canonical import BodyKey, Canon
from postier.mailauth.letter import Field
from postier.mailauth.names import canonical, host_name, is_within, printable
from postier.mailauth.outcome import Outcome
from postier.mailauth.tags import TagError, parse_tags, unfolded, words

MAX_SIGNED_NAMES = 1_000  # entries of h=

# a= value: (key type, hash); rsa-sha1 is recognised so that it can be refused by name
ALGORITHMS = {
    "rsa-sha256": ("rsa", "sha256"),
    "ed25519-sha256": ("ed25519", "sha256"),
    "rsa-sha1": ("rsa", "sha1"),
}

_NUMBER = re.compile(r"[0-9]{1,12}")  # RFC 6376 §3.5 t=, x=: up to 10^12
_HEX_OCTET = re.compile(r"=([0-9A-F]{2})")
_LENGTH = re.compile(r"[0-9]{1,76}")  # RFC 6376 §3.5 l=
# b= inside the raw field: the tag stands behind a semicolon or behind the field's name (RFC 6376 §3.7)
_B_TAG = re.compile(rb";[ \t\r\n]*b[ \t\r\n]*=")
_B_FIRST = re.compile(rb"[^:]*:[ \t\r\n]*b[ \t\r\n]*=")


class Problem(enum.Enum):
    """Why a signature did not pass, with the result that RFC 8601 §2.7.1 has for it."""

    SYNTAX = "syntax"
    UNSUPPORTED = "unsupported"
    TOO_MANY = "too-many"
    NO_FROM = "from-not-signed"
    FOREIGN_IDENTITY = "identity-not-in-domain"
    WEAK_HASH = "sha1"
    NOT_YET = "dated-in-future"
    EXPIRED = "expired"
    KEY_UNAVAILABLE = "key-unavailable"
    NO_KEY = "no-key"
    REVOKED = "key-revoked"
    BAD_KEY = "key-unusable"
    KEY_MISMATCH = "key-not-for-algorithm"
    OTHER_SERVICE = "key-not-for-mail"
    WEAK_KEY = "key-too-weak"
    HUGE_KEY = "key-too-long"
    BODY = "body-changed"
    TOO_SHORT = "body-shorter-than-l"
    PARTIAL = "body-beyond-l"
    SIGNATURE = "signature-wrong"
    EXTRA_FROM = "second-from-not-signed"

    @property
    def outcome(self) -> Outcome:
        """The result word of a signature with this problem."""
        return _OUTCOMES[self]


_OUTCOMES = {
    Problem.SYNTAX: Outcome.NEUTRAL,
    Problem.UNSUPPORTED: Outcome.NEUTRAL,
    Problem.TOO_MANY: Outcome.NEUTRAL,
    Problem.NO_FROM: Outcome.PERMERROR,
    Problem.FOREIGN_IDENTITY: Outcome.PERMERROR,
    Problem.WEAK_HASH: Outcome.POLICY,  # RFC 8301 §3.1: MUST NOT be verified
    Problem.NOT_YET: Outcome.POLICY,
    Problem.EXPIRED: Outcome.FAIL,
    Problem.KEY_UNAVAILABLE: Outcome.TEMPERROR,
    Problem.NO_KEY: Outcome.PERMERROR,
    Problem.REVOKED: Outcome.PERMERROR,
    Problem.BAD_KEY: Outcome.PERMERROR,
    Problem.KEY_MISMATCH: Outcome.PERMERROR,
    Problem.OTHER_SERVICE: Outcome.PERMERROR,
    Problem.WEAK_KEY: Outcome.POLICY,  # RFC 8301 §3.2
    Problem.HUGE_KEY: Outcome.POLICY,
    Problem.BODY: Outcome.FAIL,
    Problem.TOO_SHORT: Outcome.FAIL,
    Problem.PARTIAL: Outcome.POLICY,
    Problem.SIGNATURE: Outcome.FAIL,
    Problem.EXTRA_FROM: Outcome.POLICY,
}


class Signature(msgspec.Struct, frozen=True):
    """The tags of a signature with types; `headers` are lower-case names in the order of h=."""

    field: Field
    algorithm: str
    value: bytes
    body_hash: bytes
    header_canon: Canon
    body_key: BodyKey
    domain: str
    selector: str
    headers: tuple[bytes, ...]
    identity: str
    timestamp: int | None
    expires: int | None
    listed: str  # `headers` with colons between them

    @property
    def key_name(self) -> str:
        """Where the public key is published (RFC 6376 §3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"


class Refusal(msgspec.Struct, frozen=True):
    """A signature that is not worth a key look-up, and why."""

    problem: Problem
    words: str
    domain: str = ""
    selector: str = ""
    algorithm: str = ""
    identity: str = ""
    value: bytes = b""


class SignatureError(Exception):
    """Raised inside this module's parsing only; callers get a Refusal."""

    def __init__(self, problem: Problem, words: str) -> None:
        super().__init__(words)
        self.problem = problem
        self.words = words


def parse_signature(field: Field, now: int, skew_s: int) -> Signature | Refusal:
    """A DKIM-Signature field, checked as far as possible without the key (RFC 6376 §6.1.1)."""
    tags: dict[str, str] = {}
    try:
        tags = tags_of(field)
        if tags.get("v") != "1":
            raise SignatureError(Problem.SYNTAX, "v= is not 1")
        signature = parse_common(field, tags, identity=tags.get("i"))
        if "q" in tags:
            check_query(tags["q"])
        if b"from" not in signature.headers:  # RFC 6376 §5.4
            raise SignatureError(Problem.NO_FROM, "From is not signed")
        check_times(signature, now, skew_s)
    except SignatureError as error:
        return _refusal(error, tags)
    return signature


def check_query(value: str) -> None:
    """q=, one way of it known (RFC 6376 §3.5); raises SignatureError."""
    if "dns/txt" not in words(value):
        raise SignatureError(Problem.UNSUPPORTED, "q= names no known way to the key")


def _refusal(error: SignatureError, tags: dict[str, str]) -> Refusal:
    try:
        value = base64.b64decode(unfolded(tags.get("b", "")))
    except (binascii.Error, ValueError):
        value = b""
    domain, selector = host_name(tags.get("d", "")) or "", host_name(tags.get("s", "")) or ""
    algorithm, identity = printable(tags.get("a", ""), 40), printable(tags.get("i", ""), 120)
    return Refusal(error.problem, error.words, domain, selector, algorithm, identity, value)


def tags_of(field: Field) -> dict[str, str]:
    """The tag list of a field; raises SignatureError."""
    try:
        return parse_tags(field.value.decode("utf-8"))
    except UnicodeDecodeError:
        raise SignatureError(Problem.SYNTAX, "the field is not UTF-8") from None
    except TagError as error:
        raise SignatureError(Problem.SYNTAX, str(error)) from None


def parse_common(field: Field, tags: dict[str, str], *, identity: str | None) -> Signature:
    """The tags that DKIM-Signature and ARC-Message-Signature share; raises SignatureError."""
    algorithm = algorithm_of(tags)
    domain, selector = place_of(tags)
    header_canon, body_canon = _canons(tags.get("c", "simple/simple"))
    listed = _header_names(tags["h"] if "h" in tags else _required(tags, "h"))
    names = tuple(listed.encode().split(b":")) if listed else ()
    if len(names) > MAX_SIGNED_NAMES or b"" in names or not listed.isprintable():
        raise SignatureError(Problem.SYNTAX, "h= is not a list of field names")
    length = None
    if "l" in tags:
        if not _LENGTH.fullmatch(tags["l"]):
            raise SignatureError(Problem.SYNTAX, "l= is not a number")
        length = int(tags["l"])
    return Signature(
        field,
        algorithm,
        base64_of(tags, "b"),
        base64_of(tags, "bh"),
        header_canon,
        BodyKey(body_canon, ALGORITHMS[algorithm][1], length),
        domain,
        selector,
        names,
        _identity(identity, domain),
        number(tags, "t"),
        number(tags, "x"),
        listed,
    )


def algorithm_of(tags: dict[str, str]) -> str:
    """a=, one that is accepted; raises SignatureError."""
    algorithm = _required(tags, "a").lower()
    if algorithm not in ALGORITHMS:
        raise SignatureError(Problem.UNSUPPORTED, f"algorithm {printable(algorithm, 40)!r} is unknown")
    if algorithm == "rsa-sha1":  # RFC 8301 §3.1
        raise SignatureError(Problem.WEAK_HASH, "rsa-sha1 is not accepted")
    return algorithm


def place_of(tags: dict[str, str]) -> tuple[str, str]:
    """d= and s=, which make a name together; raises SignatureError."""
    domain, selector = host_name(_required(tags, "d")), host_name(_required(tags, "s"))
    if domain is None or selector is None or "." not in domain:
        raise SignatureError(Problem.SYNTAX, "d= or s= is not a domain name")
    if canonical(f"{selector}._domainkey.{domain}") is None:
        raise SignatureError(Problem.SYNTAX, "d= and s= are too long together")
    return domain, selector


def without_value(raw: bytes) -> bytes:
    """The raw field with the value of b= taken out (RFC 6376 §3.7)."""
    found = _B_TAG.search(raw) or _B_FIRST.match(raw)
    if found is None:
        return raw
    end = raw.find(b";", found.end())
    return raw[: found.end()] + (raw[end:] if end >= 0 else b"")


def _required(tags: dict[str, str], name: str) -> str:
    value = tags.get(name)
    if not value:
        raise SignatureError(Problem.SYNTAX, f"{name}= is missing")
    return value


def base64_of(tags: dict[str, str], name: str) -> bytes:
    """A base64 tag that must be there; raises SignatureError."""
    try:
        return binascii.a2b_base64(unfolded(_required(tags, name)), strict_mode=True)
    except ValueError:  # binascii.Error, or text outside ASCII
        raise SignatureError(Problem.SYNTAX, f"{name}= is not base64") from None


def number(tags: dict[str, str], name: str) -> int | None:
    """A decimal tag, None without it; raises SignatureError."""
    value = tags.get(name)
    if value is None:
        return None
    if not _NUMBER.fullmatch(value):
        raise SignatureError(Problem.SYNTAX, f"{name}= is not a number")
    return int(value)


def _header_names(value: str) -> str:
    """RFC 6376 §3.5 h=: the names in lower case, without the white space around colons; SignatureError for any within a name."""
    pieces = value.lower().split()
    before = ":"
    for piece in pieces:
        if before[-1] != ":" and piece[0] != ":":
            raise SignatureError(Problem.SYNTAX, "h= is not a list of field names")
        before = piece
    return "".join(pieces)


@lru_cache(maxsize=64)
def _canons(value: str) -> tuple[Canon, Canon]:
    """RFC 6376 §3.5 c=: header/body, the body's is simple when it is not named."""
    header, slash, body = value.lower().partition("/")
    try:
        return Canon(header), Canon(body if slash else "simple")
    except ValueError:
        raise SignatureError(Problem.UNSUPPORTED, "c= names an unknown canonicalisation") from None


def _identity(value: str | None, domain: str) -> str:
    """RFC 6376 §3.5 i=: its domain is that of d= or below it."""
    if value is None:
        return f"@{domain}"
    value = _HEX_OCTET.sub(_octet, unfolded(value))  # RFC 6376 §2.11 dkim-quoted-printable
    local, at, host = value.rpartition("@")
    name = canonical(host)
    if not at or name is None:
        raise SignatureError(Problem.SYNTAX, "i= is not an identity")
    if not is_within(name, domain):
        raise SignatureError(Problem.FOREIGN_IDENTITY, "i= is not within d=")
    return f"{printable(local, 100)}@{name}"


def _octet(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


def check_times(signature: Signature, now: int, skew_s: int) -> None:
    """t= and x= against the clock; raises SignatureError."""
    created, expires = signature.timestamp, signature.expires
    if expires is not None and created is not None and expires <= created:
        raise SignatureError(Problem.SYNTAX, "x= is not after t=")
    if created is not None and created > now + skew_s:  # RFC 6376 §3.5 t=
        raise SignatureError(Problem.NOT_YET, "the signature is dated in the future")
    if expires is not None and expires < now - skew_s:  # RFC 6376 §3.5 x=
        raise SignatureError(Problem.EXPIRED, "the signature has expired")
