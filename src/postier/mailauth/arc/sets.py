"""ARC sets collected from a header and checked for structure.

Source: RFC 8617 §4.1, §4.2, §5.2 steps 1 to 3. Invariants: a `Chain` has sets 1 to N, each with one field of each kind, parsed; what
is wrong is a ChainError.
"""

import re
from collections.abc import Sequence

import msgspec

from postier.mailauth.authentication_results.field import without_comments
from postier.mailauth.dkim.signature import (
    Signature,
    SignatureError,
    algorithm_of,
    base64_of,
    check_query,
    number,
    parse_common,
    place_of,
    tags_of,
)
from postier.mailauth.letter import Field
from postier.mailauth.tags import TagError, parse_tags, unfolded

MAX_SETS = 50  # RFC 8617 §4.2.1

AAR, AMS, SEAL = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
_KINDS = frozenset({AAR, AMS, SEAL})
_POSITION = re.compile(r"0?([1-9])|([1-9][0-9])")  # RFC 8617 §4.2.1: one or two digits
_CFWS = rb"(?:[ \t\r\n]|\((?:[^()\\]|\\.)*\))*"  # comments in comments are not looked into
_AAR = re.compile(rb"%b" * 8 % (_CFWS, b"i", _CFWS, b"=", _CFWS, b"([0-9]+)", _CFWS, b";(.*)"), re.DOTALL)


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
    """One set; `signatures` is the parsed ARC-Message-Signature in its readings, or why it cannot pass."""

    aar: Field
    assessment: bytes
    ams: Field
    signatures: tuple[Signature, ...] | str
    seal: Seal


def collect(fields: Sequence[Field]) -> dict[int, dict[bytes, Field]]:
    """The ARC fields by instance; raises ChainError for repetition and for instances out of range."""
    found: dict[int, dict[bytes, Field]] = {}
    for field in fields:
        if field.name in _KINDS:
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


def highest(fields: Sequence[Field]) -> tuple[int, bool]:
    """The highest instance among the fields that can be read, 0 without any, and whether a seal of it says cv=fail.

    For chains whose structure is broken (RFC 8617 §5.1 steps 2 and 3); an instance over the limit counts too.
    """
    newest, has_ended = 0, False
    for field in fields:
        if field.name not in _KINDS:
            continue
        try:
            instance = _instance(field)
        except ChainError:
            continue
        if instance > newest:
            newest, has_ended = instance, False
        has_ended |= instance == newest and field.name == SEAL and _says_fail(field)
    return newest, has_ended


def _arc_set(instance: int, fields: dict[bytes, Field]) -> ArcSet:
    if len(fields) != 3:
        raise ChainError(f"set {instance} is not complete")
    seal = _seal(instance, fields[SEAL])
    wanted = "none" if instance == 1 else "pass"
    if seal.cv != wanted:
        raise ChainError(f"the seal of set {instance} says cv={seal.cv or 'nothing'}, not {wanted}")
    aar = _AAR.fullmatch(fields[AAR].value)
    assert aar is not None  # `_instance` has read it
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
        if "(" in text:  # RFC 8617 §4.1.2, §4.1.3: CFWS behind the instance, though DKIM has no comments
            text = without_comments(text).strip()
    position = _POSITION.fullmatch(text)
    if position is None:
        raise ChainError(f"{field.name.decode()} has no instance from 1 to {MAX_SETS}")
    return int(position[0])


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


def _message_signature(field: Field) -> tuple[Signature, ...] | str:
    """An AMS read as DKIM is, with what the public ARC test suite (and dkimpy) reads differently.

    Without c= it is simple/simple (RFC 6376 §3.5) or, as the ARC drafts had it and signers of their time signed, relaxed/relaxed: a
    signature that is right in either reading is right. h= may be empty, have empty names, or lack From: `ArcResult.is_from_signed`
    tells. It must not cover a seal (RFC 8617 §4.1.2); the suite's own messages cover the other two kinds.
    """
    try:
        tags = tags_of(field)
        if "h" not in tags:
            return "h= is missing"
        if "q" in tags:
            check_query(tags["q"])
        tags["h"] = ":".join(name for name in unfolded(tags["h"]).split(":") if name)
        signature = parse_common(field, tags, identity=None)
        if SEAL in signature.headers:
            return "h= names ARC-Seal"
        if "c" in tags:
            return (signature,)
        return signature, parse_common(field, {"c": "relaxed/relaxed"} | tags, identity=None)
    except SignatureError as error:
        return error.words
