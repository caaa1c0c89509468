"""IDLE: changes are pushed."""

import asyncio

from postier.servers.imap import idle
from postier.servers.imap.selected import KEPT_UIDS
from tests.servers.imap.served import letter


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


async def test_a_session_that_waits_gives_large_lists_back(embedded, monkeypatch):
    monkeypatch.setattr(idle, "TICK_S", 0.01)
    monkeypatch.setattr(idle, "LOOK_AGAIN_S", 0.01)
    one, other = await embedded.login(mailbox="INBOX"), await embedded.login(mailbox="INBOX")
    message = letter()
    parts = b"".join(b" {%d+}\r\n%b" % (len(message), message) for _ in range(900))
    for _ in range(2):
        await one.ok(b"APPEND INBOX" + parts)
    await other.ok("FETCH 1800 UID")
    await other.start_idle()
    (waiting,) = embedded.conversation.idlers.waiting
    async with asyncio.timeout(5):
        while waiting.selected.view.is_loaded:
            await asyncio.sleep(0)
    assert waiting.selected.view.exists == 2 * 900 > KEPT_UIDS
    await one.ok("STORE 7 +FLAGS.SILENT (\\Deleted)")
    await one.ok("EXPUNGE")
    assert (await other.until(b"* 7 EXPUNGE"))[-1]
    assert (await other.done())[-1] == b"a4 OK IDLE terminated"


async def test_a_connection_that_breaks_in_idle_is_forgotten(served):
    client = await served.login(mailbox="INBOX")
    await client.start_idle()
    client.close()
    async with asyncio.timeout(5):
        while served.conversation.idlers.waiting or served.listener.connections:
            await asyncio.sleep(0)
