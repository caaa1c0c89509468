"""Results that clients keep: what UPDATE tells, applied line by line, is what a new search finds."""

import random
import re

import pytest

from postier.imap.contexts import MAX_CONTEXTS
from tests.servers.imap.served import letter

UPDATE = re.compile(rb'\* ESEARCH \(TAG "(\w+)"\)( UID)? (ADDTO|REMOVEFROM) \(([^)]*)\)')
EXISTS = re.compile(rb"\* (\d+) EXISTS")
EXPUNGE = re.compile(rb"\* (\d+) EXPUNGE")
SEARCHES = {
    b"n1": "SEARCH RETURN (UPDATE ALL) UNSEEN",
    b"u1": "UID SEARCH RETURN (UPDATE ALL CONTEXT) OR FLAGGED SUBJECT apples",
    b"n2": "SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 UNDELETED",
    b"u2": "UID SORT RETURN (UPDATE ALL) (REVERSE SUBJECT ARRIVAL) UTF-8 UNSEEN",
    b"u3": "UID SEARCH RETURN (UPDATE ALL) TEXT hello KEYWORD $Work",
}


def numbers(text):
    found = []
    for part in text.split(b","):
        low, _, high = part.partition(b":")
        found += range(int(low), int(high or low) + 1)
    return found


class Keeper:
    """A client that keeps results: UIDs by place, or sequence numbers that move at every EXPUNGE."""

    def __init__(self, client):
        self.client = client
        self.results = {}
        self.exists = 0

    async def start(self, mailbox="INBOX"):
        for line in await self.client.ok(f"SELECT {mailbox}"):
            if found := EXISTS.match(line):
                self.exists = int(found[1])
        for tag, text in SEARCHES.items():
            self.client.send(tag + b" " + text.encode() + b"\r\n")
            *lines, last = await self.client.until(tag + b" ")
            assert b" OK " in last
            self.results[tag] = await self.now(text, lines)

    async def now(self, text, lines=None):
        if lines is None:
            lines = await self.client.ok(text.replace("UPDATE ", ""))
        (line,) = [line for line in lines if line.startswith(b"* ESEARCH") and b"ADDTO" not in line]
        found = re.search(rb" ALL (\S+)", line)
        return numbers(found[1]) if found else []

    async def do(self, text):
        lines = await self.client.command(text)
        for line in lines:
            self.take(line)
        return lines

    def take(self, line):
        assert not line.startswith((b"BAD", b"* BYE")), line
        if found := EXISTS.match(line):
            self.exists = int(found[1])
        elif found := EXPUNGE.match(line):
            gone = int(found[1])
            self.exists -= 1
            for tag, results in self.results.items():
                if tag.startswith(b"n"):
                    assert gone not in results, "REMOVEFROM comes before EXPUNGE"
                    self.results[tag] = [number - (number > gone) for number in results]
        elif found := UPDATE.match(line):
            tag, is_uid, item, pairs = found.groups()
            assert bool(is_uid) is tag.startswith(b"u")
            words = pairs.split(b" ")
            for position, text in zip(map(int, words[::2]), words[1::2], strict=True):
                self.change(self.results[tag], item, position, numbers(text))
                if not is_uid:
                    assert max(numbers(text)) <= self.exists

    def change(self, results, item, position, members):
        if item == b"ADDTO":
            assert not set(members) & set(results)
            if position:
                results[position - 1 : position - 1] = members
                assert results[position - 1 : position - 1 + len(members)] == members
            else:
                results[:] = sorted([*results, *members])
        else:
            assert set(members) <= set(results)
            if position:
                assert results[position - 1 : position - 1 + len(members)] == members
                del results[position - 1 : position - 1 + len(members)]
            else:
                results[:] = [number for number in results if number not in members]

    async def check(self):
        await self.do("NOOP")
        for tag, text in SEARCHES.items():
            assert self.results[tag] == await self.now(text), text


