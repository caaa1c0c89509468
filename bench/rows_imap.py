"""Rows of reading: one large mailbox, operation by operation; logins, idle connections, how soon news comes, and memory.

Each row has the wall time and the CPU of the whole server in milliseconds, the median of its runs. Nothing is asked of the
server but IMAP (and SMTP where it has it), so a peer is measured by the same rows.
"""

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from letters import letter, small_letters
from load_imap import Answer, ImapClient, append
from load_smtp import deliver
from meter import Meter
from node import HOST, PASSWORD, user

from postier.mailbox.words.block import RUN

Row = dict[str, object]
Act = Callable[[], Awaitable[Answer | None]]
RUNS = 3
GROUP = 500
LARGE = 10  # how many times the one mailbox is copied into a larger one


class Served(Protocol):
    """What is measured; `smtp` is None where mail comes by APPEND alone."""

    imap: int
    smtp: int | None
    meter: Meter

    def indexed(self) -> tuple[int, int, int] | None:
        """Of an index made in the background: messages, octets of their texts, octets stored; None: there is none."""


class Reader:
    """The measured account, its connection and the figures."""

    def __init__(self, node: Served, *, messages: int, bulk: int, appends: int) -> None:
        self.node = node
        self.address = (HOST, node.imap)
        self.messages, self.bulk, self.appends = messages, bulk, appends

    async def client(self, number: int = 0, mailbox: bytes = b"") -> ImapClient:
        """A connection that has logged in, and selected a mailbox."""
        client = await ImapClient.login(self.address, user(number), PASSWORD)
        if mailbox:
            await client.command(b"SELECT " + mailbox)
        return client

    async def measure(self, name: str, act: Act, *, runs: int = RUNS, before: Act | None = None) -> Row:
        """The median of some runs; `before` prepares each and is not counted."""
        walls, cpus = [], []
        answer: Answer | None = None
        for _ in range(runs):
            if before is not None:
                await before()
            cpu, started = self.node.meter.cpu_s(), time.perf_counter()
            answer = await act()
            walls.append(time.perf_counter() - started)
            cpus.append(self.node.meter.cpu_s() - cpu)
        row: Row = {
            "bench": "imap",
            "operation": name,
            "wall_ms": round(statistics.median(walls) * 1000, 2),
            "cpu_ms": round(statistics.median(cpus) * 1000, 2),
        }
        return row if answer is None else row | {"octets": answer.octets, "lines": answer.lines}


async def imap_rows(node: Served, *, quick: bool) -> AsyncIterator[Row]:
    """Measure; a row each."""
    reader = Reader(
        node, messages=300 if quick else 100_000, bulk=50 if quick else 10_000, appends=40 if quick else 2_000
    )
    yield await _idle_memory(reader, 5 if quick else 1_000)  # first, while no free memory hides it
    yield await _build(reader)
    if node.indexed() is not None:
        yield await _index(reader)
    for part in (_reading, _writing, _appending, _transferring):
        async for row in part(reader):
            yield row | {"messages": reader.messages}
    yield await _logins(reader, 10 if quick else 500)
    yield await _idle_latency(reader, 5 if quick else 100)
    if node.smtp is not None:
        yield await _idle_latency_smtp(reader, 5 if quick else 100)
    yield await _large(reader)


async def _build(reader: Reader) -> Row:
    client = await reader.client()
    await client.command(b"CREATE large")
    cpu, wall = 0.0, 0.0
    for start in range(0, reader.messages, GROUP):
        letters = small_letters(min(GROUP, reader.messages - start), start)
        began, used = time.perf_counter(), reader.node.meter.cpu_s()
        await append(client, b"large", letters, at_once=GROUP, multi=True)
        wall += time.perf_counter() - began
        cpu += reader.node.meter.cpu_s() - used
    client.close()
    return {
        "bench": "imap", "operation": f"build by MULTIAPPEND of {GROUP}", "messages": reader.messages,
        "wall_ms": round(wall * 1000), "cpu_ms": round(cpu * 1000), "cpu_us_each": round(cpu / reader.messages * 1e6, 1),
    }  # fmt: skip


async def _index(reader: Reader) -> Row:
    """Wait until the background has indexed what was built, so that it does not count in the rows that follow."""
    began, used = time.perf_counter(), reader.node.meter.cpu_s()
    count = 0
    while count + RUN <= reader.messages:
        await asyncio.sleep(0.2)
        count, texts, stored = reader.node.indexed() or (0, 0, 0)
    return {
        "bench": "imap", "operation": "index of words, with the build's pauses", "messages": count,
        "wall_ms": round((time.perf_counter() - began) * 1000), "cpu_ms": round((reader.node.meter.cpu_s() - used) * 1000),
        "index_of_texts": round(stored / texts, 3),
    }  # fmt: skip


