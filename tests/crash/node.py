"""A whole server for the tests that do it harm: its configuration, its accounts, what lies in its store at the end."""

import asyncio
import hashlib
import os
import re
from pathlib import Path

import msgspec
from click.testing import CliRunner

from postier.accounts.accounts import add_account
from postier.accounts.credentials import hash_password
from postier.accounts.domains import add_domain
from postier.app.configuration import load
from postier.app.stores import open_store
from postier.cli.root import root
from postier.mailbox.folders import default_mailboxes
from postier.mime.address import Address
from postier.mta.queue_rows import list_messages
from postier.store.blobs import BlobId
from tests.ports import free_port

ACCOUNTS = 10
PASSWORD = "secret"
DRAIN_S = 60.0
BLOBS_AT_ONCE = 200
DIGEST = re.compile(rb"^X-Digest: ([0-9a-f]{64})\r$", re.MULTILINE)
MESSAGE_ID = re.compile(rb"^Message-ID: <([^>]+)>\r$", re.MULTILINE)


def free_ports(count: int) -> list[int]:
    return [free_port() for _ in range(count)]


def listener(protocol: str, port: int, tls: str = "none") -> str:
    """A listener's section of the configuration."""
    return f'[[listener]]\nprotocol = "{protocol}"\nbind = "127.0.0.1:{port}"\ntls = "{tls}"\n'


def configuration_text(smtp_port: int, submission_port: int, dns_port: int, sink_port: int) -> str:
    return f"""
hostname = "mx.alpha.test"
workers = 2
[dns]
resolvers = ["127.0.0.1:{dns_port}"]
{listener("smtp", smtp_port)}
{listener("submission", submission_port)}
[limits]
exempt_networks = ["127.0.0.0/8"]
[delivery]
port = {sink_port}
allow_private_addresses = true
retry_first_s = 1
retry_max_s = 1
[access]
plaintext_login = true
[log]
level = "warning"
"""


async def populate(configuration: Path) -> None:
    store = await open_store(load(configuration, {}))
    await store.write(add_domain, "alpha.test")
    secret = hash_password(PASSWORD)
    for number in range(ACCOUNTS):
        await store.write(add_account, Address(f"u{number}", "alpha.test"), secret, default_mailboxes)
    await store.close()


def letter(message_id: str, text: bytes, *, sender: str = "s@elsewhere.test") -> bytes:
    """A letter that can tell whether it is whole; `text` has lines that end in CRLF."""
    digest = hashlib.sha256(text).hexdigest()
    return (
        f"From: {sender}\r\nDate: Tue, 24 Nov 2026 01:02:03 +0000\r\nMessage-ID: <{message_id}>\r\n"
        f"X-Digest: {digest}\r\n\r\n"
    ).encode() + text


def message_id_in(content: bytes) -> str:
    found = MESSAGE_ID.search(content)
    assert found is not None
    return found[1].decode()


def is_whole(content: bytes) -> bool:
    """Whether a letter made by `letter` is as it was, below what servers put on top."""
    told = DIGEST.search(content)
    body = content[content.index(b"\r\n\r\n") + 4 :]
    return told is not None and hashlib.sha256(body).hexdigest().encode() == told[1]


class Kept(msgspec.Struct, frozen=True):
    """One entry of a mailbox."""

    message_id: str
    account: int
    mailbox: str
    uid: int
    flags: int
    is_whole: bool


_ENTRIES = (
    "SELECT a.address, b.name, x.uid, x.flags, e.message_id, e.blob_id FROM entry x"
    " JOIN account a ON a.account_id = x.account_id"
    " JOIN mailbox b ON b.account_id = x.account_id AND b.mailbox_id = x.mailbox_id"
    " JOIN email e ON e.account_id = x.account_id AND e.email_id = x.email_id"
)


async def contents(configuration: Path) -> list[Kept]:
    """Every entry of every mailbox, its letter read from the blobs."""
    store = await open_store(load(configuration, {}))
    rows = await store.read_bulk(lambda tx: tx.rows(_ENTRIES))
    found = []
    for start in range(0, len(rows), BLOBS_AT_ONCE):
        portion = rows[start : start + BLOBS_AT_ONCE]
        blobs = await store.read_blobs([BlobId(bytes(row[5])) for row in portion])
        for (address, mailbox, uid, flags, message_id, _), blob in zip(portion, blobs, strict=True):
            number = int(address.partition("@")[0][1:])
            found.append(
                Kept(message_id, number, mailbox, uid, flags, blob is not None and is_whole(bytes(blob)))
            )
    await store.close()
    return found


async def stored(configuration: Path) -> dict[str, set[int]]:
    """Message-ID: numbers of the accounts that have it."""
    found: dict[str, set[int]] = {}
    for each in await contents(configuration):
        found.setdefault(each.message_id, set()).add(each.account)
    return found


async def drain(configuration: Path) -> None:
    """Wait until the queue is empty."""
    store = await open_store(load(configuration, {}))
    async with asyncio.timeout(DRAIN_S):
        while await store.read(list_messages):
            await asyncio.sleep(0.05)
    await store.close()


async def verify(configuration: Path) -> str:
    """What `postier verify` finds."""
    done = await asyncio.to_thread(CliRunner().invoke, root, ["verify", "--config", str(configuration)])
    return str(done.output)


SOUND = "the store is sound\n"


def children(pid: int) -> list[int]:
    """The processes that this one has started: a supervisor's workers."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def needs_root(what: str) -> None:
    """End the test with the reason when it is not run by root."""
    if os.geteuid() != 0:
        raise PermissionError(f"{what} needs root: run `make test`, which is root in a namespace of its own")