async def change(chance, client, number):
    subject = chance.choice(("apples", "Re: pears", "[x] Apples", "zebra"))
    what = chance.choice(("append", "store", "store", "store", "expunge", "move"))
    if what == "append":
        await client.append(letter(number, subject=subject))
    elif what == "store":
        flags = chance.choice(("\\Seen", "\\Flagged", "\\Deleted", "$Work"))
        await client.command(
            f"UID STORE {chance.randint(1, 20)}:{chance.randint(1, 20)} {chance.choice('+-')}FLAGS.SILENT ({flags})"
        )
    elif what == "expunge":
        await client.command("EXPUNGE")
    else:
        await client.command(f"UID MOVE {chance.randint(1, 30)} INBOX")


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_kept_is_what_a_search_finds(embedded, seed):
    chance = random.Random(seed)
    other = await embedded.login(mailbox="INBOX")
    for number in range(8):
        await change(chance, other, number)
    keeper = Keeper(await embedded.login())
    await keeper.start()
    for number in range(60):
        for _ in range(chance.randint(1, 3)):
            await change(chance, other, 100 + number)
        await keeper.do(
            chance.choice(
                (
                    "NOOP",
                    "FETCH 1:* UID" if keeper.exists else "NOOP",
                    "SEARCH ALL",
                    "UID STORE 1:* +FLAGS.SILENT (\\Seen)",
                    "UID STORE 1:3 -FLAGS (\\Seen \\Flagged)",
                    "EXPUNGE",
                    "UID FETCH 1:* BODY[]",
                )
            )
        )
        if not number % 6:
            await keeper.check()
    await keeper.check()


async def test_updates_are_pushed_in_idle(served):
    one, other = await served.login(mailbox="INBOX"), await served.login(mailbox="INBOX")
    other.send("x UID SEARCH RETURN (UPDATE COUNT) FLAGGED\r\n")
    assert await other.until(b"x ") == [b'* ESEARCH (TAG "x") UID COUNT 0', b"x OK SEARCH completed"]
    await other.start_idle()
    await one.append(letter(), rest="(\\Flagged) ")
    assert await other.until(b"* ESEARCH") == [
        b"* 1 EXISTS",
        b"* 1 RECENT",
        b'* ESEARCH (TAG "x") UID ADDTO (0 1)',
    ]
    await one.ok("STORE 1 -FLAGS (\\Flagged)")
    assert await other.until(b"* ESEARCH") == [
        b"* 1 FETCH (UID 1 FLAGS (\\Recent))",  # RFC 5465 §5.1: first
        b'* ESEARCH (TAG "x") UID REMOVEFROM (0 1)',
    ]
    await other.done()


async def test_sequence_numbers_in_the_keys_are_those_of_the_command(embedded):
    one, other = await embedded.login(), await embedded.login()
    for number in range(3):
        await one.append(letter(number))
    await one.ok("SELECT INBOX")
    await other.ok("SELECT INBOX")
    other.send("x UID SEARCH RETURN (UPDATE ALL) 2:* FLAGGED\r\n")
    assert (await other.until(b"x "))[0] == b'* ESEARCH (TAG "x") UID'
    await one.ok("STORE 1 +FLAGS (\\Deleted)")
    await one.ok("EXPUNGE")
    await one.append(letter(4), rest="(\\Flagged) ")
    await one.ok("UID STORE 3 +FLAGS (\\Flagged)")
    lines = await other.ok("NOOP")
    assert b'* ESEARCH (TAG "x") UID ADDTO (0 3)' in lines  # 4 was no message then


async def test_limits_tags_and_cancelling(embedded):
    client = await embedded.login(mailbox="INBOX")
    for number in range(MAX_CONTEXTS + 1):
        client.send(f"t{number} SEARCH RETURN (UPDATE) ALL\r\n")
        lines = await client.until(b"t%d " % number)
        is_refused = number == MAX_CONTEXTS
        assert (b'* NO [NOUPDATE "t%d"] Too many contexts' % number in lines) is is_refused
        assert lines[-1].startswith(b"t%d OK" % number)
    client.send("t1 UID SORT RETURN (UPDATE) (DATE) UTF-8 ALL\r\n")
    assert await client.until(b"t1 ") == [b"t1 BAD Tag reuse"]
    client.send("t1 UID SORT RETURN (COUNT) (DATE) UTF-8 ALL\r\n")
    assert (await client.until(b"t1 "))[-1] == b"t1 OK SORT completed"
    assert await client.ok('CANCELUPDATE "t1" "t2"') == []
    assert await client.refused('CANCELUPDATE "t1"') == b"NO No such context"
    client.send("t1 UID SORT RETURN (UPDATE) (DATE) UTF-8 ALL\r\n")
    assert (await client.until(b"t1 "))[-1] == b"t1 OK SORT completed"
    await client.ok("SELECT INBOX")
    client.send("t3 SEARCH RETURN (UPDATE) ALL\r\n")
    assert (await client.until(b"t3 "))[-1] == b"t3 OK SEARCH completed"
    assert (await client.refused("CANCELUPDATE")).startswith(b"BAD")
