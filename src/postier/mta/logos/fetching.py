"""Fetches and judges the files of one claim, and keeps what became of them.

Not here: who does it when (`app.logo_fetcher`), HTTPS and which addresses may be dialled (`tls.logos`). Invariants: of all workers one
fetches a claim; the files are judged in a thread, for SVG and certificates of strangers take their time; what goes wrong is
remembered too, for a shorter time.
"""

import asyncio
from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol

import msgspec
import structlog
from cryptography import x509

from postier.mailauth.bimi import Assertion, BimiResult, Claim, HttpsQuestion, examine
from postier.mailauth.questions import Answer
from postier.mta.logos.rows import FAILED_KEPT_US, KEPT_US, JudgedLogo, begin_fetching, find_logo, keep_logo
from postier.mta.logos.shelf import Wish
from postier.store.transaction import Store

SECOND_US = 1_000_000


class FileSource(Protocol):
    """Whoever fetches a file; `tls.logos.LogoSource` is one."""

    async def query(self, question: HttpsQuestion) -> Answer:
        """The file, or why it can't be had; never raises for a fact of the network."""
        ...


class _Judged(msgspec.Struct, frozen=True):
    result: BimiResult


async def fetch_logo(
    store: Store,
    wish: Wish,
    source: FileSource,
    roots: Sequence[x509.Certificate],
    now_us: Callable[[], int],
) -> JudgedLogo | None:
    """Fetch what is wished for, unless somebody does or has done so; what became of it. Raises StoreError."""
    claim = wish.claim
    if not await store.write(begin_fetching, claim.organisation, wish.fingerprint):
        return None
    result, is_complete = await _judge(claim, source, roots, now_us() // SECOND_US)
    judged = _kept(result, now_us())
    if not is_complete:  # a server that does not answer now does not take back what it gave before
        known = await store.read(find_logo, claim.organisation, wish.fingerprint)
        if known is not None and known.expires_at > judged.renew_at:
            judged = msgspec.structs.replace(known, renew_at=judged.renew_at)
    await store.write(keep_logo, claim.organisation, wish.fingerprint, judged)
    structlog.get_logger().info(
        "logo-judged", domain=claim.domain, result=result.result.value, problem=result.problem
    )
    return judged


async def _judge(
    claim: Claim, source: FileSource, roots: Sequence[x509.Certificate], now_s: int
) -> tuple[BimiResult, bool]:
    """The result, and whether every file could be had."""
    check = examine(claim, now_s=now_s, roots=roots)
    answer: Answer | None = None
    is_complete = True
    try:
        while True:
            step = await asyncio.to_thread(_step, check, answer)
            if isinstance(step, _Judged):
                return step.result, is_complete
            answer = await source.query(step)
            is_complete = is_complete and not answer.is_error
    finally:
        check.close()


def _step(check: Generator[Any, Any, BimiResult], answer: Answer | None) -> HttpsQuestion | _Judged:
    """The next question, or the result: a StopIteration cannot leave a thread."""
    try:
        question: HttpsQuestion = check.send(answer)
    except StopIteration as stop:
        return _Judged(stop.value)
    return question


def _kept(result: BimiResult, now_us: int) -> JudgedLogo:
    kept_us = KEPT_US if result.result is Assertion.PASS else FAILED_KEPT_US
    expires_at = now_us + kept_us
    if result.evidence is not None:
        expires_at = min(expires_at, result.evidence.expires_s * SECOND_US)
    indicator = result.indicator
    return JudgedLogo(
        result.result,
        result.authority,
        b"" if indicator is None else indicator.document,
        "" if indicator is None else indicator.title,
        result.problem,
        now_us + kept_us // 2,
        expires_at,
    )
