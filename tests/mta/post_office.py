"""A queue at work in process: scheduler, couriers and connections over a store, with a real DNS server."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import MappingProxyType

from postier.accounts.accounts import add_account
from postier.accounts.directory import Directory
from postier.accounts.domains import add_domain
from postier.dns.authoritative import AuthoritativeServer
from postier.dns.mx import RoutePolicy
from postier.dns.resolver import Resolver
from postier.dns.zones import Zones
from postier.mailbox.folders import default_mailboxes
from postier.mime.address import Address
from postier.mta.backoff import RetrySchedule
from postier.mta.deliver import Courier, Despatch
from postier.mta.letter_id import letter_id_text, new_letter_id
from postier.mta.queue_rows import TOPIC, QueueMessage, QueueRecipient, enqueue
from postier.mta.schedule import Pace, Scheduler
from postier.mta.sieving.delivery import Sieving
from postier.mta.sieving.origin import Office
from postier.mta.sieving.shelf import Shelf
from postier.mta.tally import TlsObserver
from postier.mta.transport import ATTEMPT_S, Connections, Dialling
from postier.store.blobs import draft
from postier.store.transaction import ReadTx, Store, WriteTx
from postier.tls.policy import PolicyFetcher
from tests.mta.remote_server import Remote, shared_port
from tests.servers.smtp_server import secret

HOSTNAME = "mx.alpha.test"
LIMIT_S = 10
LETTER = (
    b"From: alice@alpha.test\r\nTo: b@beta.test\r\nSubject: Hello\r\nMessage-ID: <1@alpha.test>\r\n\r\n"
    b"Hi.\r\n.dot\r\n..\r\n"
)
SCHEDULE = RetrySchedule()
ZONES: Mapping[str, str] = MappingProxyType(
    {
        ".": "",
        "beta.test": "@ IN MX 10 one\n@ IN MX 20 two\none IN A 127.0.0.2\ntwo IN A 127.0.0.3\n",
        "gamma.test": "@ IN A 127.0.0.2\n",
        "null.test": "@ IN MX 0 .\n",
        "home.test": "@ IN MX 10 mx.alpha.test.\n",
        "sender.test": "@ IN MX 10 mx\nmx IN A 127.0.0.4\n",
    }
)


def populate(tx: WriteTx) -> None:
    """alice@alpha.test, once."""
    if tx.value("SELECT count(*) FROM domain") == 0:
        add_domain(tx, "alpha.test")
        add_account(tx, Address("alice", "alpha.test"), secret(), default_mailboxes)


class PostOffice:
    """One worker's queue. `remotes` are at 127.0.0.2, 127.0.0.3, ... of one port."""

    def __init__(self, store: Store, scheduler: Scheduler, port: int, zones: Zones) -> None:
        self.store = store
        self.zones = zones
        self.scheduler = scheduler
        self.port = port

    async def send(
        self, *recipients: str, sender: str = "alice@alpha.test", content: bytes = LETTER, **facts: object
    ) -> int:
        """Queue a letter; its queue id."""
        return (await self.send_all([recipients], sender=sender, content=content, **facts))[0]

    async def send_all(
        self,
        letters: list[tuple[str, ...]],
        sender: str = "alice@alpha.test",
        content: bytes = LETTER,
        **facts: object,
    ) -> list[int]:
        """Queue letters in one transaction."""
        now_us = time.time_ns() // 1000
        ids = [new_letter_id(now_us + at, random.getrandbits) for at in range(len(letters))]
        blob = draft(content)

        def queue(tx: WriteTx) -> None:
            for queue_id, recipients in zip(ids, letters, strict=True):
                message = QueueMessage(
                    queue_id=queue_id,
                    trace_id=letter_id_text(queue_id),
                    account_id=facts.get("account_id"),
                    reverse_path=sender,
                    blob_id=blob.blob_id,
                    size_bytes=len(content),
                    needs_8bit=not content.isascii(),
                    needs_utf8=bool(facts.get("needs_utf8")),
                    requires_tls=bool(facts.get("requires_tls")),
                    message_id="<1@alpha.test>",
                    dsn_envid=str(facts.get("envid", "")),
                    dsn_ret=str(facts.get("ret", "")),
                    deliver_by=now_us + int(facts.get("by_s", 0)) * 1_000_000,  # type: ignore[call-overload]
                    by_mode=str(facts.get("by_mode", "")),
                )
                rows = [
                    QueueRecipient(
                        recipient_id=at,
                        forward_path=each,
                        destination=each.partition("@")[2],
                        dsn_notify=str(facts.get("notify", "")),
                        dsn_orcpt=str(facts.get("orcpt", "")),
                    )
                    for at, each in enumerate(recipients, 1)
                ]
                enqueue(tx, message, rows)

        await self.store.write_with_blobs([blob], queue)
        return ids

    async def pass_time(self, seconds: float) -> None:
        """Let everything in the queue be that much older."""

        def age(tx: WriteTx) -> None:
            by = int(seconds * 1_000_000)
            tx.run(
                "UPDATE queue_message SET created_at = created_at - ?, deliver_by = deliver_by - ?", by, by
            )
            tx.run(
                "UPDATE queue_recipient SET due_at = due_at - ?,"
                " lease_until = CASE WHEN lease_until > ? THEN lease_until - ? ELSE 0 END",
                by,
                by,
                by,
            )
            tx.wake(TOPIC)

        await self.store.write(age)

    async def rows(self) -> list[tuple[str, str, int, str]]:
        """Recipient, state, attempts and last reply of all that is queued."""

        def read(tx: ReadTx) -> list[tuple[str, str, int, str]]:
            return tx.rows(
                "SELECT forward_path, state, attempts, last_reply FROM queue_recipient ORDER BY queue_id, recipient_id"
            )

        return await self.store.read(read)

    async def waits_s(self) -> list[float]:
        """Seconds until each waiting recipient is due."""
        now = time.time()
        rows = await self.store.read(
            lambda tx: tx.rows("SELECT due_at FROM queue_recipient WHERE state = 'waiting'")
        )
        return [due_at / 1_000_000 - now for (due_at,) in rows]

    async def quiet(self) -> None:
        """Wait until nothing is due and nothing is under way."""

        def busy(tx: ReadTx) -> int:
            return int(
                tx.value(
                    "SELECT count(*) FROM queue_recipient WHERE state = 'waiting' AND (lease_owner <> '' OR due_at <= ?)",
                    time.time_ns() // 1000,
                )
            )

        await eventually(lambda: self._is_quiet(busy))

    async def _is_quiet(self, busy: Callable[[ReadTx], int]) -> bool:
        return not await self.store.read(busy) and not self.scheduler._carriers

    async def events(self) -> list[tuple[str, str]]:
        """What was traced, oldest first."""
        return await self.store.read(
            lambda tx: tx.rows("SELECT event, detail FROM trace_event ORDER BY at, trace_id, sequence")
        )


