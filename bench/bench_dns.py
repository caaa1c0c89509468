"""What DNS costs: a cached answer, a check driven over cached answers, a route, an exchange with a server on loopback.

Prints one JSON object; times in microseconds. Run: python bench/bench_dns.py
"""

import asyncio
import json
import random
import timeit
from time import perf_counter

import dns.message
import uvloop

from postier.dns import wire
from postier.dns.ask import ask
from postier.dns.authoritative import AuthoritativeServer
from postier.dns.mx import RoutePolicy, mail_hosts
from postier.dns.resolver import Resolver
from postier.dns.zones import Zones
from postier.mailauth.questions import AddressQuestion, MxQuestion, TxtQuestion

ZONE = """
@ IN MX 10 mx1
@ IN MX 20 mx2
@ IN TXT "v=spf1 mx -all"
mx1 IN A 1.0.0.1
mx2 IN A 1.0.0.2
"""
CACHED_LIMIT_US = 3.0
ROUNDS = 20_000


def check():
    """Three questions, as a small SPF policy asks them."""
    yield TxtQuestion("alpha.test")
    yield MxQuestion("alpha.test")
    yield AddressQuestion("mx1.alpha.test", 4)


async def per_call_us(make, rounds: int) -> float:
    best = float("inf")
    for _ in range(3):
        start = perf_counter()
        for _ in range(rounds):
            await make()
        best = min(best, perf_counter() - start)
    return round(best / rounds * 1e6, 3)


async def measure() -> dict[str, float]:
    async with AuthoritativeServer(Zones({"alpha.test": ZONE})) as server:
        resolver = Resolver([(server.host, server.port)])
        question = TxtQuestion("alpha.test")
        await mail_hosts("alpha.test", resolver, random.Random(1))
        await ask(check(), resolver)
        chance, policy = random.Random(1), RoutePolicy()

        async def uncached():
            resolver.cache.clear()
            await resolver.query(question)

        async def burst():
            resolver.cache.clear()
            await resolver.query_all([AddressQuestion(f"n{n}.alpha.test", 4) for n in range(100)])

        figures = {
            "cached_query_us": await per_call_us(lambda: resolver.query(question), ROUNDS),
            "cached_check_of_3_us": await per_call_us(lambda: ask(check(), resolver), ROUNDS),
            "cached_route_us": await per_call_us(
                lambda: mail_hosts("alpha.test", resolver, chance, policy), ROUNDS // 10
            ),
            "uncached_query_with_server_us": await per_call_us(uncached, 500),
            "uncached_of_100_parallel_us": round(await per_call_us(burst, 5) / 100, 3),
        }
        query = dns.message.make_query("alpha.test", "TXT", use_edns=0).to_wire()
        response = server.zones.respond(query, is_udp=True)
        name = wire.wire_name("alpha.test")
        asked = wire.make_query(name, 16)

        def timed(call) -> float:
            return round(min(timeit.repeat(call, number=2000, repeat=3)) / 2000 * 1e6, 3)

        figures["make_query_us"] = timed(lambda: wire.make_query(name, 16))
        figures["read_response_us"] = timed(lambda: wire.read_response(response, asked.question))
        figures["authoritative_response_us"] = timed(lambda: server.zones.respond(query, is_udp=True))
        return figures


def main() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(measure())
    figures["limit_cached_query_us"] = CACHED_LIMIT_US
    figures["ok"] = figures["cached_query_us"] < CACHED_LIMIT_US
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
