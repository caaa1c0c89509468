"""A store that fails: the peer is told to come back, nothing is half-written, and it goes on without help (DESIGN §3.2)."""

from functools import partial

import msgspec
import pytest
import pytest_asyncio

from postier.mta.receive import Reception
from postier.store.packs import PackStore
from postier.store.sqlite import SqliteStore
from postier.store.transaction import StoreFullError, StoreUnavailableError
from tests.servers.failing_blobs import FailingBlobs
from tests.servers.smtp_server import counts, letters, populate, running_node

LETTER = b"From: a@remote.test\r\nSubject: x\r\n\r\nHi.\r\n"
RECIPIENTS = ("alice@alpha.test", "both@alpha.test")


@pytest_asyncio.fixture
async def failing(tmp_path):
    """A node, and its blobs that can be told to fail."""
    blobs = FailingBlobs(PackStore(tmp_path / "packs"))
    store = SqliteStore(tmp_path, blobs)
    await store.write(populate)
    async with running_node(store, tmp_path) as node:
        yield node, blobs
    await store.close()


@pytest.mark.parametrize(
    ("failure", "code"),
    [(StoreFullError("full"), "452 4.3.1 "), (StoreUnavailableError("no"), "451 4.3.0 ")],
)
async def test_the_letter_may_come_again(failing, failure, code):
    node, blobs = failing
    client = await node.greeted()
    before = await counts(node.store)
    blobs.failure = failure
    assert (await client.mail("a@remote.test", *RECIPIENTS, letter=LETTER)).startswith(code)
    blobs.failure = None
    assert await counts(node.store) == before
    assert not node.jobs
    assert (await client.mail("a@remote.test", *RECIPIENTS, letter=LETTER)).startswith("250 ")
    (letter,) = await letters(node.store, "alice@alpha.test")
    assert letter.endswith(LETTER)


async def test_no_room_is_told_before_the_letter_comes(failing):
    node, blobs = failing
    client = await node.greeted()
    blobs.room_bytes = 0
    assert (await client.mail("a@remote.test", "alice@alpha.test", letter=LETTER)).startswith("452 4.3.1 ")
    await client.all("MAIL FROM:<a@remote.test>", "RCPT TO:<alice@alpha.test>")
    client.send(b"BDAT 1 LAST\r\nx")
    assert (await client.hear()).startswith("452 4.3.1 ")
    assert (await client.say("NOOP")).startswith("250 ")


async def test_a_full_spool(failing, tmp_path):
    node, _ = failing
    intake = node.conversation._visit.args[0]
    (tmp_path / "file").touch()
    node.conversation._visit = partial(
        Reception, msgspec.structs.replace(intake, spool_folder=tmp_path / "file")
    )
    client = await node.greeted()
    large = LETTER + (b"x" * 70 + b"\r\n") * 20_000
    assert (await client.mail("a@remote.test", "alice@alpha.test", letter=large)).startswith("452 4.3.1 ")
    assert (await client.mail("a@remote.test", "alice@alpha.test", letter=LETTER)).startswith("250 ")


async def test_a_directory_that_does_not_answer(failing):
    node, _ = failing
    client = await node.greeted()
    await client.say("MAIL FROM:<a@remote.test>")
    await node.store.close()
    assert (await client.say("RCPT TO:<alice@alpha.test>")).startswith("451 4.3.0 ")
    assert (await client.say("NOOP")).startswith("250 ")


async def test_a_fault_of_ours_ends_one_connection_only(failing):
    node, _ = failing
    intake = node.conversation._visit.args[0]

    class Faulty(Reception):
        async def letter(self):
            raise ZeroDivisionError

    other = await node.greeted()
    node.conversation._visit = partial(Faulty, intake)
    client = await node.greeted()
    assert (await client.mail("a@remote.test", "alice@alpha.test", letter=LETTER)).startswith("421 4.3.0 ")
    assert await client.has_ended()
    assert (await other.mail("a@remote.test", "alice@alpha.test", letter=LETTER)).startswith("250 ")
