"""Letters from other servers: who gets what, what is refused, what is put on top."""

from tests.servers.smtp_server import letters

LETTER = b"From: Zoe <zoe@remote.test>\r\nTo: all@alpha.test\r\nSubject: Hello\r\nMessage-ID: <1@remote.test>\r\n\r\nHi.\r\n"


async def test_one_letter_for_several_is_stored_once(start, store):
    node = await start()
    client = await node.greeted()
    reply = await client.mail("zoe@remote.test", "alice@alpha.test", "bob@alpha.test", letter=LETTER)
    assert reply.startswith("250 2.0.0 Accepted as ")
    (alice,), (bob,) = await letters(store, "alice@alpha.test"), await letters(store, "bob@alpha.test")
    assert alice == bob
    assert alice.endswith(LETTER)
