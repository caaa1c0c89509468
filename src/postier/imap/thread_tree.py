"""The algorithms of THREAD: messages with subjects, dates and references become trees.

Not here: reading the command (`commands.thread`), the response (`thread_results`). Source: RFC 5256 §3 (ORDEREDSUBJECT,
REFERENCES); draft-ietf-morg-inthread-01 (REFS: references alone, threads by their latest INTERNALDATE). Invariants: every message
is in the forest once; a dummy is a root with at least two children; work is linear in messages and references but for the
sorting, whatever they say: looking for loops has a budget, and a link that it does not reach is not made. No recursion.
"""

import enum
from collections.abc import Callable, Sequence

import msgspec

HASH_OCTETS = 8
STEPS_PER_REFERENCE = 64  # upwards, looking for loops; mail as it comes needs less than one

_NO_ID = bytes(HASH_OCTETS)


class Algorithm(enum.Enum):
    """What THREAD knows."""

    ORDEREDSUBJECT = "ORDEREDSUBJECT"
    REFERENCES = "REFERENCES"
    REFS = "REFS"


class Threadable(msgspec.Struct, frozen=True):
    """The messages in the order of the mailbox, a column for each thing that matters.

    `hashes`: HASH_OCTETS of the message's own id (zeroes without one), then of each reference, oldest first. `subjects` are
    base subjects in the form in which they are compared.
    """

    sent: Sequence[int]
    received: Sequence[int]
    subjects: Sequence[bytes]
    replies: Sequence[int]
    hashes: Sequence[bytes]


class Forest(msgspec.Struct, frozen=True):
    """Roots in order, and the children of those nodes that have some, in order. Nodes below the number of messages are
    messages by their place; the others are dummies.
    """

    roots: list[int]
    children: dict[int, list[int]]


def forest(algorithm: Algorithm, messages: Threadable) -> Forest:
    """The threads."""
    if algorithm is Algorithm.ORDEREDSUBJECT:
        return _by_subject(messages)
    ranks = _ranks(messages.sent)
    found = _pruned(_parents(messages.hashes), len(messages.hashes))
    _sort_children(found.children, ranks)
    if algorithm is Algorithm.REFS:
        found.roots.sort(key=_latest(found, messages.received))
        return found
    _sort_roots(found, ranks)  # step 4
    merged = _merged(found, messages)
    _sort_children(merged.children, ranks)  # step 6
    _sort_roots(merged, ranks)
    return merged


def _ranks(sent: Sequence[int]) -> list[int]:
    """The place of each message by sent date, then by sequence number (RFC 5256 §2.2)."""
    ranks = [0] * len(sent)
    for rank, message in enumerate(sorted(range(len(sent)), key=sent.__getitem__)):
        ranks[message] = rank
    return ranks


def _by_subject(messages: Threadable) -> Forest:
    groups: dict[bytes, list[int]] = {}
    for message in sorted(range(len(messages.sent)), key=messages.sent.__getitem__):
        groups.setdefault(messages.subjects[message], []).append(message)
    # In the order of each one's first message, as they were made
    return Forest(
        [group[0] for group in groups.values()],
        {group[0]: group[1:] for group in groups.values() if len(group) > 1},
    )


