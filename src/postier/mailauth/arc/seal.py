"""Sealing: the ARC set to stand above a message that is passed on.

Source: RFC 8617 §5.1. Invariants: relaxed/relaxed; tags in alphabetical order, so that the same input gives the same octets
everywhere; nothing is added to a chain that has ended; Authentication-Results and ARC fields are never signed by the
message signature.
"""

import base64
import re
from collections.abc import Sequence

from postier.mailauth.arc.sets import AAR, AMS, MAX_SETS, SEAL, ChainError, chain_of, highest
from postier.mailauth.authentication_results.field import MethodResult, parse, payload, without_comments
from postier.mailauth.dkim.canonical import BodyHasher, BodyKey, Canon, relaxed_field
from postier.mailauth.dkim.keys import DEFAULT_RSA_BITS
from postier.mailauth.dkim.sign import SigningKey, check_strength, complete, header_names
from postier.mailauth.dkim.verify import SignedHeader
from postier.mailauth.letter import Field, Letter
from postier.mailauth.names import canonical
from postier.mailauth.outcome import Outcome
from postier.mime.scan import Bytes

_BODY = BodyKey(Canon.RELAXED)
_AR = b"authentication-results"
_NEVER = frozenset({_AR, AAR, AMS, SEAL})  # RFC 8617 §4.1.2
# Seals cover b= of message signatures with its white space. The public ARC signing suite has none there, so b= stays on
# one line as long as RFC 5322 §2.1.1 allows (998 octets).
_B_WIDTH = 900
_STATUSES = {"none": Outcome.NONE, "pass": Outcome.PASS, "fail": Outcome.FAIL}
_LINE_END = re.compile(r"[ \t]*\r\n[ \t]+")


def seal(
    message: Bytes | Letter,
    key: SigningKey,
    authserv_id: str,
    now: int,
    *,
    status: str | None = None,
    results: Sequence[MethodResult] | None = None,
    headers: Sequence[str] | None = None,
    min_rsa_bits: int = DEFAULT_RSA_BITS,
) -> bytes:
    """The three fields of the next set, ARC-Seal first, to be put in front of the message; b"" where none may be added.

    `status` is the result of `verify` on arrival; by default the arc= of our own Authentication-Results, and "none" for a message
    without a chain. `results` go into the ARC-Authentication-Results; by default all that stands in the message's
    Authentication-Results fields of `authserv_id`. `headers` pins h=. No set is added to a chain that has ended, that has 50 sets, or
    whose status is not known (RFC 8617 §5.1). ValueError for a weak RSA key, and for a status other than none, pass and fail.
    """
    if status not in {None, *_STATUSES}:  # RFC 8617 §4.1.3 cv=
        raise ValueError(f"{status!r} is no status of a chain: none, pass or fail")
    check_strength(key, min_rsa_bits)
    letter = Letter.parse(message)
    text, found = (
        _assessment(letter, authserv_id) if results is None else (payload(authserv_id, results), None)
    )
    previous, instance, is_sound = _previous(letter.fields)
    cv = (_STATUSES.get(status or "") or found or (Outcome.NONE if instance == 1 else None)) if text else None
    if previous is None or cv is None or instance > MAX_SETS or (cv is Outcome.NONE) != (instance == 1):
        return b""
    if not is_sound:
        cv = Outcome.FAIL
    aar = f"ARC-Authentication-Results: i={instance}; {text}".encode()
    ams = _message_signature(letter, key, instance, now, headers)
    scope = [*(previous if cv is not Outcome.FAIL else ()), aar, ams.removesuffix(b"\r\n")]  # RFC 8617 §5.1.2
    covered = [relaxed_field(raw) for raw in scope]
    tags = [("a", key.algorithm), ("b", ""), ("cv", str(cv)), ("d", key.domain)]
    tags += [("i", str(instance)), ("s", key.selector), ("t", str(now))]
    own = complete(
        "ARC-Seal", tags, key, lambda own: b"\r\n".join([*covered, relaxed_field(own)]), b_width=_B_WIDTH
    )
    return own + ams + aar + b"\r\n"


def _previous(fields: Sequence[Field]) -> tuple[list[bytes] | None, int, bool]:
    """The raw fields of the sets so far in sealing order (None: the chain has ended), the next instance, soundness."""
    try:
        sets = chain_of(fields)
    except ChainError:
        newest, has_ended = highest(fields)
        return None if has_ended or not newest else [], newest + 1, False
    raws = [raw for found in sets for raw in (found.aar.raw, found.ams.raw, found.seal.field.raw)]
    return raws, len(sets) + 1, True


def _message_signature(
    letter: Letter, key: SigningKey, instance: int, now: int, headers: Sequence[str] | None
) -> bytes:
    header = SignedHeader(letter.fields)
    if headers is None:  # RFC 8617 §4.1.2: DKIM-Signature fields SHOULD be included
        headers = (*header_names(header), *["DKIM-Signature"] * header.count(b"dkim-signature"))
    names = [name.lower() for name in headers if name.lower().encode() not in _NEVER]
    hasher = BodyHasher((_BODY,))
    for piece in letter.body:
        hasher.update(piece)
    body_hash = base64.b64encode(hasher.digest(_BODY).digest).decode()
    tags = [("a", key.algorithm), ("b", ""), ("bh", body_hash), ("c", "relaxed/relaxed"), ("d", key.domain)]
    tags += [("h", ":".join(names)), ("i", str(instance)), ("s", key.selector), ("t", str(now))]
    signed = [name.encode() for name in names]
    return complete(
        "ARC-Message-Signature",
        tags,
        key,
        lambda own: header.data(signed, Canon.RELAXED, own),
        b_width=_B_WIDTH,
    )


def _assessment(letter: Letter, authserv_id: str) -> tuple[str, Outcome | None]:
    """Our results in the message's own words, merged (RFC 8617 §4.1.1), and the arc= among them; "" without any."""
    ours = canonical(authserv_id) or authserv_id.lower()
    parts: list[str] = []
    statuses: set[str] = set()
    for field in letter.named(_AR):
        found = parse(field.value)
        if found is None or (canonical(found.authserv_id) or found.authserv_id.lower()) != ours:
            continue
        statuses |= {result.result for result in found.results if result.method == "arc"}
        body = _after_service(field.value.decode("utf-8", "replace"))
        if body and without_comments(body).strip().lower() != "none":
            parts.append(_LINE_END.sub("\r\n ", body))
    if not parts:
        return "", None
    status = _STATUSES.get(statuses.pop()) if len(statuses) == 1 else (Outcome.FAIL if statuses else None)
    return ";\r\n ".join([authserv_id, *parts]), status


def _after_service(value: str) -> str:
    """What follows the authserv-id, comments of the results kept."""
    return value.partition(";")[2].strip(" \t\r\n")
