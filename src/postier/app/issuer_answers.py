"""Tokens judged by asking their issuer about each, with the answer kept for a moment.

Not here: HTTP (`tls.https_service`), what an answer means (`accounts.tokens`). Source: RFC 7662 §2 and §4. Invariants: an answer
is kept for a minute at most and never beyond its exp; the token itself is not kept, only a keyed MAC of it; connections that
bring one token at a time share one question; questions under way and answers kept are bounded.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from postier.accounts.foreign_login import TokenUnavailableError
from postier.accounts.tokens.claims import Expected
from postier.accounts.tokens.introspection import introspection_form, judge_answer
from postier.accounts.tokens.signed import MAX_TOKEN_CHARACTERS
from postier.accounts.tokens.verdict import Refusal, TokenAccepted, TokenRefused, TokenVerdict
from postier.app import log
from postier.tls.https_get import GetError
from postier.tls.https_service import Form

REMEMBERED_S = 60.0
MAX_REMEMBERED = 10_000  # answers; beyond, all are forgotten
MAX_IN_FLIGHT = 32  # questions of one worker; beyond, logins are refused for the moment


class Service(Protocol):
    """Who is asked."""

    async def ask(self, form: Form) -> bytes:
        """The answer. Raises GetError."""
        ...


class _Kept(msgspec.Struct, frozen=True):
    verdict: TokenVerdict
    until: float


class IssuerAnswers:
    """A `TokenChecker`, and the `Service` (app.worker) in whose tasks questions are asked; one worker's."""

    def __init__(
        self,
        service: Service,
        authorization: str,
        expected: Expected,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now` is Unix time, for claims; `clock` only goes forward, for the age of answers."""
        self._service = service
        self._authorization = authorization
        self._expected = expected
        self._now = now
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._tasks: asyncio.TaskGroup | None = None
        self._kept: dict[bytes, _Kept] = {}
        self._asking: dict[bytes, asyncio.Task[TokenVerdict | None]] = {}

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Ready to ask."""
        self._tasks = tasks

    def stop_accepting(self) -> None:
        """Logins under way may still be answered."""

    async def finish(self, deadline: float) -> None:
        """What nobody waits for any more ends with the worker."""

    async def check(self, token: str) -> TokenVerdict:
        """See `TokenChecker`."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            return TokenRefused(Refusal.TOO_LONG)
        digest = hashlib.blake2b(token.encode(), key=self._key, digest_size=32).digest()
        kept = self._kept.get(digest)
        if kept is not None and self._clock() < kept.until:
            return kept.verdict
        task = self._asking.get(digest)
        if task is None:
            if self._tasks is None or len(self._asking) >= MAX_IN_FLIGHT:
                raise TokenUnavailableError
            task = self._asking[digest] = self._tasks.create_task(self._asked(digest, token))
            task.add_done_callback(lambda _: self._asking.pop(digest, None))
        await asyncio.wait({task})  # it outlives the login that waits for it
        verdict = None if task.cancelled() else task.result()
        if verdict is None:
            raise TokenUnavailableError
        return verdict

    async def _asked(self, digest: bytes, token: str) -> TokenVerdict | None:
        """The verdict; None if there is none, once the log tells why."""
        try:
            answer = await self._service.ask(Form(introspection_form(token), self._authorization))
        except GetError as error:
            log.logger("oauth").warning("issuer not asked", problem=str(error))
            return None
        except Exception:
            log.logger("oauth").exception("issuer not asked")
            return None
        verdict = judge_answer(answer, self._expected, self._now())
        if verdict == TokenRefused(Refusal.ANSWER):
            log.logger("oauth").warning("issuer not understood", problem=Refusal.ANSWER.value)
            return None
        self._keep(digest, verdict)
        return verdict

    def _keep(self, digest: bytes, verdict: TokenVerdict) -> None:
        length_s = REMEMBERED_S
        if isinstance(verdict, TokenAccepted) and verdict.expires_at_s is not None:
            length_s = min(
                length_s, verdict.expires_at_s - self._now()
            )  # RFC 7662 §4: MUST NOT be kept beyond
        if length_s <= 0:
            return
        if len(self._kept) >= MAX_REMEMBERED:
            self._kept.clear()
        self._kept[digest] = _Kept(verdict, self._clock() + length_s)
