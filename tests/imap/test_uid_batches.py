"""A mailbox in batches."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from postier.imap.uid_batches import uid_batches, uid_batches_line


@given(st.sets(st.integers(1, 200)).map(sorted), st.integers(1, 50), st.integers(1, 30))
def test_each_message_is_in_one_batch_and_no_batch_is_too_large(uids, size, beyond):
    uidnext = (uids[-1] if uids else 0) + beyond
    batches = uid_batches(uids, uidnext, size, 1, 1_000)
    assert len(batches) == -(-len(uids) // size)
    held = [[uid for uid in uids if low <= uid <= high] for high, low in batches]
    assert sorted(uid for each in held for uid in each) == uids
    assert all(len(each) == size for each in held[:-1])
    for (_, low), (high, _) in pairwise(batches):
        assert high == low - 1
    if batches:
        assert batches[0][0] == uidnext - 1
        assert batches[-1][1] == 1
    assert uid_batches(uids, uidnext, size, 2, 3) == batches[1:3]


def test_lines():
    assert uid_batches_line(b"A302", []) == b'* UIDBATCHES (TAG "A302")\r\n'
    assert uid_batches_line(b"a", [(9, 5), (4, 1)]) == b'* UIDBATCHES (TAG "a") 9:5,4:1\r\n'
