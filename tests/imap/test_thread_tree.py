"""The algorithms of THREAD against a plain one that follows the steps of the RFC with no regard to time."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.thread_results import thread_answer
from postier.imap.thread_tree import HASH_OCTETS, STEPS_PER_REFERENCE, Algorithm, Forest, Threadable, forest


class Node:
    def __init__(self, message=None):
        self.message = message
        self.parent = None
        self.children = []

    def put_under(self, parent):
        if self.parent is not None:
            self.parent.children.remove(self)
        self.parent = parent
        if parent is not None:
            parent.children.append(self)

    def is_above(self, other):
        while other is not None:
            if other is self:
                return True
            other = other.parent
        return False


def plain_references(messages):
    """RFC 5256 §3, REFERENCES, step by step; a tree is (message or None, [trees])."""
    table, nodes = {}, []
    for place, ids in enumerate(messages.hashes):
        node = Node(place)
        nodes.append(node)
        if any(ids[:HASH_OCTETS]):
            table.setdefault(ids[:HASH_OCTETS], node)
    for node, ids in zip(nodes, messages.hashes, strict=True):
        chain = [
            table.setdefault(ids[at : at + HASH_OCTETS], Node())
            for at in range(HASH_OCTETS, len(ids), HASH_OCTETS)
        ]
        for parent, child in itertools.pairwise(chain):
            if child.parent is None and not child.is_above(parent):
                child.put_under(parent)
        last = chain[-1] if chain else None
        if node.parent is not last or last is None:
            node.put_under(None)
            if last is not None and not node.is_above(last):
                node.put_under(last)
    root = Node()
    for node in {id(each): each for each in [*nodes, *table.values()]}.values():
        if node.parent is None:
            node.put_under(root)

    def prune(node):
        for child in list(node.children):
            prune(child)
            if child.message is None and not child.children:
                child.put_under(None)
            elif child.message is None and (node is not root or len(child.children) == 1):
                for each in list(child.children):
                    each.put_under(node)
                child.put_under(None)

    prune(root)

    def key(node):
        message = node.children[0].message if node.message is None else node.message
        return messages.sent[message], message

    def sort(node):
        for child in node.children:
            sort(child)
        node.children.sort(key=key)

    sort(root)

    def subject(node):
        return messages.subjects[node.children[0].message if node.message is None else node.message]

    def is_reply(node):
        return node.message is not None and messages.replies[node.message]

    by_subject = {}
    for node in root.children:
        if name := subject(node):
            other = by_subject.setdefault(name, node)
            if other.message is not None and (
                node.message is None or (is_reply(other) and not is_reply(node))
            ):
                by_subject[name] = node
    for node in list(root.children):
        if node.parent is not root or not (name := subject(node)) or (other := by_subject[name]) is node:
            continue
        if node.message is None and other.message is None:
            for child in list(node.children):
                child.put_under(other)
            node.put_under(None)
        elif other.message is None or (is_reply(node) and not is_reply(other)):
            node.put_under(other)
        else:
            dummy = by_subject[name] = Node()
            dummy.put_under(root)
            node.put_under(dummy)
            other.put_under(dummy)
    sort(root)

    def tree(node):
        return node.message, [tree(child) for child in node.children]

    return tree(root)[1]


def trees(found, count):
    def tree(node):
        return node if node < count else None, [tree(child) for child in found.children.get(node, ())]

    return [tree(root) for root in found.roots]


def id_of(number):
    return number.to_bytes(HASH_OCTETS, "big")


def messages_of(*rows):
    """(sent, subject, is a reply, own id, references)."""
    return Threadable(
        [row[0] for row in rows],
        list(range(len(rows))),
        [row[1] for row in rows],
        [row[2] for row in rows],
        [b"".join(map(id_of, (row[3], *row[4]))) for row in rows],
    )


a_row = st.tuples(
    st.integers(0, 4),
    st.sampled_from((b"", b"A", b"B", b"C")),
    st.booleans(),
    st.integers(0, 8),
    st.lists(st.integers(1, 12), max_size=4),
)


@given(st.lists(a_row, max_size=12))
def test_references_as_the_steps_say(rows):
    messages = messages_of(*rows)
    assert trees(forest(Algorithm.REFERENCES, messages), len(rows)) == plain_references(messages)


@given(st.lists(a_row, max_size=12), st.sampled_from(Algorithm))
def test_every_message_is_there_once(rows, algorithm):
    found = forest(algorithm, messages_of(*rows))
    seen, waiting = [], trees(found, len(rows))
    for message, below in waiting:
        if message is None:
            assert len(below) > 1
        seen.append(message)
        waiting += below
    assert sorted(each for each in seen if each is not None) == list(range(len(rows)))
    assert seen.count(None) <= sum(message is None for message, _ in trees(found, len(rows)))


def test_ordered_subject():
    messages = messages_of(
        (5, b"B", False, 1, ()),
        (3, b"A", False, 2, ()),
        (4, b"B", False, 3, ()),
        (4, b"B", False, 4, ()),
        (3, b"", False, 0, ()),
    )
    found = forest(Algorithm.ORDEREDSUBJECT, messages)
    assert thread_answer(found, [11, 12, 13, 14, 15]) == b"* THREAD (12)(15)(13 (14)(11))\r\n"


def test_refs_knows_no_subjects_and_puts_the_latest_last():
    rows = [
        (9, b"A", False, 1, ()),
        (2, b"A", False, 2, ()),
        (1, b"A", True, 3, (1,)),
        (0, b"A", True, 4, (7,)),
        (0, b"B", True, 5, (7,)),
    ]
    found = forest(Algorithm.REFS, messages_of(*rows))
    assert thread_answer(found, range(1, 6)) == b"* THREAD (2)(1 3)((4)(5))\r\n"
    assert (
        thread_answer(forest(Algorithm.REFERENCES, messages_of(*rows)), range(1, 6))
        == b"* THREAD ((4)(5)(2)(1 3))\r\n"
    )


def test_the_examples_of_the_response():
    # RFC 5256 §4
    found = Forest([0, 1], {1: [2], 2: [3, 4], 3: [5], 4: [6], 6: [7]})
    assert thread_answer(found, [2, 3, 6, 4, 44, 23, 7, 96]) == b"* THREAD (2)(3 6 (4 23)(44 7 96))\r\n"
    assert thread_answer(Forest([2], {2: [0, 1]}), [3, 5]) == b"* THREAD ((3)(5))\r\n"
    assert thread_answer(Forest([], {}), []) == b"* THREAD\r\n"


COUNT = 100_000


@pytest.mark.parametrize("order", ["forward", "backward", "shuffled"])
def test_a_chain_of_100_000(order):
    numbers = list(range(1, COUNT + 1))
    if order == "backward":
        numbers.reverse()
    elif order == "shuffled":
        random.Random(1).shuffle(numbers)
    hashes = [id_of(number) + (id_of(number - 1) if number > 1 else b"") for number in numbers]
    nothing = [0] * COUNT
    found = forest(Algorithm.REFERENCES, Threadable(nothing, nothing, [b""] * COUNT, nothing, hashes))
    expected = sorted(range(COUNT), key=numbers.__getitem__)
    line = thread_answer(found, range(COUNT))
    assert line == b"* THREAD (%b)\r\n" % b" ".join([b"%d" % place for place in expected])


def test_a_comb_nests_as_deep_as_it_is():
    """A reply to each reply and one beside it: as many parentheses as messages."""
    hashes = [id_of(1), *[id_of(number) + id_of(number - 1 - number % 2) for number in range(2, COUNT + 1)]]
    nothing = [0] * COUNT
    line = thread_answer(
        forest(Algorithm.REFS, Threadable(nothing, nothing, [b""] * COUNT, nothing, hashes)), range(COUNT)
    )
    assert line.count(b"(") == line.count(b")")


def test_looking_for_loops_ends():
    """A deep thread, then replies whose parents must be looked for from its end, again and again."""
    deep = [id_of(number) + (id_of(number - 1) if number > 1 else b"") for number in range(1, 3001)]
    # each cuts the root's place in the chain: its own id is above, its reference at the bottom
    climbing = [id_of(number + 10_000) + id_of(number) + id_of(3000) for number in range(1, 3001)]
    again = [id_of(number + 10_000) + id_of(3000) + id_of(number + 10_000) for number in range(1, 3001)]
    hashes = deep + climbing + again
    nothing = [0] * len(hashes)
    found = forest(Algorithm.REFERENCES, Threadable(nothing, nothing, [b""] * len(hashes), nothing, hashes))
    assert sum(len(below) for below in found.children.values()) + len(found.roots) >= len(hashes)


def test_the_budget_refuses_links_but_loses_nothing():
    length = 4 * STEPS_PER_REFERENCE
    deep = [id_of(number) + id_of(number - 1) for number in range(2, length)]
    loops = [id_of(length + number) + id_of(length - 1) + id_of(1) + id_of(0) for number in range(length)]
    hashes = [id_of(0) + id_of(1), *deep, *loops, id_of(1) + id_of(length - 1)]
    nothing = [0] * len(hashes)
    found = forest(Algorithm.REFERENCES, Threadable(nothing, nothing, [b""] * len(hashes), nothing, hashes))
    seen = [
        node
        for node in [*found.roots, *(one for below in found.children.values() for one in below)]
        if node < len(hashes)
    ]
    assert sorted(seen) == list(range(len(hashes)))
