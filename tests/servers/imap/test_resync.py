"""CONDSTORE and QRESYNC among several sessions: nothing is missed, whenever a client goes and comes back."""

import random
import re

import pytest

from postier.store.packs import PackStore
from postier.store.sqlite import SqliteStore
from tests.servers.imap.served import Served, letter

FETCH = re.compile(rb"\* (\d+) FETCH \(UID (\d+) FLAGS \(([^)]*)\) MODSEQ \((\d+)\)\)")
SILENT = re.compile(rb"\* (\d+) FETCH \(UID (\d+) MODSEQ \((\d+)\)\)")
VANISHED = re.compile(rb"\* VANISHED (\(EARLIER\) )?([0-9:,]+)")
HIGHEST = re.compile(rb"\[HIGHESTMODSEQ (\d+)\]")
VALIDITY = re.compile(rb"\[UIDVALIDITY (\d+)\]")
FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "$Work")


async def enabled(served, mailbox=None):
    client = await served.login()
    assert await client.ok("ENABLE QRESYNC CONDSTORE") == [b"* ENABLED QRESYNC CONDSTORE"]
    if mailbox:
        await client.ok(f"SELECT {mailbox}")
    return client


async def filled(served, count):
    client = await enabled(served)
    for number in range(count):
        await client.append(letter(number))
    await client.ok("SELECT INBOX")
    return client


async def known(client):
    """UIDVALIDITY and HIGHESTMODSEQ."""
    (line,) = await client.ok("STATUS INBOX (UIDVALIDITY HIGHESTMODSEQ)")
    validity, modseq = re.findall(rb"\d+", line)
    return int(validity), int(modseq)


def told(lines):
    """What SELECT says beyond the mailbox itself."""
    return [line for line in lines if line.startswith(b"* VANISHED") or b" FETCH " in line]


async def test_a_client_that_comes_back_is_told_what_changed(served):
    client = await filled(served, 5)
    validity, modseq = await known(client)
    await client.ok("STORE 2,4 +FLAGS.SILENT (\\Deleted)")
    assert (await client.command("EXPUNGE"))[0] == b"* VANISHED 2,4"
    await client.ok("STORE 3 +FLAGS.SILENT (\\Flagged)")
    await client.append(letter(6))
    other = await enabled(served)
    lines = told(await other.ok(f"SELECT INBOX (QRESYNC ({validity} {modseq}))"))
    assert lines[0] == b"* VANISHED (EARLIER) 2,4"
    assert re.fullmatch(rb"\* 3 FETCH \(UID 5 FLAGS \(\\Flagged\) MODSEQ \(\d+\)\)", lines[1])
    assert lines[2].startswith(b"* 4 FETCH (UID 6 FLAGS (")
    assert len(lines) == 3
    lines = await other.ok(f"SELECT INBOX (QRESYNC ({validity} {modseq} 1:3))")
    assert b"* OK [CLOSED] The previous mailbox is closed" in lines
    assert told(lines) == [b"* VANISHED (EARLIER) 2"]
    assert told(await other.ok(f"SELECT INBOX (QRESYNC ({validity + 1} {modseq}))")) == []
    _, now = await known(client)
    assert told(await other.ok(f"SELECT INBOX (QRESYNC ({validity} {now}))")) == []
    fetched = await other.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq} VANISHED)")
    assert fetched[0] == b"* VANISHED (EARLIER) 2,4"
    assert [line[:17] for line in fetched[1:]] == [b"* 3 FETCH (UID 5 ", b"* 4 FETCH (UID 6 "]
    assert await other.ok(f"UID FETCH 1,3 (FLAGS) (CHANGEDSINCE {modseq} VANISHED)") == []


