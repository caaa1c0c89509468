"""SECURITY 10: a browser that is made to talk to the ManageSieve port is sent away at its first line."""

import pytest

from tests.servers.managesieve_server import ManageSieveServer


@pytest.mark.parametrize(
    "octets", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\nNOOP\r\n", b"POST /a HTTP/1.0\r\n\r\n"]
)
async def test_http_is_closed(sqlite_store, octets):
    async with ManageSieveServer(sqlite_store) as server:
        client = await server.connect()
        client.send(octets)
        assert await client.ended() == b'BYE "this is a ManageSieve server"\r\n'
