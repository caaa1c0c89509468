"""SECURITY 15: ManageSieve takes no path for a name and keeps no literal that it does not want."""

import pytest

from postier.managesieve.settings import MAX_SKIPPED_OCTETS
from tests.servers.managesieve_server import ManageSieveServer


@pytest.mark.parametrize("name", ["../x", "..", ".", "/etc/passwd", "a\\b", "a\0b", "x" * 129])
async def test_a_name_is_no_path(sqlite_store, name):
    async with ManageSieveServer(sqlite_store) as server:
        client = await server.login()
        for command in (
            "PUTSCRIPT {%d+}\r\n%s {4+}\r\nkeep",
            "GETSCRIPT {%d+}\r\n%s",
            "SETACTIVE {%d+}\r\n%s",
        ):
            assert await client.ask(command % (len(name), name)) == [
                b'NO "that can\'t be the name of a script"'
            ]
        assert await client.ask("LISTSCRIPTS") == [b"OK"]


async def test_a_giant_literal_is_refused_before_it_is_read(sqlite_store):
    async with ManageSieveServer(sqlite_store) as server:
        client = await server.login()
        client.send(b'PUTSCRIPT "a" {%d+}\r\n' % (MAX_SKIPPED_OCTETS + 1))
        assert await client.ended() == b'BYE "the string is far too large"\r\n'


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_large_literal_is_not_kept(sqlite_store, is_known):
    async with ManageSieveServer(sqlite_store) as server:
        client = await server.login() if is_known else await server.connect()
        client.send(b'PUTSCRIPT "a" {8000000+}\r\n')
        for _ in range(80):
            client.send(b"x" * 100_000)
            await client.writer.drain()
        answer = b'NO (QUOTA/MAXSIZE) "the script is too large"' if is_known else b'NO "log in first"'
        assert await client.ask("") == [answer]
        assert await client.ask('NOOP "x"') == [b'OK (TAG "x") "Done"']