async def test_match_data_keep_the_answer_small_when_the_log_was_dropped(served):
    client = await filled(served, 9)
    validity, modseq = await known(client)
    await client.ok("STORE 2,5,8 +FLAGS.SILENT (\\Deleted)")
    await client.ok("EXPUNGE")
    await served.store.write(lambda tx: tx.run("DELETE FROM change"))
    other = await enabled(served)
    ask = f"SELECT INBOX (QRESYNC ({validity} {modseq}%s))"
    assert told(await other.ok(ask % ""))[0] == b"* VANISHED (EARLIER) 2,5,8"
    assert told(await other.ok(ask % " 1:9 (1:6 1,3,4,6,7,9)")) == []
    assert told(await other.ok(ask % " (1:2,4,6 1,3,5,9)")) == []
    assert told(await other.ok(ask % " (2,5 3,6)"))[0] == b"* VANISHED (EARLIER) 5,8"
    assert told(await other.ok(ask % " (1,99 2,999)"))[0] == b"* VANISHED (EARLIER) 2,5,8"


async def test_a_withheld_expunge_holds_the_mod_sequence_back(served):
    one = await filled(served, 3)
    other = await enabled(served, "INBOX")
    await one.ok("STORE 3 +FLAGS.SILENT (\\Deleted)")
    await one.ok("EXPUNGE")
    (_, expunged) = await known(one)
    *lines, last = await other.command("STORE 1:2 +FLAGS.SILENT (\\Seen)")
    assert [line[:16] for line in lines] == [b"* 1 FETCH (UID 1", b"* 2 FETCH (UID 2"]
    assert last == b"OK [HIGHESTMODSEQ %d] STORE completed" % (expunged - 1)
    *lines, last = await other.command("STORE 3 (UNCHANGEDSINCE 1) +FLAGS.SILENT (\\Seen)")
    assert lines == [b"* OK [HIGHESTMODSEQ %d] Highest" % (expunged - 1)]
    assert last.startswith(b"NO [EXPUNGEISSUED]")
    assert await other.command("NOOP") == [
        b"* VANISHED 3",
        b"OK [HIGHESTMODSEQ %d] NOOP completed" % (expunged + 1),
    ]
    assert await other.command("NOOP") == [b"OK NOOP completed"]


async def test_a_fetch_for_what_vanished_tells_first_what_this_session_still_counts(served):
    one = await filled(served, 3)
    other = await enabled(served, "INBOX")
    _, modseq = await known(one)
    await one.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
    await one.ok("EXPUNGE")
    lines = await other.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq} VANISHED)")
    assert lines == [b"* VANISHED 2", b"* VANISHED (EARLIER) 2"]
    assert (await other.ok("FETCH 2 UID"))[0] == b"* 2 FETCH (UID 3)"


async def test_move_and_expunge_say_the_mod_sequence_and_close_does_not(served):
    client = await filled(served, 3)
    lines = await client.command("MOVE 1 Archive")
    assert lines[-2] == b"* VANISHED 1"
    assert lines[-1] == b"OK [HIGHESTMODSEQ %d] MOVE completed" % (await known(client))[1]
    await client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    *_, last = await client.command("UID EXPUNGE 2")
    assert last == b"OK [HIGHESTMODSEQ %d] EXPUNGE completed" % (await known(client))[1]
    await client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    assert await client.command("CLOSE") == [b"OK CLOSE completed"]


async def test_idle_tells_vanished_and_mod_sequences(served):
    one = await filled(served, 2)
    other = await enabled(served, "INBOX")
    await other.start_idle()
    await one.ok("STORE 1 +FLAGS (\\Seen)")
    assert FETCH.fullmatch(await other.line())
    await one.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    assert FETCH.fullmatch(await other.line())
    await one.ok("EXPUNGE")
    assert await other.line() == b"* VANISHED 1"
    await other.done()


async def test_an_enabling_command_with_a_mailbox_open_tells_the_mod_sequence_once(served):
    for command in ("STATUS Sent (HIGHESTMODSEQ)", "ENABLE CONDSTORE", "ENABLE QRESYNC", "SEARCH MODSEQ 1"):
        client = await served.login(mailbox="INBOX")
        assert any(HIGHEST.search(line) for line in await client.ok(command)), command
        assert not any(HIGHEST.search(line) for line in await client.ok("SEARCH MODSEQ 1"))


