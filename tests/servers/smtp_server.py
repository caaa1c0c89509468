"""One node in process: a real directory, logins, DNS and SMTP listeners on loopback over a store.

The directory that `populate` makes: domains alpha.test and beta.test; alice, bob, carole (carole has a quota of 10,000
octets) and dora (full) @alpha.test; aliases team (alice, bob), both (carole, carl@elsewhere.test), list (list@lists.test),
loop (itself); a catch-all of beta.test to bob@alpha.test.
"""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType

import msgspec

from postier.accounts.accounts import add_account
from postier.accounts.aliases import add_alias
from postier.accounts.credentials import hash_password
from postier.accounts.directory import Directory
from postier.accounts.domains import add_domain
from postier.accounts.limiter import Limiter
from postier.accounts.login import Authenticator
from postier.dns.authoritative import AuthoritativeServer
from postier.dns.resolver import Resolver
from postier.dns.zones import Zones
from postier.mailbox.folders import default_mailboxes
from postier.mime.address import Address
from postier.mta.logos.shelf import LogoShelf
from postier.mta.queue_rows import Job
from postier.mta.receive import Reception
from postier.mta.sieving.delivery import Sieving
from postier.mta.sieving.origin import Office
from postier.mta.sieving.shelf import Shelf
from postier.mta.submit import Submission
from postier.mta.tally import NO_TALLY, Tally
from postier.mta.visit import Intake
from postier.servers.listener import ConnectionLimits, Listener
from postier.servers.logins import OFFERED_NAMES, Logins
from postier.servers.smtp import SmtpConversation, Timeouts
from postier.smtp.settings import Role, SessionSettings
from postier.store.blobs import BlobId
from postier.store.transaction import ReadTx, Store, WriteTx
from postier.tls.certificates import CertificateFiles
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.servers.mail_client import LIMIT_S, MailClient

HOSTNAME = "mx.alpha.test"
PASSWORD = "correct horse"
NOW_S = 1_790_000_000  # Mon, 21 Sep 2026 14:13:20 +0000
QUOTA = 10_000
NO_ZONES: Mapping[str, str] = MappingProxyType({".": ""})  # every name is NXDOMAIN


@lru_cache(maxsize=1)
def secret() -> str:
    """The hash of PASSWORD, once a test run."""
    return hash_password(PASSWORD)


def populate(tx: WriteTx) -> None:
    for domain in ("alpha.test", "beta.test"):
        add_domain(tx, domain)
    for local, quota in (("alice", None), ("bob", None), ("carole", QUOTA), ("dora", QUOTA)):
        add_account(tx, Address(local, "alpha.test"), secret(), default_mailboxes, quota_bytes=quota)
    tx.run("UPDATE account SET used_bytes = ? WHERE address = 'dora@alpha.test'", QUOTA + 1)
    for alias, *targets in (
        ("team@alpha.test", "alice@alpha.test", "bob@alpha.test"),
        ("both@alpha.test", "carole@alpha.test", "carl@elsewhere.test"),
        ("list@alpha.test", "list@lists.test"),
        ("*@beta.test", "bob@alpha.test"),
    ):
        add_alias(tx, Address.parse(alias), tuple(map(Address.parse, targets)))
    tx.run("INSERT INTO alias VALUES ('alpha.test', 'loop', 'loop@alpha.test')")  # no command makes one


def _letters(tx: ReadTx, address: str, mailbox: str) -> list[bytes]:
    rows = tx.rows(
        "SELECT m.blob_id FROM entry e JOIN account a ON a.account_id = e.account_id"
        " JOIN mailbox b ON b.account_id = e.account_id AND b.mailbox_id = e.mailbox_id"
        " JOIN email m ON m.account_id = e.account_id AND m.email_id = e.email_id"
        " WHERE a.address = ? AND b.name = ? ORDER BY e.uid",
        address,
        mailbox,
    )
    return [bytes(blob_id) for (blob_id,) in rows]


async def letters(store: Store, address: str, mailbox: str = "INBOX") -> list[bytes]:
    """What lies in a mailbox."""
    return [
        await store.read_blob(BlobId(blob_id)) for blob_id in await store.read(_letters, address, mailbox)
    ]


async def counts(store: Store) -> tuple[int, ...]:
    """How many emails, entries, queued letters, verdicts and blobs there are."""

    def count(tx: ReadTx) -> tuple[int, ...]:
        tables = ("email", "entry", "queue_message", "verdict", "blob")
        return tuple(int(tx.value(f"SELECT count(*) FROM {table}")) for table in tables)

    return await store.read(count)


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until the condition holds."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            await asyncio.sleep(0)


class Options(msgspec.Struct, frozen=True):
    """How a node is set up."""

    role: Role = Role.MX
    tls: bool = False
    implicit: bool = False
    timeouts: Timeouts = Timeouts()
    limits: ConnectionLimits = ConnectionLimits()
    settings: Mapping[str, object] = {}
    zones: Mapping[str, str] = NO_ZONES
    exempt: bool = True  # no reverse names are looked up
    trusted_sealers: Sequence[str] = ()
    tally: Tally = NO_TALLY
    logos: LogoShelf | None = None
    draws: Sequence[int] = ()  # what is drawn first for ids, of connections too


