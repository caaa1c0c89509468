"""IDLE: changes are pushed."""

import asyncio

from postier.mailbox.filing import Delivery, deliver
from postier.mime.index import index_message
from postier.servers.imap import idle
from postier.servers.imap.selected import KEPT_UIDS
from postier.store.blobs import draft
from postier.store.packs import PackStore
from postier.store.sqlite import SqliteStore
from tests.servers.imap.served import Served, letter


async def test_a_new_letter_flags_and_expunges_are_pushed(served):
    one, other = await served.login(mailbox="INBOX"), await served.login(mailbox="INBOX")
    await other.start_idle()
    await one.append(letter())
    assert await other.line() == b"* 1 EXISTS"
    assert await other.line() == b"* 1 RECENT"
    await one.ok("STORE 1 +FLAGS (\\Deleted)")
    assert await other.line() == b"* 1 FETCH (UID 1 FLAGS (\\Recent \\Deleted))"
    await one.ok("EXPUNGE")
    assert await other.line() == b"* 1 EXPUNGE"
    assert await other.done() == [b"a3 OK IDLE terminated"]
    assert not served.conversation.idlers.waiting


async def test_what_happened_before_idle_is_told_at_once(served):
    one, other = await served.login(mailbox="INBOX"), await served.login(mailbox="INBOX")
    await one.append(letter())
    await other.start_idle()
    assert await other.line() == b"* 1 EXISTS"


async def test_idle_without_a_mailbox_waits(served):
    client = await served.login()
    await client.start_idle()
    assert await client.done() == [b"a2 OK IDLE terminated"]


async def test_done_may_come_with_the_next_command(served):
    client = await served.login(mailbox="INBOX")
    client.send("x IDLE\r\nDONE\r\ny NOOP\r\n")
    assert await client.until(b"y ") == [b"+ idling", b"x OK IDLE terminated", b"y OK NOOP completed"]


async def test_a_lost_wake_up_is_made_good_by_looking_again(served, monkeypatch):
    one, other = await served.login(mailbox="INBOX"), await served.login(mailbox="INBOX")
    monkeypatch.setattr(idle, "TICK_S", 0.05)
    monkeypatch.setattr(idle, "LOOK_AGAIN_S", 0.05)
    monkeypatch.setattr(served.store, "watch", lambda *_: lambda: None)
    await other.start_idle()
    await one.append(letter())
    assert await other.line() == b"* 1 EXISTS"
    assert await other.line() == b"* 1 RECENT"
    await other.done()


async def test_a_session_that_waits_gives_large_lists_back(embedded):
    one, other = await embedded.login(mailbox="INBOX"), await embedded.login(mailbox="INBOX")
    message = letter()
    parts = b"".join(b" {%d+}\r\n%b" % (len(message), message) for _ in range(900))
    for _ in range(2):
        await one.ok(b"APPEND INBOX" + parts)
    await other.ok("NOOP")
    await other.ok("FETCH 1800 UID")
    await other.start_idle()
    (waiting,) = embedded.conversation.idlers.waiting
    assert waiting.selected.view.is_loaded
    embedded.conversation.idlers._tick()
    assert not waiting.selected.view.is_loaded
    assert waiting.selected.view.exists == 2 * 900 > KEPT_UIDS
    await one.ok("STORE 7 +FLAGS.SILENT (\\Deleted)")
    await one.ok("EXPUNGE")
    assert (await other.until(b"* 7 EXPUNGE"))[-1]
    assert (await other.done())[-1] == b"a5 OK IDLE terminated"


async def test_a_connection_that_breaks_in_idle_is_forgotten(served):
    client = await served.login(mailbox="INBOX")
    await client.start_idle()
    tasks = [*served.listener._streams.values()]
    client.close()
    _, pending = await asyncio.wait(tasks, timeout=5)
    assert not pending
    assert not served.conversation.idlers.waiting


async def test_a_letter_that_another_process_took_in_is_pushed(sqlite_store, tmp_path):
    other_process = SqliteStore(
        tmp_path, PackStore(tmp_path / "packs")
    )  # they meet in files and on the bus alone
    async with Served(sqlite_store, tmp_path) as here:
        client = await here.login(mailbox="INBOX")
        await client.start_idle()
        message = letter()
        drafted = draft(message)
        await other_process.write_with_blobs(
            [drafted],
            deliver,
            [Delivery(here.ids[0])],
            index_message(message),
            drafted.blob_id,
            len(message),
            0,
        )
        assert await client.line() == b"* 1 EXISTS"
    await other_process.close()
