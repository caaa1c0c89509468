"""The ends of connections: time-outs, errors, shutdown, TLS, trouble with the store."""

import asyncio
import ssl

import pytest

from postier.servers.imap import dialogue, mailboxes
from postier.servers.imap.settings import Timeouts
from postier.store.packs import PackStore
from postier.store.sqlite import SqliteStore
from postier.store.transaction import StoreFullError, StoreUnavailableError
from postier.tls.certificates import CertificateFiles
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.servers.imap.served import PASSWORD, Served, letter


class FailingBlobs:
    """A BlobStore that fails when told to; else a pack store."""

    def __init__(self, folder):
        self._packs = PackStore(folder)
        self.error = None

    def save(self, drafts):
        if self.error is not None:
            raise self.error
        return self._packs.save(drafts)

    def load(self, blob_id, location):
        if self.error is not None:
            raise self.error
        return self._packs.load(blob_id, location)

    def load_all(self, blob_ids, locations):
        if self.error is not None:
            raise self.error
        return self._packs.load_all(blob_ids, locations)

    def free_bytes(self):
        return self._packs.free_bytes()

    def close(self):
        self._packs.close()


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def server_tls(authority):
    return ServerTls(Service.IMAP, [CertificateFiles(*authority.issue("mx.alpha.test", "mx.alpha.test"))])


def client_context(authority):
    return ssl.create_default_context(cafile=str(authority.file))


async def test_a_silent_client_is_sent_away_before_and_after_login(sqlite_store, tmp_path, monkeypatch):
    monkeypatch.setattr("postier.servers.listener.SWEEP_S", 0.01)
    times = Timeouts(login_s=0.3, idle_s=0.5)
    async with Served(sqlite_store, tmp_path, timeouts=times) as served:
        silent = await served.connect()
        talker = await served.login(mailbox="INBOX")
        assert await silent.ended() == b"* BYE Autologout; idle for too long\r\n"
        await talker.ok("NOOP")
        assert await talker.ended() == b"* BYE Autologout; idle for too long\r\n"


async def test_commands_before_login_do_not_win_time(sqlite_store, tmp_path, monkeypatch):
    monkeypatch.setattr("postier.servers.listener.SWEEP_S", 0.01)
    async with Served(sqlite_store, tmp_path, timeouts=Timeouts(login_s=0.2)) as served:
        client = await served.connect()
        lines = []
        while not lines or not lines[-1].startswith(b"* BYE"):
            client.send("a NOOP\r\n")
            lines.append(await client.line())
        assert lines[-1] == b"* BYE Autologout; idle for too long"


async def test_a_message_that_trickles_is_cut_off(sqlite_store, tmp_path, monkeypatch):
    monkeypatch.setattr("postier.servers.listener.SWEEP_S", 0.01)
    async with Served(sqlite_store, tmp_path, timeouts=Timeouts(data_s=0.2)) as served:
        client = await served.login()
        client.send("x APPEND INBOX {1000+}\r\nSubject: slow\r\n")
        assert await client.ended() == b"* BYE Autologout; idle for too long\r\n"
        other = await served.login()
        assert await other.ok("STATUS INBOX (MESSAGES)") == [b"* STATUS INBOX (MESSAGES 0)"]


async def test_a_client_that_errs_again_and_again_is_sent_away(sqlite_store, tmp_path):
    async with Served(sqlite_store, tmp_path, max_errors=3) as served:
        client = await served.connect()
        client.send("a NONSENSE\r\nb NOOP\r\n" * 5 + "a NONSENSE\r\n" * 3)
        lines = (await client.ended()).splitlines()
        assert lines.count(b"a BAD Unknown command NONSENSE") == 5 + 3
        assert lines[-1] == b"* BYE Too many errors"


async def test_failed_logins_end_the_connection(sqlite_store, tmp_path):
    async with Served(sqlite_store, tmp_path, max_errors=2) as served:
        client = await served.connect()
        client.send("a LOGIN x@alpha.test y\r\nb LOGIN x@alpha.test y\r\n")
        lines = (await client.ended()).splitlines()
        assert lines[0].startswith(b"a NO [AUTHENTICATIONFAILED]")
        assert lines[1].startswith(b"* BYE Too many failed logins")


async def test_goodbye_at_shutdown(sqlite_store, tmp_path):
    async with Served(sqlite_store, tmp_path) as served:
        quiet, idler = await served.connect(), await served.login(mailbox="INBOX")
        await idler.start_idle()
        served.listener.stop_accepting()
        await served.listener.finish(asyncio.get_running_loop().time() + 5)
        for client in (quiet, idler):
            assert await client.ended() == b"* BYE [UNAVAILABLE] The server is shutting down\r\n"


async def test_a_message_under_way_may_finish_at_shutdown(sqlite_store, tmp_path):
    async with Served(sqlite_store, tmp_path) as served:
        client = await served.login()
        message = letter()
        client.send(f"x APPEND INBOX {{{len(message)}}}\r\n")
        assert (await client.line()).startswith(b"+ ")
        served.listener.stop_accepting()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(served.listener.finish(asyncio.get_running_loop().time() + 5))
            client.send(message + b"\r\n")
            lines = (await client.ended()).splitlines()
        assert lines[0].startswith(b"x OK [APPENDUID")
        assert lines[1].startswith(b"* BYE [UNAVAILABLE]")


