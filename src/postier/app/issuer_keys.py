"""Tokens judged by the keys of their issuer, which are fetched when they are needed and kept for as long as that is safe.

Not here: where the keys are (`issuer`), how a token is judged (`accounts.tokens`). Invariants: one fetch at a time; keys of an
hour are fetched again while logins go on with them; when the issuer can't be reached they serve for a day and no longer;
an unknown key id has them fetched again, but no more than one fetch begins in a minute, whatever tokens come.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from postier.accounts.foreign_login import TokenUnavailableError
from postier.accounts.tokens.claims import Expected
from postier.accounts.tokens.judging import judge
from postier.accounts.tokens.key_set import KeySet, KeySetError, read_key_set
from postier.accounts.tokens.verdict import TokenRefused, TokenVerdict
from postier.app import log

REFRESH_S = 3_600.0
KEPT_S = 86_400.0  # without an answer of the issuer
PAUSE_S = 60.0  # between the beginnings of two fetches

FetchKeys = Callable[[], Awaitable[bytes]]


class KeysUnavailableError(Exception):
    """The keys can't be had; the text says why."""


class IssuerKeys:
    """A `TokenChecker`, and the `Service` in whose tasks keys are fetched; one worker's."""

    def __init__(
        self,
        fetch: FetchKeys,
        expected: Expected,
        *,
        accepts_untyped: bool = False,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now` is Unix time, for claims; `clock` only goes forward, for the age of keys."""
        self._fetch = fetch
        self._expected = expected
        self._accepts_untyped = accepts_untyped
        self._now = now
        self._clock = clock
        self._tasks: asyncio.TaskGroup | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._began_at = float("-inf")
        self._keys: KeySet | None = None
        self._keys_at = float("-inf")
        self._known_ids: tuple[str, ...] = ()

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to fetch the keys; nobody waits for them yet."""
        self._tasks = tasks
        self._begin()

    def stop_accepting(self) -> None:
        """Logins under way may still need keys."""

    async def finish(self, deadline: float) -> None:
        """A fetch that nobody waits for any more ends with the worker."""

    async def check(self, token: str) -> TokenVerdict:
        """See `TokenChecker`."""
        keys = await self._current()
        verdict = self._judged(token, keys)
        if not isinstance(verdict, TokenRefused) or not verdict.refusal.may_be_new_key:
            return verdict
        self._begin()
        await self._fetched()
        newer = await self._current()
        return verdict if newer is keys else self._judged(token, newer)

    def _judged(self, token: str, keys: KeySet) -> TokenVerdict:
        return judge(token, keys, self._expected, self._now(), accepts_untyped=self._accepts_untyped)

    async def _current(self) -> KeySet:
        if self._age_s() >= REFRESH_S:
            self._begin()
        if self._age_s() >= KEPT_S:
            await self._fetched()
        if self._keys is None or self._age_s() >= KEPT_S:
            raise TokenUnavailableError
        return self._keys

    def _age_s(self) -> float:
        return self._clock() - self._keys_at

    def _begin(self) -> None:
        """Fetch, unless that was begun in the last minute."""
        if self._tasks is None or self._fetching is not None or self._clock() < self._began_at + PAUSE_S:
            return
        self._began_at = self._clock()
        self._fetching = self._tasks.create_task(self._refresh())
        self._fetching.add_done_callback(self._ended)

    def _ended(self, _: "asyncio.Task[None]") -> None:
        self._fetching = None

    async def _fetched(self) -> None:
        """Wait for the fetch under way, if there is one."""
        if self._fetching is not None:
            await asyncio.wait({self._fetching})  # it outlives the login that waits for it

    async def _refresh(self) -> None:
        try:
            keys = read_key_set(await self._fetch())
            if not keys.keys:
                raise KeysUnavailableError("; ".join(("no key in it can be used", *keys.problems)))
        except (KeysUnavailableError, KeySetError) as error:
            log.logger("oauth").warning("issuer keys not fetched", problem=str(error))
            return
        except Exception:
            log.logger("oauth").exception("issuer keys not fetched")
            return
        self._keys, self._keys_at = keys, self._clock()
        ids = tuple(key.key_id for key in keys.keys)
        if ids != self._known_ids:
            self._known_ids = ids
            log.logger("oauth").info("issuer keys fetched", keys=len(ids), passed_over=list(keys.problems))