class Node:
    """A listener at `port`; `jobs` are what was given to the queue, `pass_time` drives its deadlines."""

    def __init__(self, store: Store, listener: Listener, conversation: SmtpConversation, port: int) -> None:
        self.store = store
        self.listener = listener
        self.conversation = conversation
        self.port = port
        self.jobs: list[Job] = []
        self.clients: list[MailClient] = []
        self.resolver: Resolver

    async def dial(self, **how: object) -> MailClient:
        client = await MailClient.dial(self.port, **how)  # type: ignore[arg-type]
        self.clients.append(client)
        return client

    async def greeted(self, **how: object) -> MailClient:
        """A client that has said EHLO."""
        client = await self.dial(**how)
        await client.greet()
        return client

    async def secured(self) -> MailClient:
        """A client that has said EHLO under STARTTLS."""
        client = await self.greeted()
        assert (await client.say("STARTTLS")).startswith("220 ")
        await client.start_tls()
        await client.say("EHLO client.test")
        return client

    async def user(self, name: str = "alice@alpha.test") -> MailClient:
        """A client that has logged in."""
        client = await self.secured()
        assert (await client.login(name, PASSWORD)).startswith("235 ")
        return client

    def pass_time(self, seconds: float) -> None:
        """Let every deadline of that many seconds pass."""
        now = asyncio.get_running_loop().time() + seconds
        for stream in tuple(self.listener._streams):
            stream.expire_if_late(now)

    async def is_idle(self) -> None:
        """Wait until no connection is left."""
        await until(lambda: not self.listener.connections)

    async def stop(self, grace_s: float = LIMIT_S) -> None:
        """What SIGTERM does."""
        self.listener.stop_accepting()
        await self.listener.finish(asyncio.get_running_loop().time() + grace_s)


@lru_cache(maxsize=1)
def _certificate(folder: Path) -> CertificateFiles:
    return CertificateFiles(*Authority(folder).issue("mx", HOSTNAME))


def loopback_socket() -> socket.socket:
    """A bound socket on 127.0.0.1, any port."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


@asynccontextmanager
async def running_node(store: Store, folder: Path, options: Options = Options()) -> AsyncIterator[Node]:  # noqa: B008
    """A node over the store, which has its directory already."""
    bound = loopback_socket()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(AuthoritativeServer(Zones(options.zones)))
        directory = Directory(store, hostname=HOSTNAME)
        stack.callback(directory.close)
        authenticator = Authenticator(store, Limiter(store))
        stack.callback(authenticator.close)
        jobs: list[Job] = []
        is_submission = options.role is Role.SUBMISSION
        resolver = Resolver([(server.host, server.port)])
        numbers = itertools.chain(options.draws, itertools.count())
        shelf = Shelf(store, global_folder=folder, list_folder=folder)
        stack.callback(shelf.close)
        office = Office(
            HOSTNAME, directory, lambda: NOW_S * 1_000_000, lambda bits: next(numbers) % (1 << bits)
        )
        intake = Intake(
            hostname=HOSTNAME,
            store=store,
            directory=directory,
            resolver=resolver,
            spool_folder=folder,
            now_us=lambda: NOW_S * 1_000_000,
            random_bits=lambda bits: (
                next(numbers) % (1 << bits)
            ),  # with the clock at rest, ids must differ by them
            dispatch=jobs.extend,
            lease_owner="node/1/0",
            exempt_networks=_networks(options),
            trusted_sealers=options.trusted_sealers,
            logos=options.logos,
            sieving=Sieving(store, shelf, office, options.tally),
        )
        tls = None
        if options.tls or options.implicit:
            (folder / "tls").mkdir(exist_ok=True)
            service = Service.SUBMISSION if is_submission else Service.SMTP
            tls = ServerTls(service, [_certificate(folder / "tls")])
        wanted: dict[str, object] = {
            "hostname": HOSTNAME,
            "role": options.role,
            "is_tls_available": options.tls,
            "is_tls_implicit": options.implicit,
            "is_tls_required": is_submission and options.tls,
            "auth_mechanisms": OFFERED_NAMES if is_submission else (),
        }
        conversation = SmtpConversation(
            options.role.value,
            SessionSettings(**wanted | dict(options.settings)),  # type: ignore[arg-type]
            options.timeouts,
            partial(Submission if is_submission else Reception, intake),
            tls,
            Logins(authenticator) if is_submission else None,
        )
        listener = Listener([bound], conversation, options.limits)
        node = Node(store, listener, conversation, bound.getsockname()[1])
        node.jobs, node.resolver = jobs, resolver
        async with asyncio.TaskGroup() as tasks:
            await listener.start(tasks)
            try:
                yield node
            finally:
                for client in node.clients:
                    await client.close()
                await node.stop()


def _networks(options: Options) -> Sequence[object]:
    import ipaddress

    return (ipaddress.ip_network("127.0.0.0/8"),) if options.exempt else ()
