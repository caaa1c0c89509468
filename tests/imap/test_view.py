"""The view: what the client believes, worked out from the lines sent, is the truth."""

import re
import sys
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from postier.imap.flags import DELETED, SEEN
from postier.imap.refusals import PeerError
from postier.imap.sets import SAVED_RESULT, parse_set
from postier.imap.view import MailboxView, ViewOutOfStepError

LINE = re.compile(
    rb"\* (?:(\d+) (EXISTS|RECENT|EXPUNGE)|(\d+) FETCH \(UID (\d+) FLAGS \(([^)]*)\)(?: MODSEQ \((\d+)\))?\)|FLAGS \(.*\))\r\n"
)
BITS = {b"\\Seen": SEEN, b"\\Deleted": DELETED}


def loaded(*uids, uid_next=None, **how):
    view = MailboxView(len(uids), uid_next=uid_next or (uids[-1] + 1 if uids else 1), **how)
    view.load(array("I", uids))
    return view


class Client:
    """What a client works out from the lines: a list of flags by position, None where it was told nothing."""

    def __init__(self, count):
        self.messages = [None] * count
        self.recent = None

    def hear(self, lines):
        end = 0
        for line in LINE.finditer(lines):
            assert line.start() == end, lines[end:]
            end = line.end()
            number, word, seq, uid, flags, _ = line.groups()
            if word == b"EXISTS":
                assert int(number) >= len(self.messages)
                self.messages += [None] * (int(number) - len(self.messages))
            elif word == b"EXPUNGE":
                del self.messages[int(number) - 1]
            elif word == b"RECENT":
                self.recent = int(number)
            elif seq:
                names = [name for name in flags.split() if name != b"\\Recent"]
                self.messages[int(seq) - 1] = (int(uid), sum(BITS[name] for name in names))
        assert end == len(lines), lines[end:]


class ViewMachine(RuleBasedStateMachine):
    """Random changes and flushes, the UIDs loaded and unloaded at will, against plain lists."""

    @initialize(uids=st.sets(st.integers(1, 30), max_size=8).map(sorted), rev1=st.booleans())
    def select(self, uids, rev1):
        self.truth = dict.fromkeys(uids, 0)
        self.uid_next = 31
        self.view = MailboxView(len(uids), uid_next=31, sends_recent=rev1)
        self.client = Client(len(uids))
        self.told = list(uids)  # UIDs in the client's order
        self.dirty = {}

    @rule(count=st.integers(1, 4))
    def append(self, count):
        uids = range(self.uid_next, self.uid_next + count)
        self.uid_next += count
        self.truth.update(dict.fromkeys(uids, 0))
        self.view.note_appended(uids)

    @precondition(lambda self: self.truth)
    @rule(data=st.data())
    def expunge(self, data):
        gone = data.draw(st.sets(st.sampled_from(sorted(self.truth)), min_size=1))
        for uid in gone:
            del self.truth[uid]
            self.dirty.pop(uid, None)
        self.view.note_expunged(gone)

    @precondition(lambda self: self.truth)
    @rule(data=st.data(), bits=st.sampled_from([0, SEEN, DELETED, SEEN | DELETED]))
    def store(self, data, bits):
        changed = data.draw(st.sets(st.sampled_from(sorted(self.truth)), min_size=1))
        self.truth.update(dict.fromkeys(changed, bits))
        self.dirty.update(dict.fromkeys(changed, bits))
        self.view.note_flags(dict.fromkeys(changed, bits), dict.fromkeys(changed, 1))

    @rule()
    def load(self):
        self.view.load(array("I", sorted(self.truth)))

    @rule()
    def unload(self):
        self.view.unload()

    @rule(may_expunge=st.booleans())
    def flush(self, may_expunge):
        if self.view.needs_uids(may_expunge=may_expunge):
            self.load()
        had_news = self.view.has_pending(may_expunge=may_expunge)
        lines = self.view.flush(may_expunge=may_expunge)
        assert bool(lines) is had_news
        assert may_expunge or b"EXPUNGE" not in lines
        assert not self.view.has_pending(may_expunge=may_expunge)
        self.client.hear(lines)
        if may_expunge:
            self.told = [uid for uid in self.told if uid in self.truth]
        self.told += [uid for uid in sorted(self.truth) if uid not in self.told]
        for uid, bits in self.dirty.items():
            assert self.client.messages[self.told.index(uid)] == (uid, bits)
        self.dirty = {}

    @invariant()
    def client_and_view_agree(self):
        if not hasattr(self, "view"):
            return
        assert len(self.client.messages) == self.view.exists == len(self.told)
        for uid, message in zip(self.told, self.client.messages, strict=True):
            assert message is None or message[0] == uid
        if self.view.is_loaded:
            assert list(self.view.uids) == self.told
        if self.client.recent is not None and self.view.sends_recent:
            assert self.view.recent <= self.view.exists


TestViewMachine = ViewMachine.TestCase
TestViewMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_expunges_go_out_from_the_highest_down():
    view = loaded(10, 20, 30, 40, 50)
    view.note_expunged([20, 30, 50])
    assert view.flush(may_expunge=True) == b"* 5 EXPUNGE\r\n* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n"
    assert list(view.uids) == [10, 40]


