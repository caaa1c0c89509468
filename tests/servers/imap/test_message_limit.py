"""MESSAGELIMIT: transcripts with a limit of 3 on both engines, and clients that follow what they are told."""

import random
import re
from pathlib import Path

import pytest
import pytest_asyncio

from postier.imap.sets import set_text
from postier.mailbox.filing import MAX_FILED_AT_ONCE
from tests.servers.imap.served import Served, letter
from tests.servers.imap.transcript import play

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts" / "limited").glob("*.txt"))
TOLD = re.compile(rb"\[MESSAGELIMIT (\d+) (\d+)\]")
LIMIT = 3


@pytest_asyncio.fixture
async def limited(store, tmp_path):
    async with Served(store, tmp_path, message_limit=LIMIT) as running:
        yield running


@pytest_asyncio.fixture
async def embedded_limited(sqlite_store, tmp_path):
    async with Served(sqlite_store, tmp_path, message_limit=LIMIT) as running:
        yield running


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
async def test_transcript(limited, path):
    client = await limited.login()
    for number in range(1, 9):
        await client.append(letter(number, body=f"{number}\r\n"))
    other = await limited.login(mailbox="INBOX")
    await other.ok("UID STORE 3 +FLAGS.SILENT (\\Deleted)")
    await other.ok("UID EXPUNGE 3")
    await play(await limited.connect_silently(), path.read_text(encoding="utf-8"))


class Mailbox:
    """A mailbox with gaps in its UIDs, and a client that goes on below each UID that it is told."""

    def __init__(self, served, client, chance):
        self.served = served
        self.client = client
        self.chance = chance
        self.uids = []

    async def fill(self, name, count):
        await self.client.ok(f"CREATE {name}")
        for number in range(count):
            await self.client.append(letter(number), name)
        await self.client.ok(f"SELECT {name}")
        gone = self.chance.sample(range(1, count + 1), self.chance.randrange(count))
        for uid in gone:
            await self.client.ok(f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)")
        await self.client.ok("EXPUNGE")
        self.uids = [uid for uid in range(1, count + 1) if uid not in gone]

    async def follow(self, command, last):
        """The untagged lines of `command`, with `{set}` from `last` down, until no limit is told."""
        lines = []
        for _ in range(20):
            *untagged, tagged = await self.client.command(command.format(set=f"1:{last}"))
            lines += untagged
            found = TOLD.search(b"\n".join([*untagged, tagged]))
            assert tagged.startswith(b"OK")
            if found is None:
                return lines
            assert int(found[1]) == LIMIT
            last = int(found[2]) - 1
        raise AssertionError("the client never came to the end")


def told_uids(lines, pattern):
    return [int(uid) for line in lines for uid in re.findall(pattern, line)]


