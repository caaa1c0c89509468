"""Two sessions at random in one mailbox: what each client believes from the lines it got equals what is there."""

import random
import re

import pytest

from tests.servers.imap.served import letter

EXISTS = re.compile(rb"\* (\d+) EXISTS")
EXPUNGE = re.compile(rb"\* (\d+) EXPUNGE")
FETCH = re.compile(rb"\* (\d+) FETCH \(.*?FLAGS \(([^)]*)\)")
FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "$Work", "$Home")


class Shadow:
    """A client's picture of the mailbox: flags by sequence number, None for what it was not told of."""

    def __init__(self, client):
        self.client = client
        self.messages = []

    async def do(self, text):
        for line in await self.client.command(text):
            if found := EXISTS.match(line):
                assert int(found[1]) >= len(self.messages)
                self.messages += [None] * (int(found[1]) - len(self.messages))
            elif found := EXPUNGE.match(line):
                del self.messages[int(found[1]) - 1]
            elif found := FETCH.match(line):
                self.messages[int(found[1]) - 1] = set(found[2].split()) - {b"\\Recent"}
            assert not line.startswith(b"BAD"), (text, line)

    async def store(self, chance):
        seq = chance.randint(1, len(self.messages))
        sign = chance.choice("+-")
        flags = chance.sample(FLAGS, chance.randint(1, 3))
        silent = chance.choice(("", ".SILENT"))
        before = self.messages[seq - 1]
        await self.do(f"STORE {seq} {sign}FLAGS{silent} ({' '.join(flags)})")
        if (
            silent and before is not None and self.messages[seq - 1] is before
        ):  # not told: it did what it asked
            named = {flag.encode() for flag in flags}
            self.messages[seq - 1] = before | named if sign == "+" else before - named


@pytest.mark.parametrize("seed", range(6))
async def test_what_clients_believe_is_true(embedded, seed):
    chance = random.Random(seed)
    shadows = [Shadow(await embedded.login()) for _ in range(2)]
    for shadow in shadows:
        await shadow.do("SELECT INBOX")
    for number in range(80):
        shadow = chance.choice(shadows)
        many = len(shadow.messages)
        what = chance.choice(
            ("append", "store", "store", "expunge", "noop", "uid", "move", "search", "fetch")
        )
        if what == "append" or not many:
            message = letter(number)
            await shadow.do(b"APPEND INBOX {%d+}\r\n%b" % (len(message), message))
        elif what == "store":
            await shadow.store(chance)
        elif what == "move":
            await shadow.do(f"MOVE {chance.randint(1, many)} INBOX")
        else:
            text = {
                "expunge": "EXPUNGE",
                "noop": "NOOP",
                "uid": "UID FETCH 1:* (FLAGS)",
                "search": "SEARCH SEEN",
                "fetch": f"FETCH 1:{chance.randint(1, many)} BODY[]",
            }[what]
            await shadow.do(text)
    truth = Shadow(await embedded.login())
    await truth.do("EXAMINE INBOX")
    if truth.messages:
        await truth.do("FETCH 1:* FLAGS")
    for shadow in shadows:
        await shadow.do("NOOP")
        assert len(shadow.messages) == len(truth.messages)
        for believed, true in zip(shadow.messages, truth.messages, strict=True):
            assert believed is None or believed == true
        if truth.messages:
            await shadow.do("FETCH 1:* FLAGS")
        assert shadow.messages == truth.messages
