"""What a letter is told of its sender's logo, at once: from memory, from the store, or "later".

Not here: fetching (`fetching`). Source: draft-brand-indicators-for-message-identification-10 §5, §7. Invariants: a letter waits for DNS
and the store, never for HTTPS; a claim is wished for once in WISH_AGAIN_S; memory and wishes are bounded; a store that does not answer
costs a letter its logo and nothing else. With roots configured, mail programs get only the logos that one of them vouches for.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from postier.dns.ask import Answering, ask
from postier.mailauth import bimi
from postier.mailauth.authentication_results import MethodResult
from postier.mailauth.bimi import Assertion, Authority, BimiResult, Claim, Indicator
from postier.mailauth.dkim import DkimResult
from postier.mailauth.dmarc import DmarcResult, Policy
from postier.mailauth.letter import Letter
from postier.mailauth.outcome import Outcome
from postier.mta.logos.rows import JudgedLogo, find_logo
from postier.store.transaction import Store, StoreError

MAX_IN_MEMORY = 256  # claims of one worker, with the fields for mail programs
MAX_WISHES = 100  # waiting to be fetched; what comes while it is full is wished for by a later letter
MAX_WISHED = 2_000  # claims of which it is known when they were wished for
REMEMBERED_S = 60.0
WISH_AGAIN_S = 60.0

V = TypeVar("V")

_encode = msgspec.msgpack.Encoder().encode


class Told(msgspec.Struct, frozen=True):
    """The entry of Authentication-Results, and the fields for mail programs, CRLF at their end (b"": no logo)."""

    method: MethodResult
    fields: bytes = b""


class Wish(msgspec.Struct, frozen=True):
    """A claim whose files are to be fetched."""

    claim: Claim
    fingerprint: bytes


class _Remembered(msgspec.Struct, frozen=True):
    told: Told
    judged: JudgedLogo
    until_s: float


class LogoShelf:
    """One worker's; belongs to its loop. `wishes` is read by whoever fetches."""

    def __init__(
        self,
        store: Store,
        now_us: Callable[[], int],
        roots: Sequence[x509.Certificate] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._now_us = now_us
        self._clock = clock
        self._memory: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._wished: OrderedDict[bytes, float] = OrderedDict()  # when
        self.wishes: asyncio.Queue[Wish] = asyncio.Queue(MAX_WISHES)
        self.trust(roots)

    def trust(self, roots: Sequence[x509.Certificate]) -> None:
        """Believe these authorities from now on; what others vouched for is judged anew."""
        self.roots = tuple(roots)
        self._roots_id = hashlib.sha256(b"".join(one.public_bytes(Encoding.DER) for one in roots)).digest()

    async def told(
        self, letter: Letter, dmarc: DmarcResult, dkim: Sequence[DkimResult], resolver: Answering
    ) -> Told | None:
        """What to tell of the logo; None where the author's domain is not proved or asks for nothing (§7.1)."""
        if dmarc.result is not Outcome.PASS or dmarc.published in {None, Policy.NONE}:
            return None
        claim = await ask(bimi.claim_of(letter, dmarc, dkim), resolver)
        if isinstance(claim, BimiResult):
            return Told(bimi.of_bimi(claim))
        return await self._of_claim(claim)

    async def _of_claim(self, claim: Claim) -> Told:
        fingerprint = self._fingerprint(claim)
        known = self._memory.get(fingerprint)
        if known is None or self._clock() >= known.until_s:
            known = await self._from_store(claim, fingerprint)
        now_us = self._now_us()
        if known is None or now_us >= known.judged.renew_at:
            self._wish(Wish(claim, fingerprint))
        if known is None or now_us >= known.judged.expires_at:
            later = BimiResult(
                Assertion.TEMPERROR,
                claim.place,
                claim.selector,
                claim.record,
                problem="the logo is not here yet",
            )
            return Told(bimi.of_bimi(later))
        return known.told

    async def _from_store(self, claim: Claim, fingerprint: bytes) -> _Remembered | None:
        try:
            judged = await self._store.read(find_logo, claim.organisation, fingerprint)
        except StoreError as error:  # a logo is no reason to refuse a letter
            structlog.get_logger().warning("logo-not-read", domain=claim.domain, error=str(error))
            return None
        if judged is None:
            return None
        known = _Remembered(self._tell(claim, judged), judged, self._clock() + REMEMBERED_S)
        _put(self._memory, fingerprint, known, MAX_IN_MEMORY)
        return known

    def _tell(self, claim: Claim, judged: JudgedLogo) -> Told:
        result = BimiResult(
            judged.result,
            claim.place,
            claim.selector,
            claim.record,
            Indicator(judged.document, judged.title) if judged.document else None,
            judged.authority,
            problem=judged.problem,
        )
        is_shown = judged.authority is Authority.PASS or not self.roots
        return Told(bimi.of_bimi(result), bimi.header_fields(result) if is_shown else b"")

    def _wish(self, wish: Wish) -> None:
        now_s = self._clock()
        wished_s = self._wished.get(wish.fingerprint)
        if self.wishes.full() or (wished_s is not None and now_s < wished_s + WISH_AGAIN_S):
            return
        _put(self._wished, wish.fingerprint, now_s, MAX_WISHED)
        self.wishes.put_nowait(wish)

    def forget(self, fingerprint: bytes) -> None:
        """Ask the store again: it has been fetched."""
        self._memory.pop(fingerprint, None)

    def _fingerprint(self, claim: Claim) -> bytes:
        """What decides what is told of a claim."""
        record = claim.record
        evidence = record.evidence.text if record.evidence is not None else ""
        facts = (
            claim.domain,
            claim.organisation,
            claim.place,
            claim.selector,
            claim.location.text,
            evidence,
            record.avatar,
            self._roots_id,
        )
        return hashlib.sha256(_encode(facts)).digest()[:16]


def _put(memory: OrderedDict[bytes, V], key: bytes, value: V, limit: int) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > limit:
        memory.popitem(last=False)
