"""SECURITY 26: a client that breaks AUTHENTICATE harms no other's login."""

from tests.servers.imap.served import PASSWORD


async def test_others_log_in_meanwhile(embedded):
    bad = await embedded.connect()
    bad.send("a AUTHENTICATE PLAIN\r\n")
    assert await bad.line() == b"+ "
    bad.send("!!!not base64!!!\r\n")
    assert (await bad.line()).startswith(b"a BAD")
    bad.send("b AUTHENTICATE LOGIN\r\n")  # and never goes on
    for who in (0, 1):
        await embedded.login(who)
    bad.send("*\r\n")
    assert (await bad.until(b"b "))[-1].startswith(b"b BAD")
    await bad.ok(f'LOGIN alice@alpha.test "{PASSWORD}"')
