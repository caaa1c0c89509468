"""The ManageSieve server on both engines: scripts kept, ends of connections, trouble with the store, a real client."""

import asyncio
import ssl

import pytest_asyncio

from postier.accounts.scripts import MAX_SCRIPTS_OCTETS, active_script
from postier.mailbox.annotations import EVENT_SCRIPT, annotate, event_scripts
from postier.mailbox.folders import mailbox_id_of
from postier.servers import managesieve
from postier.servers.listener import ConnectionLimits
from postier.servers.managesieve import Timeouts
from postier.store.transaction import StoreUnavailableError
from postier.tls.certificates import CertificateFiles
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.clients.programs import program
from tests.servers.imap.served import ADDRESSES, LIMIT_S, PASSWORD
from tests.servers.managesieve_server import ManageSieveServer


@pytest_asyncio.fixture
async def served(store):
    async with ManageSieveServer(store) as running:
        yield running


@pytest_asyncio.fixture
async def embedded(sqlite_store):
    async with ManageSieveServer(sqlite_store) as running:
        yield running


def server_tls(authority):
    return ServerTls(Service.MANAGESIEVE, [CertificateFiles(*authority.issue("localhost", "localhost"))])


async def test_a_user_keeps_scripts(served):
    client = await served.login()
    assert b'"OWNER" "alice@alpha.test"' in await client.ask("CAPABILITY")
    assert await client.ask('HAVESPACE "main" 100') == [b"OK"]
    assert await client.ask('PUTSCRIPT "main" {7+}\r\nkeep;\r\n') == [b"OK"]
    assert await client.ask('PUTSCRIPT "Süden" "stop;"') == [b"OK"]
    assert await client.ask('SETACTIVE "main"') == [b"OK"]
    assert await client.ask("LISTSCRIPTS") == ['"Süden"'.encode(), b'"main" ACTIVE', b"OK"]
    assert await client.ask('GETSCRIPT "main"') == [b"{7}\r\nkeep;\r\n", b"OK"]
    assert (await client.ask('DELETESCRIPT "main"'))[0].startswith(b"NO (ACTIVE) ")
    assert (await client.ask('RENAMESCRIPT "main" "Süden"'))[0].startswith(b"NO (ALREADYEXISTS) ")
    inbox = await served.store.read(mailbox_id_of, served.ids[0], "INBOX")
    await served.store.write(annotate, served.ids[0], inbox, served.ids[0], [(EVENT_SCRIPT, b"main")])
    assert await client.ask('RENAMESCRIPT "main" "first"') == [b"OK"]
    assert (await served.store.read(event_scripts, served.ids[0]))[0] == {inbox: b"first"}
    assert (await served.store.read(active_script, served.ids[0])).content == b"keep;\r\n"
    assert (await client.ask('GETSCRIPT "main"'))[0].startswith(b"NO (NONEXISTENT) ")
    assert await client.ask('SETACTIVE ""') == [b"OK"]
    assert await client.ask('DELETESCRIPT "first"') == [b"OK"]
    assert await client.ask("UNAUTHENTICATE") == [b'OK "Done"']
    assert (await client.login(1))[-1].startswith(b"OK")
    assert await client.ask("LISTSCRIPTS") == [b"OK"]  # another's are not seen
    assert await client.ask("LOGOUT") == [b'OK "Goodbye"']
    assert await client.ended() == b""


async def test_a_script_that_is_wrong_is_told_and_not_stored(served):
    client = await served.login()
    for command in (
        'PUTSCRIPT "main" {12+}\r\nkeep;\nwrong;',
        "CHECKSCRIPT {12+}\r\nkeep;\nwrong;",
    ):
        (answer,) = await client.ask(command)
        assert answer.startswith(b'NO "line 2')
    assert await client.ask('CHECKSCRIPT "keep;"') == [b"OK"]
    assert await client.ask("LISTSCRIPTS") == [b"OK"]
    await client.ask('PUTSCRIPT "main" "keep;"')
    assert (await client.ask('PUTSCRIPT "main" "wrong;"'))[0].startswith(b'NO "line 1')
    assert (await client.ask('GETSCRIPT "main"'))[0] == b"{5}\r\nkeep;"


