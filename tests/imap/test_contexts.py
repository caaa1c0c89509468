"""The lines of contexts keep a client's result what it is here."""

from hypothesis import given
from hypothesis import strategies as st

from postier.imap.contexts import Context
from postier.imap.search import All
from postier.imap.sorting import SortField, SortKey

DATE = (SortKey(SortField.DATE),)


def same(uids):
    return uids


def test_the_examples_of_the_rfc():
    # RFC 5267 §4.3.3, §4.3.4
    context = Context(b"C01", All(), [2734, 2735], is_uid=True, keys=DATE)
    line = context.add({2731, 2732, 2733}, range(2731, 2736), same)
    assert line == b'* ESEARCH (TAG "C01") UID ADDTO (1 2731:2733)\r\n'
    context = Context(b"B01", All(), [32768], is_uid=True)
    assert context.remove({32768}, same) == b'* ESEARCH (TAG "B01") UID REMOVEFROM (0 32768)\r\n'
    assert context.remove({32768}, same) == b""


def test_several_stretches():
    context = Context(b"a", All(), [9, 1, 2, 7, 3], is_uid=False, keys=DATE)
    assert context.remove({9, 2, 7}, same) == b'* ESEARCH (TAG "a") REMOVEFROM (3 2,7 1 9)\r\n'
    assert list(context.results) == [1, 3]
    assert context.add({4, 5, 8}, [4, 5, 1, 8, 3], same) == b'* ESEARCH (TAG "a") ADDTO (1 4:5 4 8)\r\n'


def applied(results, line):
    item, _, pairs = line.decode().partition('") ')[2].partition(" ")
    words = pairs.strip("()\r\n").split(" ")
    for position, text in zip(map(int, words[::2]), words[1::2], strict=True):
        members = []
        for part in text.split(","):
            low, _, high = part.partition(":")
            members += range(int(low), int(high or low) + 1)
        if item == "ADDTO":
            results[position - 1 : position - 1] = members
        else:
            assert results[position - 1 : position - 1 + len(members)] == members
            del results[position - 1 : position - 1 + len(members)]
    return results


@given(st.permutations(range(1, 12)), st.sets(st.integers(1, 11)), st.sets(st.integers(1, 11)))
def test_a_client_that_applies_the_lines_has_the_result(order, before, after):
    context = Context(b"a", All(), [uid for uid in order if uid in before], is_uid=False, keys=DATE)
    client = list(context.results)
    if line := context.remove(before - after, same):
        client = applied(client, line)
    assert client == list(context.results)
    if line := context.add(after - before, [uid for uid in order if uid in after], same):
        client = applied(client, line)
    assert client == list(context.results) == [uid for uid in order if uid in after]
