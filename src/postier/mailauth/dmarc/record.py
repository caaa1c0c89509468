"""A DMARC Policy Record parsed.

Source: RFC 9989 §4.7, §4.8, §4.10.1; records of RFC 7489's time parse too, their pct, rf and ri are ignored (§C.5.2).
Invariants: what is malformed behind the version counts as absent; parsed records of usual length are cached by their text.
"""

import enum
import re
from functools import lru_cache

import msgspec

MAX_KEPT_OCTETS = 2_048  # octets of a record whose reading is kept
MAX_URIS = 10  # of rua= and ruf=; more are a mistake or an attack on the reporters

_VERSION = re.compile(rb"[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")  # RFC 9989 §4.8: DMARC1 is case-sensitive
_SIZE = re.compile(r"![0-9]+[kmgt]?\Z", re.IGNORECASE)  # RFC 9989 §4.8 obs-dmarc-report-size
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[!-+\--~]+")  # RFC 3986 §3 in outline, printable, no comma
_OPTIONS = frozenset({"0", "1", "d", "s"})
_DEFAULT_OPTIONS = ("0",)


class Policy(enum.StrEnum):
    """What the owner wishes for mail that fails (RFC 9989 §4.7 p=); also the handling that results from it."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


class DmarcRecord(msgspec.Struct, frozen=True):
    """The tags with their defaults; `policy`, `subdomains`, `nonexistent` are None when absent.

    `is_usable` is false when p= is missing or p=, sp= or np= are wrong and nobody is there to be told (no valid rua=);
    with a valid rua= such a record counts as p=none (RFC 9989 §4.10.1).
    """

    policy: Policy | None = None
    subdomains: Policy | None = None
    nonexistent: Policy | None = None
    is_strict_dkim: bool = False
    is_strict_spf: bool = False
    is_testing: bool = False
    psd: str = "u"
    rua: tuple[str, ...] = ()
    ruf: tuple[str, ...] = ()
    failure_options: tuple[str, ...] = _DEFAULT_OPTIONS
    is_usable: bool = True
    text: str = ""


def is_dmarc(text: bytes) -> bool:
    """Whether a TXT record begins with the version tag of DMARC."""
    return _VERSION.match(text) is not None


def parse_record(text: bytes) -> DmarcRecord | None:
    """The record, or None when it is no DMARC record at all; one of usual length is remembered."""
    return _remembered(text) if len(text) <= MAX_KEPT_OCTETS else _record(text)


def _record(text: bytes) -> DmarcRecord | None:
    if not is_dmarc(text):
        return None
    shown = text.decode("utf-8", "replace")
    tags: dict[str, str] = {}
    for piece in shown.split(";")[1:]:
        name, equals, value = piece.partition("=")
        if equals:
            tags.setdefault(name.strip(" \t").lower(), value.strip(" \t"))
    wishes = {name: _policy(tags.get(name)) for name in ("p", "sp", "np")}
    rua, ruf = _uris(tags.get("rua")), _uris(tags.get("ruf"))
    is_broken = wishes["p"] is None or any(name in tags and wishes[name] is None for name in ("sp", "np"))
    if is_broken and rua:  # RFC 9989 §4.10.1: act as if p=none stood there
        wishes = {"p": Policy.NONE, "sp": None, "np": None}
    return DmarcRecord(
        wishes["p"],
        wishes["sp"],
        wishes["np"],
        tags.get("adkim", "").lower() == "s",
        tags.get("aspf", "").lower() == "s",
        tags.get("t", "").lower() == "y",
        psd if (psd := tags.get("psd", "").lower()) in {"y", "n"} else "u",
        rua,
        ruf,
        _failure_options(tags.get("fo")) if ruf else _DEFAULT_OPTIONS,  # RFC 9989 §4.7 fo=
        is_usable=not is_broken or bool(rua),
        text=shown,
    )


_remembered = lru_cache(maxsize=2048)(_record)


def _policy(value: str | None) -> Policy | None:
    try:
        return Policy((value or "").lower())
    except ValueError:
        return None


def _uris(value: str | None) -> tuple[str, ...]:
    """The syntactically valid reporting URIs, size limits cut off (RFC 9989 §4.8)."""
    uris = (_SIZE.sub("", uri.strip(" \t")) for uri in (value or "").split(","))
    return tuple(uri for uri in uris if _URI.fullmatch(uri))[:MAX_URIS]


def _failure_options(value: str | None) -> tuple[str, ...]:
    """RFC 9989 §4.8 dmarc-fo: each option once, not 0 and 1 together; anything else is the default."""
    options = tuple((value or "").lower().replace(" ", "").split(":"))
    is_valid = (
        set(options) <= _OPTIONS and len(set(options)) == len(options) and not {"0", "1"} <= set(options)
    )
    return options if is_valid else _DEFAULT_OPTIONS