async def test_quota(embedded):
    client = await embedded.login()
    assert (await client.ask('HAVESPACE "a" 4000000000'))[0].startswith(b"NO (QUOTA/MAXSIZE) ")
    size = embedded.conversation.settings.max_script_octets
    for number in range(MAX_SCRIPTS_OCTETS // size):
        assert await client.ask(b'PUTSCRIPT "%d" {%d+}\r\n%b' % (number, size, b"#" * size)) == [b"OK"]
    assert (await client.ask('PUTSCRIPT "more" "#"'))[0].startswith(b"NO (QUOTA) ")
    assert (await client.ask('HAVESPACE "more" 1'))[0].startswith(b"NO (QUOTA) ")
    assert await client.ask('HAVESPACE "0" 1') == [b"OK"]


async def test_starttls_then_a_login(sqlite_store, tmp_path):
    authority = Authority(tmp_path)
    settings = {"is_tls_available": True, "is_plaintext_login_allowed": False}
    async with ManageSieveServer(sqlite_store, tls=server_tls(authority), **settings) as server:
        client = await server.connect()
        assert b'"STARTTLS"' in client.greeting
        assert (await client.ask('AUTHENTICATE "PLAIN" ""'))[0].startswith(b"NO (ENCRYPT-NEEDED) ")
        assert await client.ask("STARTTLS") == [b'OK "begin TLS"']
        context = ssl.create_default_context(cafile=str(authority.file))
        await client.writer.start_tls(context, server_hostname="localhost")
        assert b'"SASL" "PLAIN LOGIN"' in await client.answer()
        assert (await client.login())[-1].startswith(b"OK")


async def test_sieve_connect(sqlite_store, tmp_path):
    authority = Authority(tmp_path)
    settings = {"is_tls_available": True, "is_plaintext_login_allowed": False}
    (tmp_path / "rules").write_text('require "fileinto";\nfileinto "Junk";\n')

    async def sieve(*arguments):
        process = await asyncio.create_subprocess_exec(
            *(program("sieve-connect"), "--server", "localhost", "--port", str(server.port)),
            *("--user", ADDRESSES[0], "--authmech", "PLAIN", "--passwordfd", "0"),
            *("--tlscafile", str(authority.file), *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=tmp_path,
        )
        async with asyncio.timeout(LIMIT_S):
            out, errors = await process.communicate(f"{PASSWORD}\n".encode())
        assert process.returncode == 0, (out, errors)
        return out

    async with ManageSieveServer(sqlite_store, tls=server_tls(authority), **settings) as server:
        await sieve("--upload", "--localsieve", "rules", "--remotesieve", "main")
        await sieve("--activate", "--remotesieve", "main")
        assert b'"main" ACTIVE' in await sieve("--list")
        assert b'fileinto "Junk";' in await sieve("--download", "--remotesieve", "main", "--localsieve", "-")
        await sieve("--deactivate")
        await sieve("--delete", "--remotesieve", "main")
        assert b"main" not in await sieve("--list")


async def test_silent_clients_are_told_and_left(sqlite_store, monkeypatch):
    monkeypatch.setattr("postier.servers.listener.SWEEP_S", 0.01)
    async with ManageSieveServer(sqlite_store, timeouts=Timeouts(login_s=1.5, idle_s=0.4)) as server:
        silent, talker = await server.connect(), await server.login()
        for client in (silent, talker):
            assert await client.ended() == b'BYE "idle for too long"\r\n'


async def test_at_shutdown_everybody_is_told(sqlite_store):
    async with ManageSieveServer(sqlite_store) as server:
        clients = await server.connect(), await server.login()
        server.listener.stop_accepting()
        await server.listener.finish(asyncio.get_running_loop().time() + 5)
        for client in clients:
            assert await client.ended() == b'BYE (TRYLATER) "the server is shutting down"\r\n'


async def test_too_many_connections_and_failed_logins(sqlite_store):
    async with ManageSieveServer(sqlite_store, limits=ConnectionLimits(1, 1), max_errors=2) as server:
        client = await server.connect()
        refused = await server.connect_silently()
        assert (await refused.ended()).startswith(b'BYE (TRYLATER) "too many connections')
        assert await client.login(password="wrong") == [b'NO "the name or the password is wrong"']
        assert await client.login(password="wrong") == [b'BYE "the name or the password is wrong"']


async def test_a_store_that_fails_and_a_fault_of_ours(embedded, monkeypatch):
    client = await embedded.login()

    def fail(*_):
        raise StoreUnavailableError("gone")

    monkeypatch.setattr(managesieve, "put_script", fail)
    assert (await client.ask('PUTSCRIPT "a" "keep;"'))[0].startswith(b"NO (TRYLATER) ")
    monkeypatch.setattr(managesieve, "put_script", None)
    assert await client.ask('PUTSCRIPT "a" "keep;"') == [b'BYE (TRYLATER) "internal error"']
    assert await client.ended() == b""
