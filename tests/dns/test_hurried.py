"""After the budget nothing is waited for; what is known is told still."""

import asyncio

from postier.dns.hurried import HurriedResolver
from postier.dns.resolver import Resolver
from postier.mailauth.questions import Status, TxtQuestion
from tests.dns_responder import responder


async def test_what_is_late_has_timed_out(nsd):
    resolver = Resolver([("127.0.0.1", nsd({"x.test": '@ IN TXT "a"\n'}))])
    known, unknown = TxtQuestion("x.test"), TxtQuestion("y.test")
    in_time = HurriedResolver(resolver, 5)
    assert (await in_time.query(known)).records == (b"a",)
    assert (await in_time.query_all([known]))[0].records == (b"a",)
    late = HurriedResolver(resolver, -1)
    assert late.cached(known) is not None
    assert (await late.query(known)).records == (b"a",)
    assert (await late.query(unknown)).status is Status.TIMEOUT
    found = await late.query_all([known, unknown])
    assert [answer.status for answer in found] == [Status.FOUND, Status.TIMEOUT]
    assert await late.owner(unknown) == "y.test"


async def test_a_silent_server_costs_the_budget_only():
    async with responder(lambda _: []) as silent:
        slow = Resolver([("127.0.0.1", silent.port)], timeout_s=60, try_timeout_s=30)
        hurried = HurriedResolver(slow, 0.05)
        async with asyncio.timeout(5):
            assert (await hurried.query(TxtQuestion("x.test"))).status is Status.TIMEOUT
            assert (await hurried.query_all([TxtQuestion("y.test")]))[0].status is Status.TIMEOUT
