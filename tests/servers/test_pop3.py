"""The POP3 server: transcripts on both engines, the lock, IMAP beside it, ends of connections, trouble with the store."""

import asyncio
import poplib
import ssl

import pytest
import pytest_asyncio

from postier.imap.flags import SEEN
from postier.mailbox import maildrop as storage
from postier.mailbox.expunge import expunge_uids
from postier.mailbox.folders import mailbox_id_of
from postier.mailbox.names import INBOX
from postier.mailbox.reading import uid_flags
from postier.mailbox.transfer import move_messages
from postier.servers.listener import ConnectionLimits
from postier.servers.pop3 import connection
from postier.servers.pop3.connection import Timeouts
from postier.store.transaction import StoreUnavailableError
from postier.tls.certificates import CertificateFiles
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.mailbox.letters import raw_letter
from tests.pop3.playbook import FOLDER, LETTERS, matches, turns
from tests.servers.imap.served import ADDRESSES, LIMIT_S, PASSWORD
from tests.servers.pop3_server import Pop3Server

TRANSCRIPTS = sorted(path for path in FOLDER.glob("*.txt") if "\nT:" not in path.read_text("utf-8"))


@pytest_asyncio.fixture
async def served(store):
    async with Pop3Server(store) as running:
        yield running


@pytest_asyncio.fixture
async def embedded(sqlite_store):
    async with Pop3Server(sqlite_store) as running:
        yield running


def server_tls(authority):
    return ServerTls(Service.POP3, [CertificateFiles(*authority.issue("mx.alpha.test", "mx.alpha.test"))])


async def inbox_flags(server, who=0):
    inbox = await server.store.read(mailbox_id_of, server.ids[who], INBOX)
    return dict(await server.store.read(uid_flags, server.ids[who], inbox, [(1, 2**32 - 1)]))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
async def test_transcript(served, path):
    await served.file(*LETTERS)
    client = await served.connect_silently()
    for _, sent, expected in turns(path.read_text("utf-8")):
        client.send("".join(f"{line}\r\n" for line in sent))
        for pattern in expected:
            line = (await client.line()).decode()
            assert matches(pattern, line), f"after {sent}: expected {pattern!r}, got {line!r}"
    assert await client.ended() == b""


async def test_what_is_deleted_goes_at_quit_and_what_was_read_is_seen(served):
    await served.file(*(raw_letter(number) for number in range(1, 5)))
    client = await served.login()
    await client.lines("RETR 1")
    await client.lines("RETR 2")
    await client.lines("TOP 4 1")
    await client.ok("DELE 2")
    await client.ok("DELE 3")
    assert sorted(await inbox_flags(served)) == [1, 2, 3, 4]
    assert await client.quit() == b"+OK goodbye, 2 messages are left"
    assert await inbox_flags(served) == {1: SEEN, 4: 0}


async def test_unique_ids_stay_and_never_come_back(served):
    await served.file(raw_letter(1), raw_letter(2))
    client = await served.login()
    before = [line.split()[1] for line in await client.lines("UIDL")]
    await client.ok("DELE 2")
    await client.quit()
    await served.file(raw_letter(3))
    client = await served.login()
    after = [line.split()[1] for line in await client.lines("UIDL")]
    assert after[0] == before[0]
    assert after[1] not in before


async def test_a_maildrop_has_one_session(served):
    first = await served.login()
    second = await served.connect()
    assert (await second.login()).startswith(b"-ERR [IN-USE] ")
    assert (await second.login(1)).startswith(b"+OK ")  # another's maildrop is open to him
    await first.quit()
    third = await served.connect()
    assert (await third.login()).startswith(b"+OK ")


async def test_the_lock_ends_with_the_connection_and_nothing_is_deleted(served):
    await served.file(raw_letter())
    client = await served.login()
    await client.ok("DELE 1")
    client.close()
    async with asyncio.timeout(LIMIT_S):
        while True:
            again = await served.connect()
            if (await again.login()).startswith(b"+OK 1 "):
                break
            await again.quit()


async def test_a_dead_sessions_lock_runs_out(served, monkeypatch):
    monkeypatch.setattr(storage, "LEASE_US", 0)
    assert await served.store.write(storage.lock_maildrop, served.ids[0], "dead", actor_id=served.ids[0])
    monkeypatch.undo()
    await served.login()


async def test_a_lock_is_prolonged_while_the_session_lasts(embedded, monkeypatch):
    monkeypatch.setattr(connection, "PROLONG_S", 0.001)
    client = await embedded.login()
    lease = "SELECT lease_until FROM lease"
    began = await embedded.store.read(lambda tx: tx.value(lease))
    async with asyncio.timeout(LIMIT_S):
        while await embedded.store.read(lambda tx: tx.value(lease)) == began:
            await client.ok("NOOP")
    await client.quit()
    assert await embedded.store.read(lambda tx: tx.value(lease)) is None