def test_withheld_expunges_keep_their_numbers():
    view = loaded(10, 20, 30)
    view.note_expunged([10])
    view.note_appended([40])
    view.note_flags({30: SEEN}, {30: 7})
    assert view.flush(may_expunge=False) == b"* 4 EXISTS\r\n* 3 FETCH (UID 30 FLAGS (\\Seen))\r\n"
    assert view.seq_of(30) == 3
    assert view.flush(may_expunge=True) == b"* 1 EXPUNGE\r\n"
    assert view.seq_of(30) == 2


def test_what_came_and_went_between_two_flushes_is_not_told():
    view = MailboxView(0, uid_next=1)
    view.note_appended([1, 2])
    view.note_expunged([1, 2])
    assert view.flush(may_expunge=True) == b""


def test_arrivals_need_no_uids():
    view = MailboxView(100_000, uid_next=200_000)
    view.note_appended([200_000])
    assert not view.needs_uids(may_expunge=True)
    assert view.flush(may_expunge=True) == b"* 100001 EXISTS\r\n"
    view.note_flags({5: SEEN}, {5: 7})
    assert view.needs_uids(may_expunge=False)
    with pytest.raises(ViewOutOfStepError):
        view.flush(may_expunge=False)


def test_the_wrong_uids_are_noticed():
    with pytest.raises(ViewOutOfStepError):
        MailboxView(2, uid_next=9).load(array("I", [1]))


def test_recent_for_rev1_sessions():
    view = loaded(1, 2, uid_next=3, recent_from=2, recent=1, sends_recent=True)
    view.note_appended([3])
    assert view.flush(may_expunge=True) == b"* 3 EXISTS\r\n* 2 RECENT\r\n"
    assert view.flags_of([1, 2, 3], [0, SEEN, 0]) == [b"", b"\\Recent \\Seen", b"\\Recent"]
    view.note_expunged([2])
    view.flush(may_expunge=True)
    assert view.recent == 1
    fresh = loaded(1, sends_recent=True)
    fresh.note_appended([2])
    assert fresh.flush(may_expunge=True) == b"* 2 EXISTS\r\n* 1 RECENT\r\n"


def test_new_keywords_modseq_and_vanished():
    view = loaded(1, 2, 3, sends_modseq=True, sends_vanished=True)
    view.note_keywords(("$Junk",))
    view.note_flags({2: 1 << 5}, {2: 77})
    view.note_expunged([1])
    assert view.flush(may_expunge=True) == (
        b"* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $Junk)\r\n"
        b"* VANISHED 1\r\n"
        b"* 1 FETCH (UID 2 FLAGS ($Junk) MODSEQ (77))\r\n"
    )


def test_choose():
    view = loaded(10, 20, 30, 40)
    by_seq = view.choose(parse_set(b"2:3"), is_uid=False)
    assert (list(by_seq.uids), list(by_seq.seqs)) == ([20, 30], [2, 3])
    by_uid = view.choose(parse_set(b"1:15,35:*,99"), is_uid=True)
    assert (list(by_uid.uids), list(by_uid.seqs)) == ([10, 40], [1, 4])
    assert list(view.choose(parse_set(b"500:*"), is_uid=True).uids) == [40]
    assert not view.choose(parse_set(b"11"), is_uid=True).uids
    for missing in (b"5", b"1:5"):
        with pytest.raises(PeerError, match="does not exist"):
            view.choose(parse_set(missing), is_uid=False)
    with pytest.raises(PeerError, match="does not exist"):
        loaded().choose(parse_set(b"1:*"), is_uid=False)
    assert not loaded().choose(parse_set(b"1:*"), is_uid=True).uids


def test_numbers_and_uids():
    view = loaded(10, 20)
    assert (view.uid_at(2), view.seq_of(20), view.seq_of(15), view.seq_of(99)) == (20, 2, 0, 0)
    assert list(view.seqs_of([10, 20])) == [1, 2]
    for seq in (0, 3):
        with pytest.raises(IndexError):
            view.uid_at(seq)


def test_uid_ranges_for_search():
    view = loaded(10, 20, 30)
    assert view.uid_ranges(parse_set(b"2:9"), False) == ((20, 30),)
    assert view.uid_ranges(parse_set(b"7"), False) == ()
    assert view.uid_ranges(parse_set(b"5:*"), True) == ((5, 30),)
    assert loaded().uid_ranges(parse_set(b"1:*"), False) == ()


def test_the_saved_result_follows_expunges():
    view = loaded(10, 20, 30)
    assert not view.choose(SAVED_RESULT, is_uid=False).uids
    view.save(array("I", [10, 20]))
    assert list(view.choose(SAVED_RESULT, is_uid=False).seqs) == [1, 2]
    assert view.uid_ranges(SAVED_RESULT, False) == ((10, 10), (20, 20))
    view.note_expunged([10])
    view.flush(may_expunge=True)
    assert list(view.saved) == [20]


@given(st.sets(st.integers(1, 50)).map(sorted), st.sets(st.integers(1, 50)).map(sorted))
def test_seqs_of_any_uids(uids, wanted):
    view = loaded(*uids)
    wanted = [uid for uid in wanted if uid in uids]
    assert list(view.seqs_of(wanted)) == [uids.index(uid) + 1 for uid in wanted]


def test_an_idle_view_is_small():
    view = MailboxView(1000, uid_next=1001, keywords=("$Junk", "$NotJunk"))
    view.load(array("I", range(1, 1001)))
    held = {id(value): value for name in view.__slots__ if (value := getattr(view, name)) is not view.uids}
    assert sys.getsizeof(view) + sum(map(sys.getsizeof, held.values())) < 1024
    assert sys.getsizeof(view.uids) < 4 * 1000 + 200