class Cache:
    """What a client keeps between its connections, worked out from what it was told."""

    def __init__(self):
        self.client = None
        self.messages = []  # (UID, flags), None where nothing was told
        self.validity = self.modseq = 0

    async def open(self, served):
        self.client = await enabled(served)
        ask = "SELECT INBOX"
        if self.validity:
            ask += (
                f" (QRESYNC ({self.validity} {self.modseq} 1:{max(1, max(dict(self.known()), default=1))}))"
            )
        lines = await self.client.command(ask)
        if not self.validity:
            self.messages = []
        count = next(int(line.split()[1]) for line in lines if line.endswith(b" EXISTS"))
        gone = {uid for line in lines if (found := VANISHED.match(line)) for uid in numbers(found[2])}
        kept = [message for message in self.messages if message[0] not in gone]
        assert len(kept) <= count
        self.messages = [*kept, *[None] * (count - len(kept))]
        for line in lines:
            if found := FETCH.fullmatch(line):
                self.heard(found)
            if found := VALIDITY.search(line):
                self.validity = int(found[1])
        self.modseq = next(int(found[1]) for line in lines if (found := HIGHEST.search(line)))
        await self.learn()

    def known(self):
        return [message for message in self.messages if message is not None]

    def heard(self, found):
        seq, uid = int(found[1]), int(found[2])
        before = self.messages[seq - 1]
        assert before is None or before[0] == uid
        self.messages[seq - 1] = (uid, frozenset(found[3].split()) - {b"\\Recent"})

    async def do(self, text):
        modseq = 0
        lines = await self.client.command(text)
        for line in lines:
            assert not line.startswith(b"BAD"), (text, line)
            if found := re.match(rb"\* (\d+) EXISTS", line):
                self.messages += [None] * (int(found[1]) - len(self.messages))
            elif (found := VANISHED.match(line)) and not found[1]:
                gone = numbers(found[2])
                before = len(self.messages)
                self.messages = [each for each in self.messages if each is None or each[0] not in gone]
                assert before - len(self.messages) == len(gone), line
            elif found := FETCH.fullmatch(line):
                self.heard(found)
                modseq = max(modseq, int(found[4]))
            elif found := SILENT.fullmatch(line):
                modseq = max(modseq, int(found[3]))
        told = [int(found[1]) for line in lines if (found := HIGHEST.search(line))]
        self.modseq = told[-1] if told else max(self.modseq, modseq)

    async def learn(self):
        """What a client does about messages that it was only told exist."""
        while None in self.messages:
            await self.do(f"UID FETCH {max(dict(self.known()), default=0) + 1}:* (FLAGS MODSEQ)")

    async def act(self, chance):
        many = len(self.messages)
        what = chance.choice(["append", "store", "store", "expunge", "noop", "move", "search"])
        if what == "append" or not many:
            message = letter(chance.randint(1, 1 << 30))
            await self.do(b"APPEND INBOX {%d+}\r\n%b" % (len(message), message))
        elif what == "store":
            seq = chance.randint(1, many)
            sign, flag = chance.choice("+-"), chance.choice(FLAGS)
            await self.do(f"STORE {seq} {sign}FLAGS ({flag})")
        else:
            texts = {"expunge": "EXPUNGE", "noop": "NOOP", "search": "SEARCH ALL"}
            await self.do(texts.get(what) or f"MOVE {chance.randint(1, many)} INBOX")
        await self.learn()


def numbers(text):
    found = set()
    for part in text.split(b","):
        first, _, last = part.partition(b":")
        found |= {*range(int(first), int(last or first) + 1)}
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_clients_that_break_off_and_come_back_miss_nothing(sqlite_store, tmp_path, seed):
    chance = random.Random(seed)
    second = SqliteStore(tmp_path, PackStore(tmp_path / "packs"))  # two workers meet in files alone
    async with Served(sqlite_store, tmp_path) as one:
        other = Served(second, tmp_path)
        await other.open()
        caches = [Cache() for _ in range(3)]
        for cache in caches:
            await cache.open(chance.choice([one, other]))
        for _ in range(60):
            cache = chance.choice(caches)
            await cache.act(chance)
            if chance.random() < 0.15:
                cache.client.close()  # whatever it has not been told yet
                await cache.open(chance.choice([one, other]))
        truth = Cache()
        await truth.open(one)
        for cache in caches:
            cache.client.close()
            await cache.open(other)
            assert cache.messages == truth.messages
        await other.__aexit__(None, None, None)
    await second.close()