async def eventually(condition: Callable[[], Awaitable[object]]) -> None:
    """Ask until it is so."""
    async with asyncio.timeout(LIMIT_S):
        while not await condition():
            await asyncio.sleep(0)


@asynccontextmanager
async def post_office(
    store: Store,
    remotes: Mapping[str, Remote] = MappingProxyType({}),
    *,
    zones: Mapping[str, str] = ZONES,
    pace: Pace = Pace(),  # noqa: B008
    owner: str = "node/1/0",
    port: int = 0,
    fetcher: PolicyFetcher | None = None,
    is_signed: bool = False,
    attempt_s: float = ATTEMPT_S,
    observer: TlsObserver | None = None,
    authorities: Path | None = None,
) -> AsyncIterator[PostOffice]:
    """A running queue; `remotes` by the loopback address they serve at."""
    port = port or shared_port()
    await store.write(populate)
    async with AsyncExitStack() as stack:
        for address, remote in remotes.items():
            await stack.enter_async_context(remote.at(address, port))
        server = await stack.enter_async_context(AuthoritativeServer(Zones(zones, authenticated=is_signed)))
        resolver = Resolver([(server.host, server.port)])
        directory = Directory(store, hostname=HOSTNAME)
        stack.callback(directory.close)
        shelf = Shelf(store)
        stack.callback(shelf.close)
        office = Office(HOSTNAME, directory, lambda: time.time_ns() // 1000, random.getrandbits)
        despatch = Despatch(
            hostname=HOSTNAME,
            store=store,
            directory=directory,
            resolver=resolver,
            routes=RoutePolicy(own_names=frozenset({HOSTNAME}), allow_private_addresses=True),
            schedule=SCHEDULE,
            now_us=lambda: time.time_ns() // 1000,
            random_bits=random.getrandbits,
            chance=random.Random(1),
            lease_owner=owner,
            dispatch=lambda jobs: scheduler.dispatch(jobs),  # noqa: PLW0108 (it is made below)
            sieving=Sieving(store, shelf, office),
        )
        dialling = Dialling(HOSTNAME, port, resolver, fetcher, attempt_s, observer, authorities)
        scheduler = Scheduler(
            store, owner, lambda _: Courier(despatch, Connections(dialling)), pace, despatch.now_us
        )
        async with asyncio.TaskGroup() as tasks:
            await scheduler.start(tasks)
            try:
                yield PostOffice(store, scheduler, port, server.zones)
            finally:
                scheduler.stop_accepting()
                await scheduler.finish(asyncio.get_running_loop().time() + LIMIT_S)