@pytest.mark.parametrize("seed", range(4))
async def test_a_client_that_follows_has_each_message_once(embedded_limited, seed):
    chance = random.Random(seed)
    client = await embedded_limited.login()
    if seed % 2:
        await client.ok("ENABLE QRESYNC")
    box = Mailbox(embedded_limited, client, chance)
    await box.fill("box", 12 + seed)
    last = chance.randint(1, 14)
    named = [uid for uid in box.uids if uid <= last]
    newest_first = sorted(named, reverse=True)
    uid = rb"\(UID (\d+)"

    def blocks(uids):
        return [each for start in range(0, len(uids), LIMIT) for each in uids[start : start + LIMIT]]

    fetched = told_uids(await box.follow("UID FETCH {set} (UID)", last), uid)
    assert sorted(fetched) == named
    read = told_uids(await box.follow("UID FETCH {set} (UID BODY.PEEK[])", last), rb"FETCH \(UID (\d+)")
    assert sorted(read) == named
    stored = told_uids(await box.follow("UID STORE {set} +FLAGS ($Work)", last), uid)
    assert sorted(stored) == named
    if len(named) % LIMIT == 0:  # every answer was cut, or had as many as may be
        assert blocks(fetched)[: len(named) - LIMIT] == newest_first[: len(named) - LIMIT]
    lines = await box.follow("UID SEARCH UID {set} KEYWORD $Work", last)
    found = [int(word) for line in lines if line.startswith(b"* SEARCH") for word in line.split()[2:]]
    assert sorted(found) == named
    await box.follow("UID STORE {set} +FLAGS.SILENT (\\Deleted)", last)
    moved = set(chance.sample(named, len(named) // 2))
    if moved:
        asked = set_text(sorted(moved)).decode()
        for _ in range(20):
            tagged = await client.command(f"UID MOVE {asked} Archive")
            if not TOLD.search(b"\n".join(tagged)):
                break
    for _ in range(20):
        tagged = await client.command(f"UID EXPUNGE 1:{last}")
        if not TOLD.search(b"\n".join(tagged)):
            break
    (status,) = await client.ok("STATUS Archive (MESSAGES)")
    assert status.endswith(b"(MESSAGES %d)" % len(moved))
    (status,) = await client.ok("STATUS box (MESSAGES)")
    assert status.endswith(b"(MESSAGES %d)" % (len(box.uids) - len(named)))


@pytest.mark.parametrize(("count", "code"), [(LIMIT, None), (LIMIT + 1, b"[MESSAGELIMIT 3 2]")])
async def test_the_edge(embedded_limited, count, code):
    client = await embedded_limited.login()
    for number in range(count):
        await client.append(letter(number))
    await client.ok("SELECT INBOX")
    for command in (
        "FETCH 1:* UID",
        "STORE 1:* +FLAGS.SILENT (\\Deleted)",
        "SEARCH ALL",
        "COPY 1:* Archive",
        "UID EXPUNGE 1:*",
    ):
        if command.startswith("UID EXPUNGE"):
            await client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        last = (await client.command(command))[-1]
        assert (TOLD.search(last) and TOLD.search(last)[0]) == code, command


async def test_what_is_expunged_meanwhile_and_the_limit_are_both_told(embedded_limited):
    client, other = [await embedded_limited.login() for _ in range(2)]
    for number in range(5):
        await client.append(letter(number))
    await client.ok("SELECT INBOX")
    await client.ok("FETCH 1:3 UID")
    await other.ok("SELECT INBOX")
    await other.ok("STORE 4 +FLAGS.SILENT (\\Deleted)")
    await other.ok("EXPUNGE")
    assert await client.command("FETCH 1:5 UID") == [  # RFC 9738 §3.1
        b"* 5 FETCH (UID 5)",
        b"* 3 FETCH (UID 3)",
        b"* NO [MESSAGELIMIT 3 3] Only the last 3 messages; repeat it for the others",
        b"OK [EXPUNGEISSUED] Some of the messages no longer exist",
    ]


async def test_a_result_kept_up_to_date_has_what_was_searched_and_what_comes(embedded_limited):
    client, other = [await embedded_limited.login() for _ in range(2)]
    for number in range(5):
        await client.append(letter(number))
    await client.ok("SELECT INBOX")
    *_, last = await client.command("UID SEARCH RETURN (ALL UPDATE) SEEN")
    assert TOLD.search(last)[2] == b"3"
    await other.ok("SELECT INBOX")
    await other.ok("STORE 2:3 +FLAGS (\\Seen)")
    await other.append(letter(9), rest="(\\Seen) ")
    told = [line for line in await client.ok("NOOP") if b"ADDTO" in line]
    assert told == [b'* ESEARCH (TAG "a8") UID ADDTO (0 3,6)']


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        (0, [b"SAVELIMIT=1000"]),
        (1_000, [b"MESSAGELIMIT=1000"]),
        (5_000, [b"MESSAGELIMIT=5000", b"SAVELIMIT=1000"]),
    ],
)
async def test_what_is_announced(sqlite_store, tmp_path, limit, told):
    assert MAX_FILED_AT_ONCE == 1_000
    async with Served(sqlite_store, tmp_path, message_limit=limit) as served:
        client = await served.login()
        (line, *_) = await client.ok("CAPABILITY")
        assert [word for word in line.split() if b"LIMIT=" in word and b"APPEND" not in word] == told


async def test_a_move_into_another_account_has_no_limit_of_its_own(sqlite_store, tmp_path):
    async with Served(sqlite_store, tmp_path) as served:
        alice, carole = await served.login(), await served.login(1)
        one = b" {3+}\r\na\r\n"
        await alice.ok(b"APPEND INBOX" + one * MAX_FILED_AT_ONCE)
        await alice.ok(b"APPEND INBOX" + one)
        await carole.ok("CREATE Team")
        await carole.ok("SETACL Team alice@alpha.test lri")
        await alice.ok("SELECT INBOX")
        told, *gone = await alice.ok("MOVE 1:* #user/carole@beta.test/Team")
        assert re.match(rb"\* OK \[COPYUID \d+ 1:1001 1:1001\]", told)
        assert len(gone) == 1_001
        assert await carole.ok("STATUS Team (MESSAGES)") == [b"* STATUS Team (MESSAGES 1001)"]


async def test_a_move_that_ends_on_the_way_tells_what_it_moved(sqlite_store, tmp_path):
    async with Served(sqlite_store, tmp_path) as served:
        alice, carole = await served.login(), await served.login(1)
        await alice.ok(b"APPEND INBOX" + b" {3+}\r\na\r\n" * MAX_FILED_AT_ONCE)
        await alice.append(letter(body="x" * 10_000))
        await carole.ok("CREATE Team")
        await carole.ok("SETACL Team alice@alpha.test lri")
        await served.store.write(
            lambda tx: tx.run("UPDATE account SET quota_bytes = 9000 WHERE account_id = ?", served.ids[1])
        )
        await alice.ok("SELECT INBOX")
        told, *gone, last = await alice.command("MOVE 1:* #user/carole@beta.test/Team")
        assert re.match(rb"\* OK \[COPYUID \d+ 1:1000 1:1000\]", told)
        assert len(gone) == 1_000
        assert last.startswith(b"NO [OVERQUOTA]")
        assert await carole.ok("STATUS Team (MESSAGES)") == [b"* STATUS Team (MESSAGES 1000)"]
