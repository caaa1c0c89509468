"""Two mail servers in process: each a store with its domain, an SMTP listener and a queue, over one real DNS server."""

import asyncio
import random
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from functools import partial
from pathlib import Path

import msgspec

from postier.accounts.accounts import add_account
from postier.accounts.directory import Directory
from postier.accounts.dkim_keys import make_keys, record_text
from postier.accounts.domains import add_domain
from postier.dns.authoritative import AuthoritativeServer
from postier.dns.mx import RoutePolicy
from postier.dns.resolver import Resolver
from postier.dns.zones import Zones
from postier.mailauth.dkim import zone_text
from postier.mailbox.folders import default_mailboxes
from postier.mime.address import Address
from postier.mta.backoff import RetrySchedule
from postier.mta.deliver import Courier, Despatch
from postier.mta.receive import Reception
from postier.mta.reports.sending import Sender
from postier.mta.reports.sightings import Sightings
from postier.mta.reports.tls_sightings import TlsWitness
from postier.mta.schedule import Pace, Scheduler
from postier.mta.transport import Connections, Dialling
from postier.mta.visit import Intake
from postier.servers.listener import ConnectionLimits, Listener
from postier.servers.smtp import SmtpConversation, Timeouts
from postier.smtp.settings import Role, SessionSettings
from postier.store.transaction import Store
from tests.servers.smtp_server import secret

DAY_US = 86_400_000_000
LIMIT_S = 10


class Poster:
    """Keeps what it is given; the server behind it takes it or does not."""

    def __init__(self, *, takes: bool = False) -> None:
        self.takes = takes
        self.posted: list[tuple[str, str, bytes]] = []

    async def post(self, url: str, media_type: str, content: bytes) -> bool:
        self.posted.append((url, media_type, content))
        return self.takes


def real_now_us() -> int:
    return time.time_ns() // 1000


class MailServer:
    """One side. `tomorrow` sends as if the day were over."""

    def __init__(self, domain: str, store: Store, sender: Sender, sightings: Sightings, port: int) -> None:
        self.domain = domain
        self.store = store
        self.sender = sender
        self.tomorrow = msgspec.structs.replace(sender, delay_us=-DAY_US)
        self.sightings = sightings
        self.port = port


@asynccontextmanager
async def mail_server(
    domain: str, address: str, store: Store, folder: Path, dns: AuthoritativeServer, port: int
) -> AsyncIterator[MailServer]:
    """A server of `domain` at `address`, whose host is mx. below it."""
    hostname = f"mx.{domain}"
    owner = f"{hostname}/1/0"
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240
    async with AsyncExitStack() as stack:
        resolver = Resolver([(dns.host, dns.port)])
        directory = Directory(store, hostname=hostname)
        stack.callback(directory.close)
        sightings = Sightings(store, real_now_us)
        despatch = Despatch(
            hostname=hostname,
            store=store,
            directory=directory,
            resolver=resolver,
            routes=RoutePolicy(own_names=frozenset({hostname}), allow_private_addresses=True),
            schedule=RetrySchedule(),
            now_us=real_now_us,
            random_bits=random.getrandbits,
            chance=random.Random(1),
            lease_owner=owner,
            dispatch=lambda jobs: scheduler.dispatch(jobs),  # noqa: PLW0108 (it is made below)
        )
        dialling = Dialling(hostname, port, resolver, observer=TlsWitness(sightings))
        scheduler = Scheduler(
            store, owner, lambda _: Courier(despatch, Connections(dialling)), Pace(), real_now_us
        )
        intake = Intake(
            hostname=hostname,
            store=store,
            directory=directory,
            resolver=resolver,
            spool_folder=folder,
            now_us=real_now_us,
            random_bits=random.getrandbits,
            dispatch=scheduler.dispatch,
            lease_owner=owner,
            sightings=sightings,
        )
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
        conversation = SmtpConversation(
            "smtp",
            SessionSettings(hostname=hostname, role=Role.MX),
            Timeouts(),
            partial(Reception, intake),
            None,
            None,
        )
        listener = Listener([bound], conversation, ConnectionLimits())
        sender = Sender(store, directory, resolver, Poster(), hostname, 10, real_now_us, random.getrandbits)
        async with asyncio.TaskGroup() as tasks:
            await listener.start(tasks)
            await scheduler.start(tasks)
            try:
                yield MailServer(domain, store, sender, sightings, port)
            finally:
                for service in (listener, scheduler):
                    service.stop_accepting()
                    await service.finish(asyncio.get_running_loop().time() + LIMIT_S)


async def found_domain(store: Store, domain: str) -> str:
    """Add the domain with keys and an administrator; the zone's DKIM records."""
    keys = make_keys(domain, date(2026, 1, 1))
    await store.write(add_domain, domain, keys)
    await store.write(add_account, Address("admin", domain), secret(), default_mailboxes, is_admin=True)
    return "".join(f"{key.selector}._domainkey IN TXT {zone_text(record_text(key))}\n" for key in keys)


def zones(**more: str) -> Zones:
    """Every zone ends the search above it."""
    return Zones({".": "", **{name.replace("_", "."): text for name, text in more.items()}})
