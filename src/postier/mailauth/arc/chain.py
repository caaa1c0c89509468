"""Validation of an Authenticated Received Chain.

Not here: whether a sealer is trusted (`defence`). Source: RFC 8617 §5.2. Invariants: at most 50 sets, one question a key name, each
field hashed at most twice; the header of each set enters one running hash.
"""

import hashlib
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from postier.mailauth.arc.result import ArcResult
from postier.mailauth.arc.sets import ArcSet, ChainError, chain_of
from postier.mailauth.dkim.canonical import BodyHasher, BodyKey, relaxed_field
from postier.mailauth.dkim.keys import Key
from postier.mailauth.dkim.signature import Signature, SignatureError, check_times, without_value
from postier.mailauth.dkim.verify import CLOCK_SKEW_S, SignedHeader, choose_key
from postier.mailauth.letter import Field, Letter
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import Answer, Asking, TxtQuestion
from postier.mime.scan import Bytes

MAX_BODY_KEYS = 4  # ways of hashing the body; older signatures beyond them count as not passing

_PADDING = PKCS1v15()
_PREHASHED = Prehashed(SHA256())
_NO_CHAIN = ArcResult(Outcome.NONE, trace=("the message has no ARC set",))


def verify(message: Bytes | Letter, now: int) -> Asking[ArcResult]:
    """Validate the chain of a message; `now` is seconds since 1970."""
    letter = Letter.parse(message)
    if not any(field.name.startswith(b"arc-") for field in letter.fields):
        return _NO_CHAIN
    validation = Validation(letter.fields, now)
    for piece in letter.body:
        validation.update(piece)
    return (yield from validation.result())


class Validation:
    """A validation in steps, as `dkim.Verification`: header, body pieces, then the generator `result`."""

    def __init__(self, fields: Sequence[Field], now: int) -> None:
        self._header = SignedHeader(fields)
        self._now = now
        self._answers: dict[str, Answer] = {}
        self._trace: list[str] = []
        self._failure: ChainError | None = None
        self._sets: tuple[ArcSet, ...] = ()
        try:
            self._sets = chain_of(fields)
        except ChainError as error:
            self._failure = error
        keys: dict[BodyKey, None] = {}
        for arc_set in reversed(self._sets):
            for signature in _readings(arc_set):
                if len(keys) < MAX_BODY_KEYS:
                    keys[signature.body_key] = None
        self._body_keys = keys
        self._hasher = BodyHasher(keys)

    def update(self, piece: Bytes) -> None:
        """The next octets of the body."""
        self._hasher.update(piece)

    def result(self) -> Asking[ArcResult]:
        """Ask for the keys and judge (RFC 8617 §5.2)."""
        if self._failure is not None:
            return self._failed(self._failure)
        if not self._sets:
            return _NO_CHAIN
        try:
            problem = yield from self._message_problem(self._sets[-1])  # step 4
            if problem:
                raise ChainError(f"the message signature of set {len(self._sets)}: {problem}")
            oldest_pass = yield from self._oldest_pass()
            yield from self._check_seals()
        except ChainError as error:
            return self._failed(error)
        newest = _readings(self._sets[-1])[0]
        self._trace.append("every seal is right")
        return ArcResult(
            Outcome.PASS,
            tuple(arc_set.seal.domain for arc_set in self._sets),
            tuple(arc_set.assessment for arc_set in self._sets),
            tuple(name.decode() for name in newest.headers),
            oldest_pass,
            trace=tuple(self._trace),
            selectors=tuple(arc_set.seal.selector for arc_set in self._sets),
        )

    def _failed(self, error: ChainError) -> ArcResult:
        self._trace.append(str(error))
        return ArcResult(
            Outcome.FAIL,
            tuple(arc_set.seal.domain for arc_set in self._sets),
            has_ended=error.has_ended,
            problem=str(error),
            trace=tuple(self._trace),
        )

    def _oldest_pass(self) -> Asking[int]:
        """Step 5: the lowest instance whose message signature, and all later ones, pass; 0 for all."""
        for instance in range(len(self._sets) - 1, 0, -1):
            problem = yield from self._message_problem(self._sets[instance - 1])
            if problem:
                self._trace.append(f"the message was changed after set {instance}: {problem}")
                return instance + 1
        return 0

    def _message_problem(self, arc_set: ArcSet) -> Asking[str]:
        """Why the message signature of a set does not pass, "" if it does."""
        if isinstance(arc_set.signatures, str):
            return arc_set.signatures
        problem = ""
        for signature in arc_set.signatures:
            problem = yield from self._signature_problem(signature)
            if not problem:
                break
        return problem

    def _signature_problem(self, signature: Signature) -> Asking[str]:
        try:
            check_times(signature, self._now, CLOCK_SKEW_S)
        except SignatureError as error:
            return error.words
        if signature.body_key not in self._body_keys:
            return "the body would have to be hashed in too many ways"
        body = self._hasher.digest(signature.body_key)
        if body.digest != signature.body_hash:
            return "the body was changed"
        if signature.body_key.length not in {None, body.canonical_length}:
            return "the body is not covered as a whole (l=)"
        key, problem = yield from self._key(signature)
        if key is None:
            return problem
        return "" if self._header.is_signed_by(signature, key) else "a signed header field was changed"

    def _key(self, signature: Signature) -> Asking[tuple[Key | None, str]]:
        name = signature.key_name
        if name not in self._answers:
            self._answers[name] = yield TxtQuestion(name)
        key, failure = choose_key(
            signature.algorithm, signature.domain, signature.identity, self._answers[name]
        )
        return key, "" if failure is None else failure[1]

    def _check_seals(self) -> Asking[None]:
        """Step 6, from the first seal on: the order has no influence on the status. Raises ChainError."""
        running = hashlib.sha256()
        for instance, arc_set in enumerate(self._sets, 1):
            seal = arc_set.seal
            name = seal.key_name
            if name not in self._answers:
                self._answers[name] = yield TxtQuestion(name)
            key, failure = choose_key(seal.algorithm, seal.domain, f"@{seal.domain}", self._answers[name])
            if key is None:
                raise ChainError(f"the seal of set {instance}: {failure[1] if failure else 'no key'}")
            for field in (arc_set.aar, arc_set.ams):  # RFC 8617 §5.1.1
                running.update(relaxed_field(field.raw) + b"\r\n")
            own = running.copy()
            own.update(relaxed_field(without_value(seal.field.raw)))
            if not _is_valid(own.digest(), seal.value, key):
                raise ChainError(f"the seal of set {instance} is wrong")
            running.update(relaxed_field(seal.field.raw) + b"\r\n")
            self._trace.append(f"set {instance} is sealed by {seal.domain}")


def _readings(arc_set: ArcSet) -> tuple[Signature, ...]:
    """The message signature in its readings, none of one that cannot pass."""
    return () if isinstance(arc_set.signatures, str) else arc_set.signatures


def _is_valid(digest: bytes, value: bytes, key: Key) -> bool:
    try:
        if isinstance(key.public, Ed25519PublicKey):
            key.public.verify(value, digest)
        else:
            key.public.verify(value, digest, _PADDING, _PREHASHED)
    except InvalidSignature:
        return False
    return True
