"""The frames of /query and /queryChanges: filters, orders, windows and differences."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.jmap.core.arguments import read_arguments
from postier.jmap.core.errors import MethodError
from postier.jmap.core.filters import MAX_FILTER_PARTS, Junction, Operator, read_filter
from postier.jmap.core.query import (
    DEFAULT_QUERY_LIMIT,
    MAX_COMPARATORS,
    Comparator,
    QueryArguments,
    queried,
    read_sort,
)
from postier.jmap.core.query_changes import QueryChangesArguments, query_changed


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str = ""


def refused(function, *arguments, **named):
    with pytest.raises(MethodError) as error:
        function(*arguments, **named)
    return error.value.arguments()["type"]


def test_filters():
    assert read_filter(None, Condition) is None
    assert read_filter({"text": "a"}, Condition) == Operator(Junction.AND, [Condition("a")])
    nested = {
        "operator": "OR",
        "conditions": [{"text": "a"}, {"operator": "NOT", "conditions": [{"text": "b"}, {}]}, {"text": "c"}],
    }
    inner = Operator(Junction.NOT, [Condition("b"), Condition()])
    assert read_filter(nested, Condition) == Operator(
        Junction.AND, [Operator(Junction.OR, [Condition("a"), inner, Condition("c")])]
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": 1},
        {"none": ""},
        {"operator": "XOR", "conditions": []},
        {"operator": "AND"},
        {"operator": "AND", "conditions": [1]},
        {"operator": "AND", "conditions": [], "text": "a"},
    ],
)
def test_filters_that_are_none(wrong):
    assert refused(read_filter, wrong, Condition) == "invalidArguments"
    assert refused(read_filter, {"operator": "AND", "conditions": [wrong]}, Condition) == "invalidArguments"


def test_the_parts_of_a_filter_at_their_edge():
    def flat(number):
        return {"operator": "AND", "conditions": [{}] * (number - 1)}

    assert len(read_filter(flat(MAX_FILTER_PARTS), Condition).parts[0].parts) == MAX_FILTER_PARTS - 1
    for number in (MAX_FILTER_PARTS + 1, MAX_FILTER_PARTS + 2, 100_000):
        assert refused(read_filter, flat(number), Condition) == "unsupportedFilter"
    deep = {}
    for _ in range(MAX_FILTER_PARTS - 1):
        deep = {"operator": "NOT", "conditions": [deep]}
    assert read_filter(deep, Condition) is not None
    assert refused(read_filter, {"operator": "NOT", "conditions": [deep]}, Condition) == "unsupportedFilter"


def test_sorts():
    def sort(value):
        return read_sort(value, Comparator, ["size"], ["i;ascii-casemap"])

    assert sort(None) == []
    assert sort([{"property": "size", "isAscending": False, "collation": "i;ascii-casemap"}]) == [
        Comparator(property="size", is_ascending=False, collation="i;ascii-casemap")
    ]
    for wrong in ({}, {"property": 1}, {"property": "size", "keyword": "a"}):
        assert refused(sort, [wrong]) == "invalidArguments"
    assert refused(sort, [{"property": "x"}]) == "unsupportedSort"
    assert refused(sort, [{"property": "size", "collation": "x"}]) == "unsupportedSort"
    assert len(sort([{"property": "size"}] * MAX_COMPARATORS)) == MAX_COMPARATORS
    assert refused(sort, [{"property": "size"}] * (MAX_COMPARATORS + 1)) == "unsupportedSort"


@pytest.mark.parametrize(
    ("asked", "position", "ids"),
    [
        ({}, 0, "abcde"),
        ({"position": 2, "limit": 2}, 2, "cd"),
        ({"position": -2}, 3, "de"),
        ({"position": -9, "limit": 1}, 0, "a"),
        ({"position": 9}, 9, ""),
        ({"limit": 0}, 0, ""),
        ({"anchor": "c"}, 2, "cde"),
        ({"anchor": "c", "anchorOffset": -1, "position": 4, "limit": 2}, 1, "bc"),
        ({"anchor": "a", "anchorOffset": -5}, 0, "abcde"),
        ({"anchor": "e", "anchorOffset": 3}, 7, ""),
        ({"anchorOffset": 3}, 0, "abcde"),
    ],
)
def test_windows(asked, position, ids):
    arguments = read_arguments({"accountId": "A"} | asked, QueryArguments)
    found = queried(arguments, "abcde", "7", can_calculate_changes=True)
    assert found["ids"] == list(ids)
    assert found["position"] == position
    assert "total" not in found
    assert found.get("limit") == (None if "limit" in asked else DEFAULT_QUERY_LIMIT)


def test_query_at_its_limits():
    ids = [f"M{number}" for number in range(DEFAULT_QUERY_LIMIT + 1)]
    arguments = QueryArguments(account_id="A", limit=DEFAULT_QUERY_LIMIT + 1, calculate_total=True)
    found = queried(arguments, ids, "7", can_calculate_changes=False)
    assert (len(found["ids"]), found["limit"], found["total"]) == (len(ids) - 1, len(ids) - 1, len(ids))
    anchored = QueryArguments(account_id="A", anchor="x")
    assert refused(queried, anchored, ids, "7", can_calculate_changes=False) == "anchorNotFound"
    for wrong in ({"limit": -1}, {"position": 0.5}, {"position": 2**53}, {"filter": []}, {"sort": {}}):
        assert refused(read_arguments, {"accountId": "A"} | wrong, QueryArguments) == "invalidArguments"


def asking(**more):
    return read_arguments({"accountId": "A", "sinceQueryState": "1"} | more, QueryChangesArguments)


def test_query_changes():
    found = query_changed(asking(calculateTotal=True), "nab", "9", created=["n", "m"], touched=["b", "d"])
    assert found == {
        "accountId": "A",
        "oldQueryState": "1",
        "newQueryState": "9",
        "removed": ["b", "d"],
        "added": [{"id": "n", "index": 0}, {"id": "b", "index": 2}],
        "total": 3,
    }
    arguments = {"created": ["n"], "touched": ["b", "d"]}
    assert "total" not in query_changed(asking(maxChanges=4), "nab", "9", **arguments)
    assert refused(query_changed, asking(maxChanges=3), "nab", "9", **arguments) == "tooManyChanges"


RESULTS = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(RESULTS, RESULTS)
def test_a_client_that_follows_has_the_new_results(old, new):
    stayed = [found for found in new if found in old]
    in_place = [found for found in old if found in new] == stayed
    touched = [found for found in old if found not in new or not in_place]
    found = query_changed(
        asking(), new, "9", created=[item for item in new if item not in old], touched=touched
    )
    cached = [item for item in old if item not in found["removed"]]
    for item in found["added"]:
        cached.insert(item["index"], item["id"])
    assert cached == new
