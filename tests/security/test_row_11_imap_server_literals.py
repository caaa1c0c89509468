"""SECURITY 11: literals cost no memory: refused before login at once, bounded after it."""

import tracemalloc

from tests.servers.imap.served import letter

BOUND_BYTES = 4 << 20


async def test_thousands_of_giant_literals_before_login(embedded):
    client = await embedded.connect()
    tracemalloc.start()
    try:
        for _ in range(2_000):
            client.send(b"a LOGIN {99999+}\r\n" + b"x" * 100)
        await client.ended()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < BOUND_BYTES


async def test_a_synchronizing_giant_is_refused_without_reading(embedded):
    client = await embedded.connect()
    assert (await client.refused("LOGIN {4294967296}")).startswith(b"NO [TOOBIG]")
    await client.ok("NOOP")


async def test_large_appends_are_spooled(embedded):
    client = await embedded.login()
    message = letter(body=("x" * 70 + "\r\n") * 100_000)
    (ok,) = [await client.append(message)]
    assert ok.startswith(b"OK")
    client.send(b"x APPEND INBOX {%d+}\r\n" % (embedded.conversation.settings.message_bytes + 1))
    assert (await client.ended()).startswith(b"* BYE [TOOBIG]")
