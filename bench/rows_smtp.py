"""Rows of receiving: letters per second and CPU of the whole server per letter, from the final dot to the mailbox."""

import random
from collections.abc import AsyncIterator

import msgspec
from letters import SELECTOR, SENDER_DOMAIN, letter
from load_smtp import Taken, deliver
from node import HOST, Node, user

from postier.mailauth import dkim

SIZES = {"4k": 4_096, "50k": 51_200}
POOL = 200  # letters that differ; they come again after that
WARM_UP = 100
SIGNED = (("4k", 10, 4_000), ("4k", 50, 6_000), ("50k", 10, 1_500))
PLAIN = (
    ("4k", 1, 1_000),
    ("4k", 10, 5_000),
    ("4k", 50, 8_000),
    ("50k", 1, 500),
    ("50k", 10, 2_000),
    ("50k", 50, 3_000),
)


class Way(msgspec.Struct, frozen=True):
    """One way of delivering."""

    name: str
    is_signed: bool = False
    is_pipelined: bool = True
    letters_each: int = 0


async def smtp_rows(
    node: Node, key: dkim.SigningKey, accounts: int, *, quick: bool
) -> AsyncIterator[dict[str, object]]:
    """Measure; a row each."""
    recipients = [user(number).encode() for number in range(accounts)]
    pools = {name: _letters(size, 20 if quick else POOL) for name, size in SIZES.items()}
    signed = {name: [_signed(each, key) for each in pool] for name, pool in pools.items()}
    plan = [
        *((Way("plain"), *one) for one in PLAIN),
        *((Way("dkim-signed", is_signed=True), *one) for one in SIGNED),
        (Way("a reply at a time", is_pipelined=False), "4k", 10, 3_000),
        (Way("a connection each", letters_each=1), "4k", 50, 3_000),
    ]
    if quick:
        plan = [(way, size, min(10, connections), 20) for way, size, connections, _ in plan[::3]]
    await deliver((HOST, node.smtp), signed["4k"], recipients, 10 if quick else WARM_UP, 4)
    for way, size, connections, count in plan:
        pool = (signed if way.is_signed else pools)[size]
        had, cpu = node.stored(), node.meter.cpu_s()
        taken = await deliver(
            (HOST, node.smtp), pool, recipients, count, connections,
            is_pipelined=way.is_pipelined, letters_each=way.letters_each,
        )  # fmt: skip
        used = node.meter.cpu_s() - cpu
        yield _row(way, size, connections, taken, used) | {"stored": node.stored() - had}


def _row(way: Way, size: str, connections: int, taken: Taken, cpu_s: float) -> dict[str, object]:
    count = len(taken.waits_s)
    return {
        "bench": "smtp-in",
        "way": way.name,
        "letter": size,
        "connections": connections,
        "letters": count,
        "per_s": round(count / taken.seconds),
        "cpu_ms": round(cpu_s / count * 1000, 3),
        "p50_ms": round(taken.percentile_ms(0.5), 2),
        "p99_ms": round(taken.percentile_ms(0.99), 2),
    }


def _letters(size: int, count: int) -> list[bytes]:
    chance = random.Random(size)
    return [letter(number, size, chance) for number in range(count)]


def _signed(content: bytes, key: dkim.SigningKey) -> bytes:
    assert (key.domain, key.selector) == (SENDER_DOMAIN, SELECTOR)
    return dkim.sign(content, [key], 1_800_000_000) + content
