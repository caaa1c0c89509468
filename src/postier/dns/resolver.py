"""The resolver: questions of `mailauth` answered by recursive DNS servers, with a cache.

A stub: it asks servers that recurse and, for DANE, validate; it does not validate signatures itself. Not here: the
sockets (`exchange`), the octets (`wire`), the memory (`cache`), and what a route or a policy makes of an answer.
Sources: RFC 1035 §7, RFC 2308, RFC 4035 §4.9, RFC 7672 §2.1. Invariants: `query` never raises for a fact of the
network; one question is in flight at most once; an asker that is cancelled never takes the others with it; the
number of open sockets is bounded; an answer comes within `timeout_s`.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Self

from postier.dns import system, wire
from postier.dns.cache import DEFAULT_CAPACITY, Cache, Entry
from postier.dns.exchange import Server, ask_tcp, ask_udp, mixed_case
from postier.mailauth import questions
from postier.mailauth.questions import Answer, Question, Status

DEFAULT_TIMEOUT_S = 8.0  # for one question, over all servers and attempts
TRY_TIMEOUT_S = 2.0  # for one server, once
ATTEMPTS = 2  # rounds over the servers
MAX_IN_FLIGHT = 256  # questions on the wire at once; one socket each
SICK_S = 30.0  # a server that failed is asked last for this long
_BAD_EDNS = {1, 4, 16}  # FORMERR, NOTIMP, BADVERS: RFC 6891 §6.2.2 and §7, ask again without EDNS
_NO_TTL = 1 << 31  # above every TTL (RFC 2181 §8)


class Resolver:
    """Asks `servers` in order. Bound to one event loop by use; there is nothing to close.

    `servers` are `Server` values or (host, port) pairs. The AD bit is believed from servers on loopback and from those
    marked `trusted`. `mixed_case` also randomises the case of names (some old servers do not repeat it).
    """

    def __init__(
        self,
        servers: Sequence[Server | tuple[str, int]],
        *,
        now: Callable[[], float] = time.monotonic,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        try_timeout_s: float = TRY_TIMEOUT_S,
        attempts: int = ATTEMPTS,
        cache_entries: int = DEFAULT_CAPACITY,
        max_in_flight: int = MAX_IN_FLIGHT,
        mixed_case: bool = False,
    ) -> None:
        if not servers:
            raise ValueError("a resolver needs at least one server")
        self.servers = tuple(server if isinstance(server, Server) else Server(*server) for server in servers)
        self.cache = Cache(now, cache_entries)
        self._trusted = {server for server in self.servers if server.trusted or server.is_loopback}
        self._now = now
        self._timeout_s = timeout_s
        self._try_timeout_s = try_timeout_s
        self._attempts = attempts
        self._slots = asyncio.Semaphore(max_in_flight)
        self._mixed_case = mixed_case
        self.asked: Counter[Status] = Counter()  # look-ups beyond the cache, by how they ended
        self._in_flight: dict[Question, asyncio.Future[Entry | None]] = {}
        self._sick_until_s = dict.fromkeys(self.servers, float("-inf"))

    @classmethod
    def of_system(cls, *, now: Callable[[], float] = time.monotonic) -> Self:
        """The resolver that /etc/resolv.conf describes."""
        return cls(system.servers(), now=now)

    async def query(self, question: Question) -> Answer:
        """The answer, from the cache or the network; never raises for what the network does."""
        entry = self.cache.get(question)
        return entry.answer if entry is not None else (await self._lookup(question)).answer

    def cached(self, question: Question) -> Answer | None:
        """The answer if it can be had at once."""
        entry = self.cache.get(question)
        return None if entry is None else entry.answer

    async def query_all(self, asked: Iterable[Question]) -> tuple[Answer, ...]:
        """The answers in the order of the questions; what is not cached is asked in parallel."""
        asked = tuple(asked)
        known = {question: self.cached(question) for question in asked}
        missing = [question for question, answer in known.items() if answer is None]
        if len(missing) == 1:
            known[missing[0]] = await self.query(missing[0])
        elif missing:
            async with asyncio.TaskGroup() as group:
                tasks = {question: group.create_task(self.query(question)) for question in missing}
            known.update({question: task.result() for question, task in tasks.items()})
        return tuple(known[question] or questions.SERVFAIL for question in asked)

    async def owner(self, question: Question) -> str:
        """The name that has the records after all aliases (the TLSA base domain of RFC 7672 §2.2.2)."""
        entry = self.cache.get(question) or await self._lookup(question)
        return entry.owner

    async def _lookup(self, question: Question) -> Entry:
        """Ask once for all who want to know; the next one waiting takes over from an asker that gives up."""
        question = _lower(question)
        while (entry := self.cache.get(question)) is None:
            waiting = self._in_flight.get(question)
            if waiting is not None:
                entry = await asyncio.shield(waiting)  # shield: a follower's cancellation stays its own
                if entry is not None:
                    return entry
                continue
            future: asyncio.Future[Entry | None] = asyncio.get_running_loop().create_future()
            self._in_flight[question] = future
            try:
                entry = await self._resolve(question)
                self.asked[entry.answer.status] += 1
            finally:
                del self._in_flight[question]
                future.set_result(entry)  # None if we were cancelled
            return entry
        return entry

    async def _resolve(self, question: Question) -> Entry:
        """Follow aliases over as many queries as it takes, and remember the outcome."""
        asked = wire.target(question)
        name, rdtype = asked if asked is not None else ("", 0)
        ttl_s = _NO_TTL
        authenticated = True
        try:
            async with asyncio.timeout(self._timeout_s), self._slots:
                for _ in range(wire.MAX_ALIASES):
                    octets = wire.wire_name(name) if asked is not None else None
                    if octets is None:  # such a name cannot exist
                        return Entry(questions.NXDOMAIN, name, self._now())
                    response = await self._ask_servers(octets, rdtype)
                    if isinstance(response, Answer):
                        return self.cache.put(question, response, name, None)
                    # RFC 7672 §2.1.3: one insecure link makes all that follows insecure
                    authenticated = authenticated and response.authenticated
                    ttl_s = min(ttl_s, _NO_TTL if response.ttl_s is None else response.ttl_s)
                    if response.alias is None:
                        answer = Answer(response.records, response.status, authenticated)
                        good_for_s = None if response.ttl_s is None else ttl_s
                        return self.cache.put(question, answer, response.owner, good_for_s)
                    name = response.alias
        except TimeoutError:
            return self.cache.put(question, questions.TIMEOUT, name, None)
        return self.cache.put(question, questions.SERVFAIL, name, None)  # an endless chain of aliases

    async def _ask_servers(self, name: bytes, rdtype: int) -> wire.Response | Answer:
        """The first usable response; the worst of the failures if no server gives one."""
        failure = questions.TIMEOUT
        for _ in range(self._attempts):
            for server in sorted(self.servers, key=self._is_sick):
                try:
                    async with asyncio.timeout(self._try_timeout_s):
                        response = await self._ask_server(server, name, rdtype)
                except TimeoutError:
                    self._sick_until_s[server] = self._now() + SICK_S
                    continue
                except (OSError, wire.MalformedResponseError):
                    self._sick_until_s[server] = self._now() + SICK_S
                    failure = questions.SERVFAIL
                    continue
                if response.status in {Status.FOUND, Status.NODATA, Status.NXDOMAIN}:
                    self._sick_until_s[server] = float("-inf")
                    return response
                failure = Answer(status=response.status)
            if failure.status is not Status.TIMEOUT:
                return failure  # asking those that answered at once a second time gains nothing
        return failure

    async def _ask_server(self, server: Server, name: bytes, rdtype: int) -> wire.Response:
        """One server, once: UDP, then TCP if the answer was cut, without EDNS if it was not understood."""
        trusted = server in self._trusted
        if self._mixed_case:
            name = mixed_case(name)
        for edns in (True, False):
            query = wire.make_query(name, rdtype, edns=edns, dnssec_ok=edns and trusted)
            octets = await ask_udp(server, query, exact_case=self._mixed_case)
            if octets[2] & 0x02:  # TC: RFC 2181 §9, what it holds is not used
                octets = await ask_tcp(server, query, exact_case=self._mixed_case)
            response = wire.read_response(octets, query.question)
            if not (edns and response.rcode in _BAD_EDNS):
                break
        if not trusted and response.authenticated:  # RFC 4035 §4.9.3
            return wire.without_authentication(response)
        return response

    def _is_sick(self, server: Server) -> bool:
        return self._sick_until_s[server] > self._now()


def _lower(question: Question) -> Question:
    """The question that the cache knows it by: names compare without case (RFC 4343), without the final dot."""
    match question:
        case questions.PtrQuestion():
            return question
        case questions.AddressQuestion(name=name, family=family):
            return questions.AddressQuestion(name.lower().removesuffix("."), family)
        case _:
            return type(question)(question.name.lower().removesuffix("."))
