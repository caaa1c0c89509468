"""SECURITY 10: a browser that is made to talk to the IMAP port is sent away at its first line."""

import pytest


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\nHost: mx.alpha.test\r\n\r\na LOGIN x y\r\n",
        b"POST /a HTTP/1.0\r\n\r\n",
    ],
)
async def test_http_is_closed(embedded, octets):
    client = await embedded.connect()
    client.send(octets)
    assert (await client.ended()).startswith(b"* BYE ")