async def test_starttls_then_login(sqlite_store, tmp_path, authority):
    options = {"has_starttls": True, "is_plaintext_login_allowed": False, "tls": server_tls(authority)}
    async with Served(sqlite_store, tmp_path, **options) as served:
        client = await served.connect()
        assert b"STARTTLS LOGINDISABLED" in client.greeting
        assert b"AUTH=" not in client.greeting
        assert (await client.refused("LOGIN alice@alpha.test x")).startswith(b"NO [PRIVACYREQUIRED]")
        assert (await client.refused("AUTHENTICATE PLAIN")).startswith(b"NO [PRIVACYREQUIRED]")
        await client.ok("STARTTLS")
        await client.writer.start_tls(client_context(authority), server_hostname="mx.alpha.test")
        (capability,) = await client.ok("CAPABILITY")
        assert b"AUTH=PLAIN" in capability
        assert b"STARTTLS" not in capability
        assert (await client.refused("STARTTLS")).startswith(b"BAD")
        await client.ok(f'LOGIN alice@alpha.test "{PASSWORD}"')
        await client.ok("SELECT INBOX")


async def test_implicit_tls(sqlite_store, tmp_path, authority):
    options = {"is_tls_implicit": True, "is_plaintext_login_allowed": False, "tls": server_tls(authority)}
    async with Served(sqlite_store, tmp_path, **options) as served:
        client = await served.connect(ssl=client_context(authority), server_hostname="mx.alpha.test")
        assert b"AUTH=PLAIN" in client.greeting
        await client.ok(f'LOGIN alice@alpha.test "{PASSWORD}"')


async def test_a_handshake_that_never_ends_is_cut_off(sqlite_store, tmp_path, authority):
    options = {"is_tls_implicit": True, "tls": server_tls(authority), "timeouts": Timeouts(handshake_s=0.1)}
    async with Served(sqlite_store, tmp_path, **options) as served:
        client = await served.connect_silently()
        assert await client.ended() == b""


@pytest.mark.parametrize("error", [StoreFullError("full"), StoreUnavailableError("input/output error")])
async def test_a_disk_that_fails_is_told_and_leaves_nothing_half_written(tmp_path, error):
    blobs = FailingBlobs(tmp_path / "packs")
    store = SqliteStore(tmp_path, blobs)
    async with Served(store, tmp_path) as served:
        client = await served.login(mailbox="INBOX")
        await client.append(letter(1))
        blobs.error = error
        assert (await client.append(letter(2))).startswith(b"NO [UNAVAILABLE]")
        message = letter(3)
        pipelined = b"x APPEND INBOX {%d+}\r\n%b\r\n" % (len(message), message)
        client.send(pipelined * 3 + b"y NOOP\r\n")
        lines = await client.until(b"y ")
        assert [line[:16] for line in lines] == [b"x NO [UNAVAILABL"] * 3 + [b"y OK NOOP comple"]
        assert (await client.refused("FETCH 1 BODY[]")).startswith(b"NO [UNAVAILABLE]")
        blobs.error = None
        assert (await client.append(letter(4))).startswith(b"OK [APPENDUID")
        assert len(await client.ok("FETCH 1:* BODY[]")) == 2
        assert await client.ok("STATUS INBOX (MESSAGES UIDNEXT)") == [
            b"* STATUS INBOX (MESSAGES 2 UIDNEXT 3)"
        ]
    await store.close()


async def test_a_spool_that_fails_refuses_the_message(sqlite_store, tmp_path):
    async with Served(sqlite_store, tmp_path) as served:
        served.conversation.spool_folder = tmp_path / "not there"
        client = await served.login()
        body = "x" * 70 + "\r\n"
        assert (await client.append(letter(body=body * 30_000))).startswith(b"NO [UNAVAILABLE]")
        assert (await client.append(letter())).startswith(b"OK")


async def test_a_store_that_is_closed_is_unavailable_and_the_connection_lives(tmp_path):
    store = SqliteStore(tmp_path, PackStore(tmp_path / "packs"))
    async with Served(store, tmp_path) as served:
        client = await served.login(mailbox="INBOX")
        await store.close()
        for text in ("CREATE X", "STORE 1:* +FLAGS (\\Seen)", "EXPUNGE", "SUBSCRIBE x", "SELECT INBOX"):
            last = (await client.command(text))[-1]
            assert last.startswith((b"NO [UNAVAILABLE]", b"BAD")), last
        await client.ok("CAPABILITY")


async def test_a_bug_ends_this_connection_only(sqlite_store, tmp_path, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    async with Served(sqlite_store, tmp_path) as served:
        client, other = await served.login(), await served.login()
        monkeypatch.setattr(mailboxes, "status", broken)
        client.send("a STATUS INBOX (MESSAGES)\r\n")
        assert await client.ended() == b"* BYE [SERVERBUG] Internal error\r\n"
        assert dialogue.mailboxes is mailboxes
        await other.ok("NOOP")


async def test_too_many_connections_are_told_so(embedded):
    embedded.listener.limits = embedded.listener.limits.__class__(connections=1)
    await embedded.connect()
    client = await embedded.connect()
    assert client.greeting.startswith(b"* BYE [UNAVAILABLE] too many connections")


async def test_a_client_that_takes_nothing_is_cut_off(sqlite_store, tmp_path, monkeypatch):
    monkeypatch.setattr("postier.servers.listener.SWEEP_S", 0.01)
    async with Served(sqlite_store, tmp_path, timeouts=Timeouts(data_s=0.2)) as served:
        client = await served.login(mailbox="INBOX")
        await client.append(letter(body=("x" * 70 + "\r\n") * 30_000))
        client.reader._transport.pause_reading()
        client.send("x FETCH 1 BODY[]\r\n" * 20)
        _, pending = await asyncio.wait([*served.listener._streams.values()], timeout=5)
        assert not pending
