"""Requests at once: counted for each user, also when one ends by a fault."""

import pytest

from postier.jmap.core.problems import over_limit
from postier.jmap.core.turns import Turns


def test_turns_at_their_limit():
    turns = Turns("maxConcurrentRequests", 2)
    with turns.turn(1) as first, turns.turn(1) as second:
        assert (first, second) == (None, None)
        with turns.turn(1) as third, turns.turn(2) as other:
            assert third == over_limit("maxConcurrentRequests")
            assert other is None
            assert len(turns) == 2
        with turns.turn(1) as fourth:  # what was refused has given no turn back
            assert fourth is not None
    assert len(turns) == 0
    with turns.turn(1) as again:
        assert again is None


def test_a_fault_gives_its_turn_back():
    turns = Turns("maxConcurrentUpload", 1)
    with pytest.raises(ZeroDivisionError), turns.turn(1):
        raise ZeroDivisionError
    assert len(turns) == 0


def test_no_turn_at_all_takes_no_memory():
    turns = Turns("maxConcurrentRequests", 0)
    with turns.turn(1) as problem:
        assert problem is not None
    assert len(turns) == 0
