"""SECURITY 10: a browser that is made to talk to the POP3 port is sent away at its first line."""

import pytest

from tests.servers.pop3_server import Pop3Server


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\nHost: mx.alpha.test\r\n\r\nUSER x\r\n",
        b"POST /a HTTP/1.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_http_is_closed(sqlite_store, octets):
    async with Pop3Server(sqlite_store) as server:
        client = await server.connect()
        client.send(octets)
        assert await client.ended() == b"-ERR this is a POP3 server\r\n"
