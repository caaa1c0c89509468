"""Creation ids, and records in the order in which they can be made."""

import time

from hypothesis import given
from hypothesis import strategies as st

from postier.jmap.core.creations import CreatedIds, in_order


def test_names_and_ids():
    created = CreatedIds({"a": "M1"})
    assert (created.resolve("#a"), created.resolve("a"), created.resolve("#b")) == ("M1", "a", None)
    created.note("a", "M2")
    assert created.resolve("#a") == "M2"


def test_references_of_all_forms():
    records = {
        "a": {"parentId": "#b"},
        "b": {"ids": ["x", "#c", 1]},
        "c": {"mailboxIds": {"#d": True}},
        "d": {"parentId": None, "other": "#a"},
    }
    assert in_order(records, ["parentId", "ids", "mailboxIds"]) == ["d", "c", "b", "a"]
    assert in_order(records, []) == ["a", "b", "c", "d"]


def test_circles_come_last():
    records = {
        "a": {"p": "#b"},
        "b": {"p": "#a"},
        "c": {"p": "#c"},
        "d": {"p": "#none"},
        "e": 1,
        "f": {"p": "#a"},
    }
    assert in_order(records, ["p"]) == ["d", "e", "a", "b", "c", "f"]


def test_a_long_chain_takes_linear_time():
    records = {f"k{n}": {"p": f"#k{n + 1}"} for n in range(100_000)}
    start = time.process_time()
    assert in_order(records, ["p"])[0] == "k99999"
    assert time.process_time() - start < 3


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdefg")))
def test_what_is_needed_comes_first(needs):
    order = in_order({name: {"p": f"#{other}"} for name, other in needs.items()}, ["p"])
    assert sorted(order) == sorted(needs)
    for place, name in enumerate(order):
        seen, step = set(), name
        while step in needs and step not in seen:
            seen.add(step)
            step = needs[step]
        if step not in seen:  # its chain ends
            assert needs[name] not in order or order.index(needs[name]) < place
