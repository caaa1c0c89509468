"""A client that believes what it is told, and checks that it is told nothing that contradicts what it was told before."""

import re

from tests.servers.imap.served import Client

NUMBERED = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE|RECENT|FETCH)(?: \((.*)\))?", re.DOTALL)  # with literals
VANISHED = re.compile(rb"\* VANISHED (\(EARLIER\) )?(\S+)")
LIST = re.compile(rb"\* (SEARCH|SORT|THREAD)(.*)")
CONTEXT = re.compile(rb'\* ESEARCH \(TAG "c"\) UID (ADDTO|REMOVEFROM) \(0 (\S+)\)')
CODES = re.compile(rb"\[(HIGHESTMODSEQ|UIDVALIDITY|UIDNEXT|APPENDUID|COPYUID) ([^\]]*)\]")
UID = re.compile(rb"UID (\d+)")
FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
MODSEQ = re.compile(rb"MODSEQ \((\d+)\)")
MOST_LOOKS = 100  # at messages that come and go while others work
WITHHOLDING = ("FETCH", "STORE", "SEARCH", "SORT", "THREAD")  # RFC 9051 §7.5.1, RFC 5256 §3


def members(text):
    """The numbers of a set."""
    found = []
    for part in text.split(b","):
        low, _, high = part.partition(b":")
        found += range(int(low), int(high or low) + 1)
    return found


class Message:
    """What the client believes of one; None is what it does not know."""

    __slots__ = ("flags", "modseq", "uid")

    def __init__(self):
        self.uid = None
        self.flags = None
        self.modseq = 0


class Registry:
    """What all sessions together know of UIDs: none is given out twice."""

    def __init__(self):
        self.validity = {}
        self.given = {}

    def give(self, mailbox, validity, uids):
        given = self.given.setdefault(mailbox, set())
        assert self.validity.setdefault(mailbox, validity) == validity
        assert not given & set(uids), "a UID was given out twice"
        given.update(uids)


