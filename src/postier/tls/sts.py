"""MTA-STS policies in force: announced by DNS, fetched by HTTPS, kept for as long as they say.

Not here: their syntax (`mailauth.mta_sts`), what they mean for a host (`policy`), HTTPS (`https`). Source: RFC 8461 §3
and §5.1. Invariants: a policy that was once fetched holds until its max_age, whatever DNS or HTTPS say or do not
say now, unless a newer one is fetched (a downgrade is refused); one fetch at a time for a domain; after a failure none
for five minutes; nothing that the network does is raised.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import msgspec

from postier.dns.ask import Answering
from postier.mailauth.mta_sts import MtaStsError, Policy, parse_policy, parse_records, record_name
from postier.mailauth.questions import TxtQuestion
from postier.tls.https import FetchError, PolicySource
from postier.tls.policy import StsProblem, TlsResult

MIN_AGE_S = 60.0  # RFC 8461 §3.3: fetches may be limited; name servers that disagree on the id must not cause one a letter
RETRY_S = 300.0  # RFC 8461 §3.3: five minutes or longer after a failure
REFRESH_S = 86_400.0  # RFC 8461 §3.3: refresh once a day before they expire
MAX_KNOWN = 10_000  # policies and failures kept in memory


class KnownPolicy(msgspec.Struct, frozen=True):
    """A policy as it was fetched: its `identifier` is the id of the TXT record, `fetched_s` Unix time."""

    domain: str
    identifier: str
    policy: Policy
    fetched_s: float

    def is_valid(self, now_s: float) -> bool:
        """Whether its max_age has not passed."""
        return now_s < self.fetched_s + self.policy.max_age_s


class StsMemory(Protocol):
    """Where policies outlive the process; the store binds one, `InMemory` is one for tests and small uses."""

    async def load(self, domain: str) -> KnownPolicy | None:
        """What was saved last for the domain."""
        ...

    async def save(self, known: KnownPolicy) -> None:
        """Keep it in place of what there was."""
        ...


class InMemory:
    """The most recent `MAX_KNOWN` policies, until the process ends."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, KnownPolicy] = OrderedDict()

    async def load(self, domain: str) -> KnownPolicy | None:
        """What was saved last."""
        return self._known.get(domain)

    async def save(self, known: KnownPolicy) -> None:
        """Keep it; the oldest goes if there are too many."""
        self._known[known.domain] = known
        self._known.move_to_end(known.domain)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)


class StsPolicies:
    """The `PolicyFetcher` of `policy.destination_policy`."""

    def __init__(
        self,
        resolver: Answering,
        source: PolicySource,
        *,
        memory: StsMemory | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._resolver = resolver
        self._source = source
        self._memory = memory or InMemory()
        self._now = now
        self._failures: OrderedDict[str, StsProblem] = OrderedDict()  # the last of each domain
        self._fetching: dict[str, tuple[asyncio.Lock, int]] = {}  # and how many want it

    async def policy(self, domain: str) -> Policy | StsProblem | None:
        """See `PolicyFetcher`."""
        known = await self._valid(domain)
        identifier = await self._announced(domain)
        if identifier is None:  # RFC 8461 §3.1: not sufficient to remove a cached policy
            return known.policy if known is not None else None
        if self._is_current(known, identifier) or self._failed_lately(domain, identifier):
            return known.policy if known is not None else self.problem(domain)
        lock, wanted = self._fetching.get(domain) or (asyncio.Lock(), 0)
        self._fetching[domain] = lock, wanted + 1
        try:
            async with lock:
                known = await self._valid(domain)  # somebody else may have fetched it meanwhile
                if not self._is_current(known, identifier) and not self._failed_lately(domain, identifier):
                    known = await self._fetch(domain, identifier) or known
        finally:
            _, wanted = self._fetching.pop(domain)
            if wanted > 1:
                self._fetching[domain] = lock, wanted - 1
        return known.policy if known is not None else self.problem(domain)

    def problem(self, domain: str) -> StsProblem | None:
        """What went wrong with the domain's policy most recently, if the last fetch failed."""
        return self._failures.get(domain)

    async def _valid(self, domain: str) -> KnownPolicy | None:
        known = await self._memory.load(domain)
        return known if known is not None and known.is_valid(self._now()) else None

    async def _announced(self, domain: str) -> str | None:
        answer = await self._resolver.query(TxtQuestion(record_name(domain)))
        try:
            return parse_records(answer.records)
        except MtaStsError:
            return None

    def _is_current(self, known: KnownPolicy | None, identifier: str) -> bool:
        if known is None:
            return False
        is_same = known.identifier == identifier
        fresh_s = min(REFRESH_S, known.policy.max_age_s / 2) if is_same else MIN_AGE_S
        return self._now() < known.fetched_s + fresh_s

    def _failed_lately(self, domain: str, identifier: str) -> bool:
        failure = self._failures.get(domain)
        if failure is None:
            return False
        pause_s = RETRY_S if failure.identifier == identifier else MIN_AGE_S
        return self._now() < failure.at_s + pause_s

    async def _fetch(self, domain: str, identifier: str) -> KnownPolicy | None:
        try:
            policy = parse_policy(await self._source.fetch(domain))
        except FetchError as error:
            problem = StsProblem(error.result, str(error), self._now(), identifier)
        except MtaStsError as error:
            problem = StsProblem(TlsResult.STS_POLICY_INVALID, str(error), self._now(), identifier)
        else:
            known = KnownPolicy(domain, identifier, policy, self._now())
            self._failures.pop(domain, None)
            await self._memory.save(known)
            return known
        self._failures[domain] = problem
        self._failures.move_to_end(domain)
        if len(self._failures) > MAX_KNOWN:
            self._failures.popitem(last=False)
        return None
