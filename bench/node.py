"""The measured server: a fresh data folder, a hundred accounts, its process; and the DNS that it asks.

The DNS server runs in this process, so what it costs is not counted as the mail server's.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
from meter import Meter

from postier.accounts.accounts import add_account
from postier.accounts.credentials import hash_password
from postier.accounts.domains import add_domain
from postier.app.configuration import load
from postier.app.stores import open_store
from postier.dns.authoritative import AuthoritativeServer
from postier.dns.zones import Zones
from postier.mailauth import dkim
from postier.mailbox.folders import default_mailboxes
from postier.mime.address import Address

HOST = "127.0.0.1"
DOMAIN = "bench.test"
PASSWORD = "a-long-bench-password"  # without spaces, for Dovecot's static passdb
READY_S = 60
STOP_S = 30
SOURCE = Path(__file__).resolve().parent.parent / "src"


class Node:
    """A running server."""

    def __init__(self, folder: Path, ports: tuple[int, int], pid: int) -> None:
        self.folder = folder
        self.smtp, self.imap = ports
        self.meter = Meter(pid)

    def stored(self) -> int:
        """How many messages lie in all mailboxes; read from the database beside the server."""
        database = apsw.Connection(str(self.folder / "data/postier.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
        with contextlib.closing(database):
            return database.execute("SELECT coalesce(sum(message_count), 0) FROM mailbox").fetchall()[0][0]

    def indexed(self) -> tuple[int, int, int]:
        """How many messages are in the index of words; octets of their texts and of the index."""
        database = apsw.Connection(str(self.folder / "data/postier.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
        with contextlib.closing(database):
            (count,) = database.execute("SELECT coalesce(max(indexed_to), 0) FROM word_progress").fetchall()[
                0
            ]
            sums = "SELECT coalesce(sum(text_bytes), 0), coalesce(sum(stored_bytes), 0) FROM word_block"
            return (count, *database.execute(sums).fetchall()[0])


def user(number: int) -> str:
    """The address of an account."""
    return f"u{number}@{DOMAIN}"


@contextlib.asynccontextmanager
async def running(folder: Path, accounts: int, zones: dict[str, str], workers: int) -> AsyncIterator[Node]:
    """A server in `folder` with its accounts, asking a DNS server that has `zones`."""
    async with AuthoritativeServer(Zones(zones), HOST) as dns:
        ports = free_ports()
        file = folder / "postier.toml"
        file.write_text(_configuration(ports, dns.port, workers), encoding="utf-8")
        await _populate(file, accounts)
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "postier", "serve", "--config", str(file),
                stdout=asyncio.subprocess.PIPE, stderr=log,
                env=os.environ | {"PYTHONPATH": str(SOURCE)},
            )  # fmt: skip
            assert process.stdout is not None
            try:
                async with asyncio.timeout(READY_S):
                    line = await process.stdout.readline()
                if not line.startswith(b"ready"):
                    raise SystemExit(f"the server did not start; see {folder / 'log'}")
                yield Node(folder, ports, process.pid)
            finally:
                if process.returncode is None:
                    process.terminate()
                async with asyncio.timeout(STOP_S):
                    await process.wait()


def sender_zone(key: dkim.SigningKey) -> str:
    """A zone whose mail from this host is proved by SPF, DKIM and DMARC."""
    domain = key.domain
    strings = dkim.zone_text(dkim.key_record(key.private.public_key()))
    return (
        f"$ORIGIN {domain}.\n$TTL 3600\n@ SOA ns.{domain}. postmaster.{domain}. 1 3600 600 86400 60\n@ NS ns.{domain}.\n"
        f'ns A {HOST}\nmx A {HOST}\n@ MX 10 mx.{domain}.\n@ TXT "v=spf1 ip4:{HOST} -all"\n'
        f'_dmarc TXT "v=DMARC1; p=quarantine"\n{key.selector}._domainkey TXT {strings}\n'
    )


async def _populate(file: Path, accounts: int) -> None:
    secret = hash_password(
        PASSWORD
    )  # one hash for all: what is measured is logging in, not hashing a hundred times here

    def fill(tx) -> None:
        add_domain(tx, DOMAIN)
        for number in range(accounts):
            add_account(tx, Address.parse(user(number)), secret, default_mailboxes)

    store = await open_store(load(file, {}))
    try:
        await store.write_bulk(fill)
    finally:
        await store.close()


def _configuration(ports: tuple[int, int], dns_port: int, workers: int) -> str:
    return (
        f'hostname = "mx.{DOMAIN}"\ndata = "data"\nworkers = {workers}\n[dns]\nresolvers = ["{HOST}:{dns_port}"]\n'
        f'[limits]\nexempt_networks = ["127.0.0.0/8"]\n[access]\nplaintext_login = true\n[log]\nformat = "json"\n'
        f'[[listener]]\nprotocol = "smtp"\nbind = "{HOST}:{ports[0]}"\ntls = "none"\n'
        f'[[listener]]\nprotocol = "imap"\nbind = "{HOST}:{ports[1]}"\ntls = "none"\n'
    )


def free_ports() -> tuple[int, int]:
    """Two ports that nobody has."""
    with socket.create_server((HOST, 0)) as first, socket.create_server((HOST, 0)) as second:
        return first.getsockname()[1], second.getsockname()[1]
