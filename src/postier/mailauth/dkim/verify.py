"""DKIM verification of a message: every signature, each with its own result.

Not here: whose results count (`dmarc`), the DNS. Source: RFC 6376 §5.4.2, §6.1, RFC 8301, RFC 8463, RFC 8601 §2.7.1.
Invariants: at most `MAX_SIGNATURES` are looked at, each asks for one key name; the body is hashed once per
(canonicalisation, hash, l=); a signature that covers only part of the body never passes.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from postier.mailauth.dkim.canonical import BodyHasher, Canon, relaxed_block, relaxed_field
from postier.mailauth.dkim.keys import MAX_RSA_BITS, MIN_RSA_BITS, BrokenKey, Key, parse_key
from postier.mailauth.dkim.result import DkimResult
from postier.mailauth.dkim.signature import (
    ALGORITHMS,
    Problem,
    Refusal,
    Signature,
    parse_signature,
    without_value,
)
from postier.mailauth.letter import Field, Letter
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import Answer, Asking, TxtQuestion
from postier.mime.scan import Bytes

MAX_SIGNATURES = 10  # per message; more are reported, not verified
MAX_KEY_RECORDS = 3  # TXT records tried at one key name (RFC 6376 §6.1.2 leaves it open)
CLOCK_SKEW_S = 300

_PADDING = PKCS1v15()
_SHA256 = SHA256()


def verify(
    message: Bytes | Letter, now: int, *, max_signatures: int = MAX_SIGNATURES
) -> Asking[tuple[DkimResult, ...]]:
    """Verify every DKIM-Signature of a message, top to bottom; no signature gives ().

    `message` is the whole message (bytes, view or mapped file) or a `Letter`; `now` is seconds since 1970.
    """
    letter = Letter.parse(message)
    if not letter.named(b"dkim-signature"):
        return ()
    verification = Verification(letter.fields, now, max_signatures=max_signatures)
    for piece in letter.body:
        verification.update(piece)
    return (yield from verification.results())


class Verification:
    """A verification in steps: the header first, then the body as it comes in, then the questions.

    `update` may be called while the message is received; `results` is the generator to drive at the end.
    """

    def __init__(self, fields: Sequence[Field], now: int, *, max_signatures: int = MAX_SIGNATURES) -> None:
        self._header = SignedHeader(fields)
        found = [field for field in fields if field.name == b"dkim-signature"]
        self._ignored = len(found[max_signatures:])
        self._signatures = [parse_signature(field, now, CLOCK_SKEW_S) for field in found[:max_signatures]]
        self._hasher = BodyHasher(
            signature.body_key for signature in self._signatures if isinstance(signature, Signature)
        )

    def update(self, piece: Bytes) -> None:
        """The next octets of the body."""
        self._hasher.update(piece)

    def results(self) -> Asking[tuple[DkimResult, ...]]:
        """Ask for the keys and judge; one result a signature, and one for all that were too many."""
        results = []
        answers: dict[str, Answer] = {}
        for signature in self._signatures:
            if isinstance(signature, Refusal):
                results.append(_refused(signature))
                continue
            name = signature.key_name
            if name not in answers:
                answers[name] = yield TxtQuestion(name)
            results.append(self._judge(signature, answers[name]))
        if self._ignored:
            reason = f"{self._ignored} further signatures were not looked at"
            results.append(DkimResult(Outcome.NEUTRAL, problem=Problem.TOO_MANY, reason=reason))
        return tuple(results)

    def _judge(self, signature: Signature, answer: Answer) -> DkimResult:
        key, failure = choose_key(
            signature.algorithm, signature.domain, signature.identity, answer, of_any_service=True
        )
        if failure is None and key is not None:
            failure = self._check(signature, key)
        outcome = Outcome.PASS if failure is None else failure[0].outcome
        return DkimResult(
            outcome,
            signature.domain,
            signature.selector,
            signature.identity,
            signature.algorithm,
            None if failure is None else failure[0],
            "" if failure is None else failure[1],
            0 if key is None else key.bits,
            key is not None and key.is_testing,
            tuple(signature.listed.split(":")),
            signature.body_key.length,
            signature.timestamp,
            signature.expires,
            signature.value,
            f"{signature.header_canon}/{signature.body_key.canon}",
            () if key is None else key.services,
        )

    def _check(self, signature: Signature, key: Key) -> tuple[Problem, str] | None:
        """RFC 6376 §6.1.3 and what we ask beyond it; None when all is well."""
        body = self._hasher.digest(signature.body_key)
        length = signature.body_key.length
        if length is not None and length > body.canonical_length:  # RFC 6376 §3.5 l=
            return Problem.TOO_SHORT, "the body is shorter than l= says"
        if body.digest != signature.body_hash:
            return Problem.BODY, "the body was changed after signing"
        if not self._header.is_signed_by(signature, key):
            return Problem.SIGNATURE, "a signed header field was changed, or the key is another"
        if length is not None and length < body.canonical_length:  # RFC 6376 §8.2
            extra = body.canonical_length - length
            return Problem.PARTIAL, f"{extra} octets of the body are not covered (l=)"
        if self._header.count(b"from") > signature.headers.count(b"from"):  # RFC 6376 §8.15
            return Problem.EXTRA_FROM, "the message has a From that the signature does not cover"
        if not key.is_for_mail:  # RFC 6376 §3.6.1 s=; told only of signatures that are right otherwise
            return Problem.OTHER_SERVICE, "the key is not for e-mail (s=)"
        return None


def choose_key(
    algorithm: str, domain: str, identity: str, answer: Answer, *, of_any_service: bool = False
) -> tuple[Key | None, tuple[Problem, str] | None]:
    """The key for a signature, or why there is none (RFC 6376 §6.1.2); `of_any_service`: one that is not for mail, if no other fits."""
    if answer.is_error:
        return None, (Problem.KEY_UNAVAILABLE, f"the key cannot be looked up now ({answer.status.value})")
    failure: tuple[Problem, str] | None = None
    other: Key | None = None
    for record in answer.records[:MAX_KEY_RECORDS]:
        key = parse_key(record)
        if isinstance(key, BrokenKey):
            failure = failure or (Problem.REVOKED if key.is_revoked else Problem.BAD_KEY, key.why)
        elif (misfit := _misfit(algorithm, domain, identity, key)) is not None:
            failure = misfit
        elif not key.is_for_mail:
            other = other or key
            failure = (Problem.OTHER_SERVICE, "the key is not for e-mail (s=)")
        else:
            return key, None
    if of_any_service and other is not None:
        return other, None
    return None, failure or (Problem.NO_KEY, "there is no such key")


def _misfit(algorithm: str, domain: str, identity: str, key: Key) -> tuple[Problem, str] | None:
    """Why this key must not be used for that signature; None if it may."""
    kind, hash_name = ALGORITHMS[algorithm]
    if key.kind != kind or (key.hashes and hash_name not in key.hashes):
        return Problem.KEY_MISMATCH, f"the key is not for {algorithm}"
    if kind == "rsa" and key.bits < MIN_RSA_BITS:
        return Problem.WEAK_KEY, f"the RSA key has only {key.bits} bits"
    if kind == "rsa" and key.bits > MAX_RSA_BITS:
        return Problem.HUGE_KEY, f"the RSA key has {key.bits} bits"
    if key.is_strict and identity.rpartition("@")[2] != domain:  # RFC 6376 §3.6.1 t=s
        return Problem.FOREIGN_IDENTITY, "i= is a subdomain, which the key forbids (t=s)"
    return None


class SignedHeader:
    """The header of a message, ready to be hashed for any number of signatures."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = fields
        self._names = [field.name for field in fields]
        self._last = dict(zip(self._names, fields, strict=True))
        self._repeated: set[bytes] = set()
        if len(self._last) < len(fields):
            self._repeated = {name for name, times in Counter(self._names).items() if times > 1}

    def count(self, name: bytes) -> int:
        """How many fields have this lower-case name."""
        return self._names.count(name)

    def data(self, names: Sequence[bytes], canon: Canon, own: bytes, verified: Field | None = None) -> bytes:
        """What is hashed: the named fields bottom up, then the signature field `own` (RFC 6376 §5.4.2).

        `verified` is the field that is being verified, where it stands in the header: it is not meant by any name.
        """
        # RFC 6376 §5.4: a name without a field (left) is the null string
        wanted = dict.fromkeys(names)
        if self._repeated.isdisjoint(names) and (verified is None or verified.name not in wanted):
            last = self._last
            chosen = [last[name] for name in wanted if name in last]
        else:
            left: dict[bytes, list[Field]] = {}
            for field in self._fields:
                if (
                    field.name in wanted and field is not verified
                ):  # RFC 6376 §3.5 h=: other signatures, not this one
                    left.setdefault(field.name, []).append(field)
            chosen = [places.pop() for name in names if (places := left.get(name))]
        if canon is Canon.SIMPLE:
            return b"\r\n".join([*[field.raw for field in chosen], own])
        last_field = relaxed_field(own)
        return relaxed_block(chosen) + b"\r\n" + last_field if chosen else last_field

    def is_signed_by(self, signature: Signature, key: Key) -> bool:
        """Whether the key made this signature over this header."""
        own = without_value(signature.field.raw)
        data = self.data(signature.headers, signature.header_canon, own, signature.field)
        return is_valid(data, signature.value, key)


def is_valid(data: bytes, value: bytes, key: Key) -> bool:
    """Whether `value` is the key's signature over `data` (SHA-256 of it for Ed25519, RFC 8463 §3)."""
    try:
        if isinstance(key.public, Ed25519PublicKey):
            key.public.verify(value, hashlib.sha256(data).digest())
        else:
            key.public.verify(value, data, _PADDING, _SHA256)
    except InvalidSignature:
        return False
    return True


def _refused(refusal: Refusal) -> DkimResult:
    return DkimResult(
        refusal.problem.outcome,
        refusal.domain,
        refusal.selector,
        refusal.identity,
        refusal.algorithm,
        refusal.problem,
        refusal.words,
        signature=refusal.value,
    )