class Shadow:
    """One session in one mailbox at a time. `has_qresync`: VANISHED is told in the place of EXPUNGE."""

    def __init__(self, client: Client, registry: Registry, *, has_qresync: bool, has_modseq: bool) -> None:
        self.client = client
        self.registry = registry
        self.has_qresync = has_qresync
        self.has_modseq = has_modseq or has_qresync
        self.mailbox = None
        self.forget()

    def forget(self):
        self.messages = []
        self.gone = set()
        self.kept = None  # the context's result
        self.highest_modseq = 0

    async def do(self, text, target=None):
        """A command; the tagged line without its tag. `target` is the mailbox that gets UIDs."""
        verb = text.split(" ", 1)[0] if isinstance(text, str) else "APPEND"
        *lines, last = await self.client.command(text)
        for line in lines:
            self.hear(line, verb, target)
        self.codes(last, target)
        assert not last.startswith(b"BAD"), (text, last)
        return last

    def hear(self, line, verb, target=None):
        if found := NUMBERED.match(line):
            self.numbered(int(found[1]), found[2], found[3] or b"", verb)
        elif found := VANISHED.match(line):
            self.vanished(members(found[2]), is_earlier=found[1] is not None)
        elif found := LIST.match(line):
            self.listed([int(number) for number in re.findall(rb"\d+", found[2])], verb)
        elif found := CONTEXT.match(line):
            uids = set(members(found[2]))
            if found[1] == b"ADDTO":
                assert not uids & self.kept
                self.kept |= uids
            else:
                assert uids <= self.kept
                self.kept -= uids
        else:
            assert not line.startswith(b"* BYE"), line
            self.codes(line, target)

    def numbered(self, number, word, rest, verb):
        if word == b"EXISTS":
            assert number >= len(self.messages), "EXISTS takes messages away"
            self.messages += [Message() for _ in range(number - len(self.messages))]
        elif word == b"EXPUNGE":
            assert not self.has_qresync
            assert verb not in WITHHOLDING, f"EXPUNGE during {verb}"
            gone = self.messages.pop(number - 1)
            if gone.uid is not None:
                self.gone.add(gone.uid)
        elif word == b"FETCH":
            self.fetched(number, rest)

    def vanished(self, uids, *, is_earlier):
        assert self.has_qresync
        assert is_earlier or not set(uids) & self.gone, "gone twice"
        left = set(uids)
        stay = []
        for message in self.messages:
            if message.uid in left:
                left.discard(message.uid)
            else:
                stay.append(message)
        self.messages = stay
        self.gone.update(uids)
        if not is_earlier:
            for (
                uid
            ) in left:  # a message that it knows of, but not by UID: one before the next UID that it knows
                known = [
                    place
                    for place, each in enumerate(self.messages)
                    if each.uid is not None and each.uid > uid
                ]
                place = min(known, default=len(self.messages)) - 1
                assert place >= 0, "what it does not know vanished"
                assert self.messages.pop(place).uid is None, "what it does not know vanished"

    def fetched(self, number, rest):
        message = self.messages[number - 1]
        if found := UID.search(rest):
            uid = int(found[1])
            assert uid not in self.gone, "a message comes back"
            assert message.uid in {None, uid}, "a number means another message"
            message.uid = uid
            self.check_order(number - 1)
        if found := MODSEQ.search(rest):
            modseq = int(found[1])
            assert modseq >= message.modseq, "a mod-sequence falls"
            message.modseq = modseq
        if found := FLAGS.search(rest):
            message.flags = frozenset(found[1].split()) - {b"\\Recent"}

    def check_order(self, place):
        for before, after in ((place - 1, place), (place, place + 1)):
            if before >= 0 and after < len(self.messages):
                low, high = self.messages[before].uid, self.messages[after].uid
                assert low is None or high is None or low < high, "UIDs do not ascend"

    def listed(self, numbers, verb):
        assert len(set(numbers)) == len(numbers)
        if verb == "UID":
            assert not self.gone.intersection(numbers), "what is gone is found"
        else:
            assert all(number <= len(self.messages) for number in numbers), "an unknown number is found"

    def codes(self, line, target):
        for name, text in CODES.findall(line):
            if name == b"HIGHESTMODSEQ":
                assert int(text) >= self.highest_modseq, "HIGHESTMODSEQ falls"
                self.highest_modseq = int(text)
            elif name == b"UIDVALIDITY":
                assert self.registry.validity.setdefault(self.mailbox, int(text)) == int(text)
            elif name in {b"APPENDUID", b"COPYUID"}:
                validity, *_, given = text.split(b" ")
                self.registry.give(target, int(validity), members(given))

    # What it does

    async def select(self, mailbox):
        self.mailbox = mailbox
        self.forget()
        assert (await self.do(f"SELECT {mailbox}")).startswith(b"OK")
        if self.has_qresync:
            await self.learn()

    async def learn(self):
        """Have UIDs and flags of all."""
        if self.messages:
            await self.do("UID FETCH 1:* (FLAGS)")

    async def resync(self):
        """Leave, come back with what is remembered, and be told the difference (RFC 7162 §3.2.5)."""
        await self.learn()
        for _ in range(MOST_LOOKS):  # one came meanwhile
            if all(message.uid is not None for message in self.messages):
                break
            await self.learn()
        else:
            raise AssertionError(f"it is never told which these are: {[each.uid for each in self.messages]}")
        remembered = {message.uid: message for message in self.messages if message.uid is not None}
        if self.highest_modseq == 0 or any(message.flags is None for message in self.messages):
            return
        modseq, validity = self.highest_modseq, self.registry.validity[self.mailbox]
        mailbox = self.mailbox
        assert (await self.do("UNSELECT")).startswith(b"OK")
        self.forget()
        self.client.tag += 1
        tag = b"a%d" % self.client.tag
        self.client.send(tag + f" SELECT {mailbox} (QRESYNC ({validity} {modseq}))\r\n".encode())
        *lines, last = await self.client.until(tag + b" ")
        assert b" OK " in last, last
        later = []
        for line in lines:
            if found := VANISHED.match(line):
                for uid in members(found[2]):
                    remembered.pop(uid, None)
                    self.gone.add(uid)
            elif (found := NUMBERED.match(line)) and found[2] == b"FETCH":
                later.append((int(found[1]), found[3]))
            else:
                self.hear(line, "SELECT")
        for number, rest in later:
            self.fetched(number, rest)
            remembered.pop(int(UID.search(rest)[1]), None)
        unknown = [message for message in self.messages if message.uid is None]
        assert len(unknown) >= len(remembered), (modseq, sorted(remembered), lines)
        # The others are as remembered, in their order; one that came and went while it came back has no UID yet
        for message, uid in zip(unknown, sorted(remembered), strict=False):
            message.uid, message.flags = uid, remembered[uid].flags
            message.modseq = remembered[uid].modseq
        for place in range(len(self.messages)):
            self.check_order(place)
