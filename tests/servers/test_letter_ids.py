"""Two letters that draw one id: the second gets another, in its reply, its Received field and its story."""

import pytest

from postier.mta.letter_id import MAX_DRAWS, letter_id_text
from postier.mta.trace_rows import story_of
from postier.smtp.settings import Role
from tests.servers.smtp_server import NOW_S, counts, letters

LETTER = b"From: z@remote.test\r\nSubject: x\r\n\r\nHi.\r\n"
OURS = b"From: alice@alpha.test\r\nSubject: x\r\n\r\nHi.\r\n"
FORGED = {"": "", "spoofed.test": '@ IN TXT "v=spf1 -all"\n_dmarc IN TXT "v=DMARC1; p=reject"\n'}


def id_of(draw):
    return letter_id_text(NOW_S * 1_000_000 << 10 | draw)


async def test_a_received_letter_gets_an_id_of_its_own(start, store):
    node = await start(draws=[1, 5, 5, 5, 6])  # the connection, the first letter, the second thrice
    client = await node.greeted()
    for draw in (5, 6):
        reply = await client.mail("z@remote.test", "both@alpha.test", letter=LETTER)
        assert reply.strip() == f"250 2.0.0 Accepted as {id_of(draw)}"
    received = [
        found for letter in await letters(store, "carole@alpha.test") for found in letter.split(b"\r\n")
    ]
    assert [line.split()[1] for line in received if line.startswith(b"\tid ")] == [
        id_of(5).encode(),
        id_of(6).encode(),
    ]
    assert [job.message.trace_id for job in node.jobs] == [id_of(5), id_of(6)]
    assert (await counts(store))[1:4] == (2, 2, 2)


async def test_a_submitted_letter_that_stays_here_gets_one(start, store):
    """Nothing of it but its story bears the id."""
    node = await start(role=Role.SUBMISSION, tls=True, draws=[1, 5, 5, 6])
    user = await node.user()
    for draw in (5, 6):
        reply = await user.mail("alice@alpha.test", "bob@alpha.test", letter=OURS)
        assert reply.strip() == f"250 2.0.0 Accepted as {id_of(draw)}"
        story, *_ = await store.read(story_of, id_of(draw))
        assert story.event == "submitted"
        assert id_of(draw) in story.detail
    for letter, draw in zip(await letters(store, "bob@alpha.test"), (5, 6), strict=True):
        assert f"\r\nMessage-ID: <{id_of(draw)}@mx.alpha.test>\r\n".encode() in letter


async def test_received_and_submitted_letters_share_the_ids(start, store):
    received = await start(draws=[1, 5])
    await (await received.greeted()).mail("z@remote.test", "alice@alpha.test", letter=LETTER)
    submitted = await start(role=Role.SUBMISSION, tls=True, draws=[2, 5, 6])
    reply = await (await submitted.user()).mail("alice@alpha.test", "bob@alpha.test", letter=OURS)
    assert id_of(6) in reply
    received = await start(draws=[3, 6, 7])
    reply = await (await received.greeted()).mail("z@remote.test", "alice@alpha.test", letter=LETTER)
    assert id_of(7) in reply


async def test_a_refused_letter_gets_one(start, store):
    node = await start(draws=[1, 5, 5, 6], zones=FORGED)
    client = await node.greeted()
    forged = LETTER.replace(b"remote", b"spoofed")
    for _ in range(2):
        reply = await client.mail("z@spoofed.test", "alice@alpha.test", letter=forged)
        assert reply.startswith("550 5.7.26 ")
    assert (await counts(store))[3] == 2


@pytest.mark.parametrize("count", [MAX_DRAWS - 1, MAX_DRAWS])
async def test_when_none_is_free_the_letter_comes_again(start_embedded, sqlite_store, count):
    node = await start_embedded(draws=[1, 5, *([5] * count), 6, 7])
    client = await node.greeted()
    assert (await client.mail("z@remote.test", "alice@alpha.test", letter=LETTER)).startswith("250 ")
    reply = await client.mail("z@remote.test", "alice@alpha.test", letter=LETTER)
    assert reply.startswith("250 " if count < MAX_DRAWS else "451 ")
    assert (await client.mail("z@remote.test", "alice@alpha.test", letter=LETTER)).startswith("250 ")
    assert len(await letters(sqlite_store, "alice@alpha.test")) == 2 + (count < MAX_DRAWS)