def _parents(hashes: Sequence[bytes]) -> list[int]:
    """Step 1: each node's parent or -1; nodes above the messages stand for ids that no message has."""
    count = len(hashes)
    nodes: dict[bytes, int] = {}
    for message, ids in enumerate(hashes):
        own = ids[:HASH_OCTETS]
        if own != _NO_ID:
            nodes.setdefault(own, message)  # of messages with one id the first has it
    parents = [-1] * count
    has_children = bytearray(count)
    steps = STEPS_PER_REFERENCE * sum(map(len, hashes)) // HASH_OCTETS

    def may_link(parent: int, child: int) -> bool:
        """Whether the child is not above the parent (nor the parent itself)."""
        nonlocal steps
        if parent == child:
            return False
        if not has_children[child]:
            return True
        above = parents[parent]
        while above >= 0 and above != child:
            above = parents[above]
            steps -= 1
            if steps < 0:
                return False
        return above < 0

    for message, ids in enumerate(hashes):
        previous = -1
        for start in range(HASH_OCTETS, len(ids), HASH_OCTETS):  # (A)
            id_ = ids[start : start + HASH_OCTETS]
            node = nodes.get(id_, -1)
            if node < 0:
                node = nodes[id_] = len(parents)
                parents.append(-1)
                has_children.append(0)
            if previous >= 0 and parents[node] < 0 and may_link(previous, node):
                parents[node] = previous
                has_children[previous] = 1
            previous = node
        if parents[message] != previous or previous < 0:  # (B)
            parents[message] = -1
            if previous >= 0 and may_link(previous, message):
                parents[message] = previous
                has_children[previous] = 1
    return parents


def _pruned(parents: Sequence[int], count: int) -> Forest:
    """Steps 2 and 3: without dummies, but for roots with several children."""
    known: dict[int, int] = {}  # of dummies: the nearest message or root above

    def anchor(node: int) -> int:
        passed = []
        while node >= count and parents[node] >= 0 and node not in known:
            passed.append(node)
            node = parents[node]
        node = known.get(node, node)
        for each in passed:
            known[each] = node
        return node

    roots: list[int] = []
    children: dict[int, list[int]] = {}
    for message in range(count):
        parent = parents[message]
        if parent < 0:
            roots.append(message)
        else:
            children.setdefault(anchor(parent), []).append(message)
    dummies = [node for node in children if node >= count]
    roots += [children.pop(dummy)[0] if len(children[dummy]) == 1 else dummy for dummy in dummies]
    return Forest(roots, children)


def _sort_children(children: dict[int, list[int]], ranks: Sequence[int]) -> None:
    for siblings in children.values():
        if len(siblings) > 1:
            siblings.sort(key=ranks.__getitem__)


def _sort_roots(found: Forest, ranks: Sequence[int]) -> None:
    """By sent date, a dummy by that of its first child (step 4)."""
    count, children = len(ranks), found.children
    found.roots.sort(key=lambda root: ranks[root] if root < count else ranks[children[root][0]])


def _latest(found: Forest, received: Sequence[int]) -> Callable[[int], tuple[int, int]]:
    """A key for roots: when the latest message of a thread came, and the place of that message."""
    count = len(received)
    keys: dict[int, tuple[int, int]] = {}
    for root in found.roots:
        latest = (-1, -1)
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node < count:
                latest = max(latest, (received[node], node))
            waiting += found.children.get(node, ())
        keys[root] = latest
    return keys.__getitem__


def _merged(found: Forest, messages: Threadable) -> Forest:
    """Step 5: threads with one subject become one."""
    count, children, replies = len(messages.sent), found.children, messages.replies

    def subject_of(root: int) -> bytes:
        return messages.subjects[root if root < count else children[root][0]]

    subjects = [subject_of(root) for root in found.roots]
    table: dict[bytes, int] = {}
    for root, subject in zip(found.roots, subjects, strict=True):  # (B)
        if not subject:
            continue
        other = table.setdefault(subject, root)
        if other < count and (root >= count or (replies[other] and not replies[root])):
            table[subject] = root
    gone: set[int] = set()
    made: list[int] = []
    next_dummy = max(count, max(found.roots, default=0) + 1)
    for root, subject in zip(found.roots, subjects, strict=True):  # (C)
        if not subject or root in gone or (other := table[subject]) == root:
            continue
        gone.add(root)
        if other >= count:
            children[other] += children.pop(root) if root >= count else [root]
        elif replies[root] and not replies[other]:
            children.setdefault(other, []).append(root)
        else:
            gone.add(other)
            children[next_dummy] = [root, other]
            table[subject] = next_dummy
            made.append(next_dummy)
            next_dummy += 1
    return Forest([root for root in found.roots if root not in gone] + made, children)
