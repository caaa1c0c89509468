"""What a client claims to know, without expanding anything."""

from hypothesis import given
from hypothesis import strategies as st

from postier.imap.resync import Match, is_ascending, known_up_to, paired
from postier.imap.sets import MAX_NUMBER, parse_set, ranges_of, set_text

ascending = st.sets(st.integers(1, 60), min_size=1, max_size=30).map(sorted)


def pairs(numbers):
    return parse_set(set_text(numbers)).pairs


def test_sets_that_ascend():
    assert is_ascending(parse_set(b"1,3:5,7"))
    for text in (b"1,1", b"3,1", b"1:5,5", b"1:*", b"*", b"$"):
        assert not is_ascending(parse_set(text))


def test_sets_of_different_length_do_not_pair():
    assert paired(((1, 3),), ((5, 6),)) is None
    assert paired(((1, 2),), ((5, 7),)) is None
    assert paired(((1, 2),), ((5, 6), (9, 9))) is None
    assert paired(((1, MAX_NUMBER),), ((1, MAX_NUMBER),)) == (Match(1, 1, MAX_NUMBER),)


@given(ascending, ascending)
def test_pairs_are_those_of_the_expanded_sets(seqs, uids):
    matches = paired(pairs(seqs), pairs(uids))
    assert (matches is None) is (len(seqs) != len(uids))
    if matches is not None:
        expanded = [(one.seq + step, one.uid + step) for one in matches for step in range(one.count)]
        assert expanded == [*zip(seqs, uids, strict=True)]


@given(ascending, ascending, ascending)
def test_the_last_pair_that_fits_is_found(seqs, uids, mailbox):
    count = min(len(seqs), len(uids))
    seqs, uids = seqs[:count], uids[:count]
    matches = paired(ranges_of(seqs), ranges_of(uids))
    assert matches is not None
    fitting = [
        uid for seq, uid in zip(seqs, uids, strict=True) if seq <= len(mailbox) and mailbox[seq - 1] == uid
    ]
    assert known_up_to(matches, mailbox) == max(fitting, default=0)


def test_the_example_of_the_rfc():
    mailbox = [3 * number for number in range(1, 10_004)]
    seqs = parse_set(b"5000,7500,9000,9990:9999")
    uids = parse_set(b"15000,22500,27000,29970,29973,29976,29979,29982,29985,29988,29991,29994,29997")
    matches = paired(seqs.pairs, uids.pairs)
    assert matches is not None
    assert known_up_to(matches, mailbox) == 29997
    assert known_up_to(matches, mailbox[1:]) == 0
