"""SECURITY 44: a broken letter is submitted, signed and sent on; what arrives verifies, and the wire is canonical."""

import datetime as dt

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from postier.accounts.dkim_keys import add_key, make_keys
from postier.mailauth import dkim
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import StaticResolver
from postier.mime.normalise import is_canonical
from postier.smtp.settings import Role
from tests.mta.post_office import post_office
from tests.mta.remote_server import Remote
from tests.servers.smtp_server import NOW_S

KEYS = make_keys("alpha.test", dt.date(2026, 9, 1))
FROM = b"From: alice@alpha.test\r\n"
LETTERS = {
    "plain": FROM + b"Subject: x\r\n\r\nHi.\r\n",
    "dots": FROM + b"\r\n.\r\n..\r\n.x\r\n",
    "long line": FROM + b"\r\n" + b"x" * 5_000 + b"\r\nend\r\n",
    "long 8-bit line": FROM + b"\r\n" + "ü".encode() * 2_000 + b"\r\n",
    "long field": FROM + b"Subject: " + b"word " * 1_000 + b"\r\n\r\nHi.\r\n",
    "long word": FROM + b"Subject: " + b"w" * 3_000 + b"\r\n\r\nHi.\r\n",
    "8-bit": FROM + "Subject: Grüße\r\n\r\nGrüße\r\n".encode(),
    "latin-1": FROM + b"Subject: Gr\xfc\xdfe\r\n\r\nGr\xfc\xdfe\r\n",
    "header not ended": FROM + b"Subject: x\r\nno field\r\nTo: b@gamma.test\r\n\r\nHi.\r\n",
    "header only": FROM + b"Subject: x\r\n",
    "no header": b"Hi.\r\n",
    "no end": FROM + b"\r\nHi.",
    "nothing": b"\r\n",
    "mbox": b"From alice Mon Sep 21 2026\r\n" + FROM + b"\r\nHi.\r\n",
    "space before colon": FROM + b"Subject : x\r\n\r\nHi.\r\n",
    "trailing space": FROM + b"Subject: x  \r\n\r\nHi. \t \r\n \r\n\r\n\r\n",
    "folded emptiness": FROM + b"Subject: x\r\n \r\n\t\r\n\r\nHi.\r\n",
    "twice": FROM + b"Subject: x\r\nSubject: y\r\nTo: b@x.test\r\nTo: c@x.test\r\n\r\nHi.\r\n",
}


async def test_what_arrives_verifies(start_embedded, sqlite_store):
    for key in KEYS:
        await sqlite_store.write(add_key, key)
    node = await start_embedded(role=Role.SUBMISSION, tls=True)
    client = await node.user()
    for name, letter in LETTERS.items():
        await client.all("MAIL FROM:<alice@alpha.test> BODY=8BITMIME", "RCPT TO:<b@gamma.test>")
        client.send(b"BDAT %d LAST\r\n" % len(letter) + letter)
        assert (await client.hear()).startswith("250 2.0.0 Accepted"), name
    async with post_office(sqlite_store, {"127.0.0.2": (remote := Remote())}) as office:
        await office.quiet()
        assert await office.rows() == []
    assert len(remote.letters) == len(LETTERS)
    zone = StaticResolver.of_txt({key.record_name: dkim.key_record(_public(key)) for key in KEYS})
    for taken in remote.letters:
        assert is_canonical(taken.content), taken.content
        results = dkim.run(dkim.verify(taken.content, NOW_S), zone)
        assert [result.result for result in results] == [Outcome.PASS] * 2, taken.content


def _public(key):
    return load_pem_private_key(key.private_key.encode(), None).public_key()


@pytest.mark.parametrize("octets", [b"a\nb", b"a\rb", b"a\0b"])
async def test_what_is_no_text_is_refused_to_users_too(start_embedded, octets):
    node = await start_embedded(role=Role.SUBMISSION, tls=True)
    client = await node.user()
    reply = await client.mail("alice@alpha.test", "b@gamma.test", letter=FROM + b"\r\n" + octets + b"\r\n")
    assert reply.startswith("554 5.6.0 ")
    assert not node.jobs
