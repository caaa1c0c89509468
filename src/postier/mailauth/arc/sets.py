"""ARC sets collected from a header and checked for structure.

Source: RFC 8617 §4.1, §4.2, §5.2 steps 1 to 3. Invariants: a `Chain` has sets 1 to N, each with one field of each kind, parsed; what
is wrong is a ChainError.
"""

import re
from collections.abc import Sequence

import msgspec

from postier.mailauth.dkim.signature import (
    Signature,
    SignatureError,
    algorithm_of,
    base64_of,
    number,
    parse_common,
    place_of,
    tags_of,
)
from postier.mailauth.letter import Field
from postier.mailauth.tags import TagError, parse_tags

MAX_SETS = 50  # RFC 8617 §4.2.1

AAR, AMS, SEAL = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
_INSTANCE = re.compile(r"0*([1-9][0-9]?)")
_AAR = re.compile(rb"[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*([0-9]+)[ \t\r\n]*;(.*)", re.DOTALL)


class ChainError(Exception):
    """The chain fails; the text says why. `has_ended` when its newest seal says so itself."""

    def __init__(self, words: str, *, has_ended: bool = False) -> None:
        super().__init__(words)
        self.has_ended = has_ended


class Seal(msgspec.Struct, frozen=True):
    """The tags of an ARC-Seal."""

    field: Field
    algorithm: str
    value: bytes
    domain: str
    selector: str
    cv: str

    @property
    def key_name(self) -> str:
        """Where the public key is published."""
        return f"{self.selector}._domainkey.{self.domain}"


class ArcSet(msgspec.Struct, frozen=True):
    """One set; `signature` is the parsed ARC-Message-Signature, or why it cannot pass."""

    aar: Field
    assessment: bytes
    ams: Field
    signature: Signature | str
    seal: Seal


def collect(fields: Sequence[Field]) -> dict[int, dict[bytes, Field]]:
    """The ARC fields by instance; raises ChainError for repetition and for instances out of range."""
    found: dict[int, dict[bytes, Field]] = {}
    for field in fields:
        if field.name in {AAR, AMS, SEAL}:
            instance = _instance(field)
            if field.name in found.setdefault(instance, {}):
                raise ChainError(f"set {instance} has two fields of a kind")
            found[instance][field.name] = field
    if found and (max(found) > MAX_SETS):
        raise ChainError(f"more than {MAX_SETS} sets")
    return found


def chain_of(fields: Sequence[Field]) -> tuple[ArcSet, ...]:
    """The sets in order, () without any; raises ChainError (RFC 8617 §5.2 steps 1 to 3)."""
    found = collect(fields)
    if not found:
        return ()
    newest = max(found)
    if (last := found[newest].get(SEAL)) is not None and _says_fail(last):
        raise ChainError(f"the seal of set {newest} says that the chain had failed", has_ended=True)
    if sorted(found) != list(range(1, newest + 1)):
        raise ChainError("the sets are not numbered without a gap")
    return tuple(_arc_set(instance, found[instance]) for instance in range(1, newest + 1))


def _arc_set(instance: int, fields: dict[bytes, Field]) -> ArcSet:
    if len(fields) != 3:
        raise ChainError(f"set {instance} is not complete")
    aar = _AAR.fullmatch(fields[AAR].value)
    assert aar is not None  # `_instance` has read it
    seal = _seal(instance, fields[SEAL])
    wanted = "none" if instance == 1 else "pass"
    if seal.cv != wanted:
        raise ChainError(f"the seal of set {instance} says cv={seal.cv or 'nothing'}, not {wanted}")
    return ArcSet(fields[AAR], aar[2], fields[AMS], _message_signature(fields[AMS]), seal)


def _instance(field: Field) -> int:
    """i= of a field; it leads an AAR and may stand anywhere in the others. Raises ChainError."""
    if field.name == AAR:
        aar = _AAR.fullmatch(field.value)
        text = aar[1].decode() if aar is not None else ""
    else:
        try:
            text = parse_tags(field.value.decode("utf-8")).get("i", "")
        except (TagError, UnicodeDecodeError):
            raise ChainError(f"{field.name.decode()} is malformed") from None
    number = _INSTANCE.fullmatch(text)
    if number is None:
        raise ChainError(f"{field.name.decode()} has no instance from 1 to {MAX_SETS}")
    return int(number[1])


def _says_fail(field: Field) -> bool:
    try:
        return tags_of(field).get("cv", "").lower() == "fail"
    except SignatureError:
        return False


def _seal(instance: int, field: Field) -> Seal:
    try:
        tags = tags_of(field)
        if "h" in tags:  # RFC 8617 §4.1.3
            raise ChainError(f"the seal of set {instance} has h=")
        number(tags, "t")
        domain, selector = place_of(tags)
        return Seal(
            field, algorithm_of(tags), base64_of(tags, "b"), domain, selector, tags.get("cv", "").lower()
        )
    except SignatureError as error:
        raise ChainError(f"the seal of set {instance}: {error.words}") from None


def _message_signature(field: Field) -> Signature | str:
    """An AMS read as DKIM is, with what the public ARC test suite (and dkimpy) reads differently.

    Without c= it is relaxed/relaxed (the default of the ARC drafts; RFC 6376 §3.5 would say simple/simple), and h= may be empty
    or lack From: `ArcResult.is_from_signed` tells. It must not cover a seal (RFC 8617 §4.1.2); the suite's own
    messages cover the other two kinds.
    """
    try:
        tags = tags_of(field)
        if "h" not in tags:
            return "h= is missing"
        signature = parse_common(field, {"c": "relaxed/relaxed"} | tags, identity=None)
    except SignatureError as error:
        return error.words
    if SEAL in signature.headers:
        return "h= names ARC-Seal"
    return signature
