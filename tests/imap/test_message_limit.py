"""What is within the limit, against counting."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from postier.imap.message_limit import lowest_searched, newest
from postier.imap.search import And, Flags, Messages, Not, Or, Uids
from postier.imap.sets import STAR, SequenceSet, contains, ranges_of
from postier.imap.view import Chosen, MailboxView

uid_sets = st.sets(st.integers(1, 40), max_size=25).map(sorted)
ranges = st.lists(st.tuples(st.integers(1, 45), st.integers(0, 10)), min_size=1, max_size=4).map(
    lambda pairs: tuple((low, low + more) for low, more in pairs)
)
limits = st.integers(1, 12)


def view_of(uids):
    view = MailboxView(len(uids), uid_next=50)
    view.load(array("I", uids))
    return view


@given(uid_sets, st.integers(0, 30))
def test_the_newest(uids, limit):
    chosen = Chosen(array("I", uids), range(1, len(uids) + 1))
    kept = newest(chosen, limit)
    assert list(kept.uids) == (uids[-limit:] if limit else uids)
    assert [uids[seq - 1] for seq in kept.seqs] == list(kept.uids)
    assert (kept is chosen) == (not limit or len(uids) <= limit)


@given(uid_sets, ranges, ranges, limits)
def test_a_search_is_about_what_it_names(uids, some, others, limit):
    view = view_of(uids)
    key = Messages(SequenceSet(some), is_uid=True)
    named = [uid for uid in uids if contains(SequenceSet(some).resolve(0), uid)]
    unnamed = [uid for uid in uids if uid not in named]
    both = [uid for uid in named if contains(SequenceSet(others).resolve(0), uid)]
    for criterion, about in (
        (key, named),
        (And((Flags(1), key)), named),
        (And((key, And((Not(Flags(1)), Uids(SequenceSet(others).resolve(0)))))), both),
        (Not(key), unnamed),
        (And((Flags(1), Not(Uids(SequenceSet(some).resolve(0))))), unnamed),
        (Or((key, Flags(1))), uids),
        (Flags(1), uids),
    ):
        lowest = lowest_searched(criterion, view.uid_ranges, view.uids, limit)
        assert lowest == (about[-limit] if len(about) > limit else 0)


@given(uid_sets.filter(bool), ranges, limits)
def test_sequence_numbers_and_the_saved_result(uids, pairs, limit):
    view = view_of(uids)
    view.save(array("I", uids[::2]))
    named = [uid for seq, uid in enumerate(uids, 1) if contains(SequenceSet(pairs).resolve(0), seq)]
    for numbers, about in (
        (SequenceSet(pairs), named),
        (SequenceSet((), is_saved_result=True), uids[::2]),
        (SequenceSet(((1, STAR),)), uids),
    ):
        lowest = lowest_searched(Messages(numbers, is_uid=False), view.uid_ranges, view.uids, limit)
        assert lowest == (about[-limit] if len(about) > limit else 0)


@given(uid_sets, limits, st.booleans())
def test_a_client_that_goes_on_below_searches_each_message_once(uids, limit, by_uidbefore):
    view, below, searched = view_of(uids), 51, []
    while below > 1:
        key = (
            Uids(((1, below - 1),)) if by_uidbefore else Messages(SequenceSet(((1, below - 1),)), is_uid=True)
        )
        lowest = lowest_searched(key, view.uid_ranges, view.uids, limit)
        part = [uid for uid in uids if lowest <= uid < below]
        assert len(part) <= limit
        searched += part
        if not lowest:
            break
        below = lowest
    assert sorted(searched) == uids
    assert len(ranges_of(sorted(searched))) == len(ranges_of(uids))