async def test_who_lost_the_lock_deletes_nothing(served, monkeypatch):
    await served.file(raw_letter())
    monkeypatch.setattr(storage, "LEASE_US", 0)
    slow = await served.login()
    await slow.ok("DELE 1")
    monkeypatch.undo()
    quick = await served.login()
    assert (await slow.quit()).startswith(b"-ERR [SYS/TEMP] the lock on the maildrop ran out")
    assert await quick.quit() == b"+OK goodbye, 1 messages are left"


async def test_imap_goes_on_beside_a_session(served):
    await served.file(raw_letter(1), raw_letter(2), raw_letter(3))
    client = await served.login()
    inbox = await served.store.read(mailbox_id_of, served.ids[0], INBOX)
    trash = await served.store.read(mailbox_id_of, served.ids[0], "Trash")
    await served.store.write(expunge_uids, served.ids[0], inbox, [(1, 1)])
    await served.file(raw_letter(4))
    assert (await client.ok("STAT")).startswith(b"+OK 3 ")
    assert [line.split()[0] for line in await client.lines("LIST")] == [b"1", b"2", b"3"]
    assert b"Message-ID: <1@alpha.test>" in await client.lines("RETR 1")  # expunged, and still read
    await served.store.write(move_messages, served.ids[0], inbox, [(2, 2)], trash)
    assert (await client.ask("RETR 2")).startswith(b"-ERR this message was moved away")
    for number in (1, 2, 3):
        await client.ok(f"DELE {number}")
    await client.quit()
    assert list(await inbox_flags(served)) == [4]


async def test_a_message_moved_before_the_listing_is_not_listed(served):
    await served.file(raw_letter(1), raw_letter(2))
    client = await served.login()
    inbox = await served.store.read(mailbox_id_of, served.ids[0], INBOX)
    trash = await served.store.read(mailbox_id_of, served.ids[0], "Trash")
    await served.store.write(move_messages, served.ids[0], inbox, [(1, 1)], trash)
    assert [line.split(b".")[1] for line in await client.lines("UIDL")] == [b"2"]
    assert (await client.ok("STAT")).startswith(b"+OK 1 ")


async def test_octets_come_as_they_are(served):
    letters = [
        raw_letter(1, body="." * 10 + "\r\n.\r\n..\r\n"),
        raw_letter(2, body="x" * 300_000),
        raw_letter(3, body="\r\n.".join(str(number) for number in range(50_000))),
    ]
    await served.file(*letters)
    client = await served.login()
    for number, letter in enumerate(letters, 1):
        assert b"".join(line + b"\r\n" for line in await client.lines(f"RETR {number}")) == letter
    assert [int(line.split()[1]) for line in await client.lines("LIST")] == [
        len(letter) for letter in letters
    ]


async def test_a_peer_that_takes_nothing_does_not_fill_the_memory(embedded, monkeypatch):
    monkeypatch.setattr("postier.servers.listener.SWEEP_S", 0.01)
    embedded.conversation.timeouts = Timeouts(data_s=0.2)
    await embedded.file(raw_letter(body="x" * 1_000_000))
    client = await embedded.login()
    client.reader._transport.pause_reading()
    client.send("RETR 1\r\n" * 200)
    async with asyncio.timeout(LIMIT_S):
        while embedded.listener.connections:
            assert all(
                (stream._transport.get_write_buffer_size() < 2_000_000)
                for stream in embedded.listener._streams
            )
            await asyncio.sleep(0)
    client.close()


async def test_a_long_pipeline_of_one_client_lets_others_have_their_turn(embedded):
    await embedded.file(raw_letter())
    busy, other = await embedded.login(), await embedded.login(1)
    busy.send("CAPA\r\n" * 30_000 + "QUIT\r\n")
    await other.ok("NOOP")
    (stream,) = (
        one
        for one in embedded.listener._streams
        if one.peer_port == busy.writer.get_extra_info("sockname")[1]
    )
    assert stream._transport.get_write_buffer_size() < 1_000_000
    assert (await busy.ended()).count(b"+OK") == 30_001


async def test_stls_then_a_login(sqlite_store, tmp_path):
    authority = Authority(tmp_path)
    settings = {"is_tls_available": True, "is_plaintext_login_allowed": False}
    async with Pop3Server(sqlite_store, tls=server_tls(authority), **settings) as server:
        client = await server.connect()
        assert b"STLS" in await client.lines("CAPA")
        assert (await client.ask(f"USER {ADDRESSES[0]}")).startswith(b"-ERR [SYS/PERM] ")
        await client.ok("STLS")
        context = ssl.create_default_context(cafile=str(authority.file))
        await client.writer.start_tls(context, server_hostname="mx.alpha.test")
        assert (await client.login()).startswith(b"+OK 0 ")
        assert b"STLS" not in await client.lines("CAPA")