async def _reading(reader: Reader) -> AsyncIterator[Row]:
    unselected = await reader.client()
    yield await reader.measure("SELECT", lambda: unselected.command(b"SELECT large"), runs=2 * RUNS + 1)
    unselected.close()
    for name, line in (
        ("UID FETCH 1:* FLAGS", b"UID FETCH 1:* (UID FLAGS)"),
        (
            "FETCH envelope and structure",
            b"UID FETCH 1:* (UID ENVELOPE INTERNALDATE RFC822.SIZE BODYSTRUCTURE)",
        ),
        (f"FETCH {reader.messages // 100} bodies", b"FETCH 1:%d (BODY.PEEK[])" % (reader.messages // 100)),
        ("SEARCH UNSEEN", b"UID SEARCH UNSEEN"),
        ("SEARCH SUBJECT", b"UID SEARCH SUBJECT budget"),
        ("SEARCH TEXT", b"UID SEARCH TEXT needle"),
        ("SORT SUBJECT", b"UID SORT (SUBJECT) UTF-8 ALL"),
        ("SORT REVERSE DATE", b"UID SORT (REVERSE DATE) UTF-8 ALL"),
        ("THREAD REFERENCES", b"UID THREAD REFERENCES UTF-8 ALL"),
    ):
        client = await reader.client(mailbox=b"large")
        yield await reader.measure(name, lambda: client.command(line))  # noqa: B023 # awaited in this turn
        client.close()


async def _writing(reader: Reader) -> AsyncIterator[Row]:
    client = await reader.client(mailbox=b"large")
    for sign, back in ((b"+", b"-"), (b"-", b"+")):
        line = b"UID STORE 1:* %bFLAGS (\\Flagged)" % sign
        undo = b"UID STORE 1:* %bFLAGS.SILENT (\\Flagged)" % back
        yield await reader.measure(
            f"STORE 1:* {sign.decode()}FLAGS",
            lambda: client.command(line),  # noqa: B023 # awaited in this turn
            before=lambda: client.command(undo),  # noqa: B023
        )
    client.close()


async def _appending(reader: Reader) -> AsyncIterator[Row]:
    count, size = reader.appends, 4_096
    chance = random.Random(1)
    letters = [letter(n, size, chance) for n in range(count)]
    for name, at_once, multi in (
        ("synchronising", 0, False), ("LITERAL+", 1, False), ("LITERAL+, 100 in a pipeline", 100, False),
        (f"MULTIAPPEND of {GROUP}", GROUP, True),
    ):  # fmt: skip
        client = await reader.client(1)

        async def act() -> None:
            await append(client, b"INBOX", letters, at_once=at_once, multi=multi)  # noqa: B023

        yield await reader.measure(f"APPEND {count}, {name}", act, runs=1)
        client.close()
    clients = [await reader.client(number) for number in range(1, 11)]

    async def together() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number, client in enumerate(clients):
                tasks.create_task(append(client, b"INBOX", letters[number :: len(clients)], at_once=1))

    yield await reader.measure(f"APPEND {count} over 10 connections", together, runs=1)
    for client in clients:
        client.close()


async def _transferring(reader: Reader) -> AsyncIterator[Row]:
    client = await reader.client(mailbox=b"large")
    some = b"1:%d" % reader.bulk
    await client.command(b"CREATE copies")
    await client.command(b"CREATE moved")
    yield await reader.measure(
        f"COPY {reader.bulk}", lambda: client.command(b"COPY %b copies" % some), runs=1
    )
    await client.command(b"SELECT copies")
    yield await reader.measure(f"MOVE {reader.bulk}", lambda: client.command(b"MOVE %b moved" % some), runs=1)
    await client.command(b"SELECT moved")
    await client.command(b"STORE %b +FLAGS.SILENT (\\Deleted)" % some)
    yield await reader.measure(f"EXPUNGE {reader.bulk}", lambda: client.command(b"EXPUNGE"), runs=1)
    client.close()


async def _logins(reader: Reader, count: int) -> Row:
    """Login, SELECT, LOGOUT on ten connections at one time; the accounts have logged in before."""
    for number in range(10):
        (await reader.client(number)).close()

    async def repeat(number: int) -> None:
        for _ in range(count // 10):
            client = await reader.client(number, b"INBOX")
            await client.command(b"LOGOUT")
            client.close()

    async def act() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(10):
                tasks.create_task(repeat(number))

    row = await reader.measure("login, SELECT, LOGOUT", act, runs=1)
    wall, cpu = float(str(row["wall_ms"])), float(str(row["cpu_ms"]))
    return row | {"logins": count, "per_s": round(count / wall * 1000), "cpu_ms_each": round(cpu / count, 3)}


async def _idle_memory(reader: Reader, count: int) -> Row:
    for number in range(20):  # what each worker needs once is not the connections'
        (await reader.client(number % 10, b"INBOX")).close()
    rss, pss = reader.node.meter.memory_kib()
    cpu = reader.node.meter.cpu_s()
    clients = []
    for number in range(count):
        client = await reader.client(number % 10, b"INBOX")
        await client.raw(b"i IDLE\r\n", b"+")
        clients.append(client)
    cpu = reader.node.meter.cpu_s() - cpu
    rss_after, pss_after = reader.node.meter.memory_kib()
    for client in clients:
        client.close()
    return {
        "bench": "imap", "operation": "idle connections", "connections": count,
        "rss_kib_each": round((rss_after - rss) / count, 1), "pss_kib_each": round((pss_after - pss) / count, 1),
        "open_cpu_ms_each": round(cpu / count * 1000, 2), "server_pss_mib": round(pss_after / 1024, 1),
    }  # fmt: skip


async def _idle_latency(reader: Reader, count: int) -> Row:
    """From the last octet of an APPEND to EXISTS in another connection, which is in IDLE."""
    client, other = await reader.client(0, b"INBOX"), await reader.client(0)
    await client.raw(b"i IDLE\r\n", b"+")
    waits = []
    for each in small_letters(count):
        heard = client.line_with(b"EXISTS")
        began = time.perf_counter()
        await append(other, b"INBOX", [each], at_once=1)
        await heard
        waits.append(time.perf_counter() - began)
    client.close()
    other.close()
    return _latency("IDLE, from APPEND to EXISTS", waits)


async def _idle_latency_smtp(reader: Reader, count: int) -> Row:
    """From the final dot of a letter to EXISTS in a connection that is in IDLE."""
    assert reader.node.smtp is not None
    client = await reader.client(0, b"INBOX")
    await client.raw(b"i IDLE\r\n", b"+")
    letters, waits = small_letters(count), []
    for each in letters:
        heard = client.line_with(b"EXISTS")
        taken = await deliver((HOST, reader.node.smtp), [each], [user(0).encode()], 1, 1)
        told = time.perf_counter()
        await heard
        waits.append(taken.waits_s[0] + time.perf_counter() - told)
    client.close()
    return _latency("IDLE, from the final dot to EXISTS", waits)


def _latency(operation: str, waits: list[float]) -> Row:
    waits.sort()
    return {
        "bench": "imap", "operation": operation, "letters": len(waits),
        "p50_ms": round(waits[len(waits) // 2] * 1000, 2), "p99_ms": round(waits[int(len(waits) * 0.99)] * 1000, 2),
    }  # fmt: skip


async def _large(reader: Reader) -> Row:
    """Memory that a selected mailbox of ten times the messages takes, and what the flags of all leave behind."""
    builder = await reader.client(mailbox=b"large")
    await builder.command(b"CREATE larger")
    began = time.perf_counter()
    for _ in range(LARGE):
        await builder.command(b"COPY 1:* larger")
    built = time.perf_counter() - began
    client = await reader.client()  # while the builder stays, lest the end of its process be counted
    before = reader.node.meter.memory_kib()[1]
    answer = await client.command(b"SELECT larger", keep=True)
    selected = reader.node.meter.memory_kib()[1]
    fetched = await client.command(b"UID FETCH 1:* (FLAGS)")
    after = reader.node.meter.memory_kib()[1]
    client.close()
    builder.close()
    messages = LARGE * reader.messages
    assert b"* %d EXISTS" % messages in answer.text
    return {
        "bench": "imap", "operation": "a large mailbox, selected", "messages": messages, "built_s": round(built, 1),
        "pss_mib_selected": round((selected - before) / 1024, 1), "pss_mib_fetched": round((after - before) / 1024, 1),
        "lines": fetched.lines,
    }  # fmt: skip