async def test_implicit_tls_and_poplib(sqlite_store, tmp_path):
    authority = Authority(tmp_path)
    context = ssl.create_default_context(cafile=str(authority.file))
    context.check_hostname = False

    def visit(port):
        box = poplib.POP3_SSL("127.0.0.1", port, context=context, timeout=LIMIT_S)
        assert "UIDL" in box.capa()
        box.utf8()
        box.user(ADDRESSES[0])
        box.pass_(PASSWORD)
        count, size = box.stat()
        letters = [box.retr(number)[1] for number in range(1, count + 1)]
        assert len(box.uidl()[1]) == len(box.list()[1]) == count
        box.dele(1)
        box.rset()
        box.dele(2)
        assert box.top(1, 0)[1][0].startswith(b"From: ")
        box.quit()
        return size, letters

    async with Pop3Server(sqlite_store, tls=server_tls(authority), is_tls_implicit=True) as server:
        sent = [raw_letter(1), raw_letter(2, body=".\r\n..\r\n")]
        await server.file(*sent)
        size, letters = await asyncio.to_thread(visit, server.port)
        assert size == sum(map(len, sent))
        assert [b"".join(line + b"\r\n" for line in letter) for letter in letters] == sent
        assert list(await inbox_flags(server)) == [1]


async def test_silent_clients_are_left_without_a_word(sqlite_store, monkeypatch):
    monkeypatch.setattr("postier.servers.listener.SWEEP_S", 0.01)
    async with Pop3Server(sqlite_store, timeouts=Timeouts(login_s=0.3, idle_s=0.4)) as server:
        await server.file(raw_letter())
        silent, talker = await server.connect(), await server.login()
        assert await silent.ended() == b""
        await talker.ok("DELE 1")
        assert await talker.ended() == b""  # RFC 1939 §3: and nothing is deleted
        assert (await (await server.login()).quit()).startswith(b"+OK goodbye, 1 ")


async def test_at_shutdown_everybody_is_told(sqlite_store):
    async with Pop3Server(sqlite_store) as server:
        early, late = await server.connect(), await server.login()
        server.listener.stop_accepting()
        await server.listener.finish(asyncio.get_running_loop().time() + 5)
        for client in (early, late):
            assert await client.ended() == b"-ERR [SYS/TEMP] the server is shutting down\r\n"
        assert await server.store.read(lambda tx: tx.value("SELECT count(*) FROM lease")) == 0


async def test_too_many_connections_are_told(sqlite_store):
    async with Pop3Server(sqlite_store, limits=ConnectionLimits(1, 1)) as server:
        await server.connect()
        refused = await server.connect_silently()
        assert (await refused.ended()).startswith(b"-ERR [SYS/TEMP] too many connections")


async def test_failed_logins_end_a_connection(sqlite_store):
    async with Pop3Server(sqlite_store, max_errors=2) as server:
        client = await server.connect()
        assert (await client.login(password="wrong")).startswith(b"-ERR [AUTH] ")
        assert (await client.login(password="wrong")).startswith(b"-ERR [AUTH] ")
        assert await client.ended() == b""


@pytest.mark.parametrize("command", ["LIST", "RETR 1", "QUIT"])
async def test_a_store_that_fails_is_told(embedded, monkeypatch, command):
    await embedded.file(raw_letter())
    client = await embedded.login()
    if command == "QUIT":
        await client.ok("DELE 1")
    elif command == "RETR 1":
        await client.ok("UIDL 1")

    def fail(*_):
        raise StoreUnavailableError("gone")

    for name in ("maildrop_messages", "maildrop_message", "update_maildrop"):
        monkeypatch.setattr(connection, name, fail)
    assert (await client.ask(command)).startswith(b"-ERR [SYS/TEMP] ")
    monkeypatch.undo()
    if command == "QUIT":
        assert await client.ended() == b""
    else:
        await client.lines(command)
        await client.quit()
    assert list(await inbox_flags(embedded)) == [1]


async def test_a_fault_of_ours_ends_the_connection_and_the_lock(embedded, monkeypatch):
    await embedded.file(raw_letter())
    client = await embedded.login()

    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(connection, "maildrop_messages", fail)
    assert await client.ask("LIST") == b"-ERR [SYS/TEMP] internal error"
    assert await client.ended() == b""
    monkeypatch.undo()
    await embedded.login()


async def test_many_sessions_of_one_account_never_share_it(served):
    """Each takes one message and deletes it; together they take each once."""
    await served.file(*(raw_letter(number) for number in range(1, 13)))
    taken = []

    async def visit():
        while True:
            client = await served.connect()
            answer = await client.login()
            if answer.startswith(b"-ERR [IN-USE]"):
                await client.quit()
                continue
            if answer.startswith(b"+OK 0 "):
                await client.quit()
                return
            taken.extend([line for line in await client.lines("RETR 1") if line.startswith(b"Message-ID")])
            await client.ok("DELE 1")
            await client.quit()

    async with asyncio.timeout(3 * LIMIT_S), asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(visit())
    assert sorted(taken) == sorted(b"Message-ID: <%d@alpha.test>" % number for number in range(1, 13))
