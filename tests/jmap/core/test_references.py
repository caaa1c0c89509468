"""References to results, as RFC 8620 §3.7 resolves them, and the bounds of what they may bring."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.jmap.core import references
from postier.jmap.core.pointers import Budget, PointerError, evaluate
from postier.jmap.core.references import MAX_REFERENCE_STEPS, MAX_REFERENCED_OCTETS
from tests.jmap.core.conversation import responses

FAILED = "invalidResultReference"


def reference(path, result_of="1", name="Core/echo"):
    return {"resultOf": result_of, "name": name, "path": path}


def referred(arguments, first=None):
    """What the second call was given, or the type of its error."""
    name, found, _ = responses([["Core/echo", first or {}, "1"], ["Core/echo", arguments, "2"]])[1]
    return found["type"] if name == "error" else found


def test_the_example_of_the_standard():
    threads = {"list": [{"emailIds": ["a", "b"]}, {"emailIds": ["c"]}, {"emailIds": []}]}
    assert referred({"#ids": reference("/list/*/emailIds"), "x": 1}, threads) == {
        "ids": ["a", "b", "c"],
        "x": 1,
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("", {"a": [[1], [[2]], 3], "b/c": {"~": 4, "*": 5}, "d": [], "": 6}),
        ("/a", [[1], [[2]], 3]),
        ("/a/1/0/0", 2),
        ("/a/*", [1, [2], 3]),
        ("/b~1c/~0", 4),
        ("/b~1c/*", 5),
        ("/d/*/nothing", []),
        ("/", 6),
        ("a", FAILED),
        ("/a/01", FAILED),
        ("/a/-", FAILED),
        ("/a/3", FAILED),
        ("/a/*/0", FAILED),
        ("/a/2/x", FAILED),
        ("/b~2c", FAILED),
        ("/d/" + "9" * 5000, FAILED),
        ("/none", FAILED),
    ],
)
def test_paths(path, value):
    first = {"a": [[1], [[2]], 3], "b/c": {"~": 4, "*": 5}, "d": [], "": 6}
    found = referred({"#x": reference(path)}, first)
    assert found == (value if value == FAILED else {"x": value})


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        1,
        [],
        {},
        {"resultOf": "1", "name": "Core/echo"},
        reference(1),
        reference("", "2"),
        reference("", name="x"),
    ],
)
def test_what_refers_to_nothing(wrong):
    assert referred({"#x": wrong}) == FAILED


def test_an_argument_given_twice():
    assert referred({"#x": reference(""), "x": 1}) == "invalidArguments"


def test_the_first_response_of_an_id_counts():
    calls = [
        ["Core/echo", {"a": 1}, "1"],
        ["Core/echo", {"a": 2}, "1"],
        ["Core/echo", {"#b": reference("/a")}, "2"],
    ]
    assert responses(calls)[2][1] == {"b": 1}


def test_an_error_can_be_referred_to_as_such():
    calls = [["x", {}, "1"], ["Core/echo", {"#b": reference("/type", name="error")}, "2"]]
    assert responses(calls)[1][1] == {"b": "unknownMethod"}


def test_references_do_not_grow_without_end():
    calls = [["Core/echo", {"a": "x" * 1_000_000}, "0"]]
    calls += (
        ["Core/echo", {f"#a{n}": reference("", str(number - 1)) for n in range(10)}, str(number)]
        for number in range(1, 32)
    )
    start = time.process_time()
    found = responses(calls)
    assert time.process_time() - start < 5
    assert [name for name, _, _ in found].count("error") >= 30
    assert (
        sum(len(str(arguments)) for _, arguments, _ in found) < 1_000_100 + 31 * 200 + MAX_REFERENCED_OCTETS
    )


def test_the_octets_at_the_limit(monkeypatch):
    assert references.MAX_REFERENCED_OCTETS == MAX_REFERENCED_OCTETS
    for limit, wanted in ((9, {"x": "1234567"}), (8, FAILED)):  # with its quotation marks
        monkeypatch.setattr(references, "MAX_REFERENCED_OCTETS", limit)
        assert referred({"#x": reference("/a")}, {"a": "1234567"}) == wanted


def test_steps_are_bounded():
    empties = {"a": [[]] * 10_000}
    with pytest.raises(PointerError):
        evaluate(empties, "/a" + "/x" * MAX_REFERENCE_STEPS, Budget(MAX_REFERENCE_STEPS, 1))
    budget = Budget(
        20_000 + 20_000 + 10, 1
    )  # each time 10,000 items and as many arrays, emptied by both stars
    assert evaluate(empties, "/a/*/*", budget) == []
    with pytest.raises(PointerError):
        evaluate(empties, "/a/*/*", budget)


def star(value, tokens):
    """The algorithm in the words of the standard, by recursion."""
    if not tokens:
        return value
    token, rest = tokens[0], tokens[1:]
    if isinstance(value, list) and token == "*":
        mapped = []
        for item in value:
            found = star(item, rest)
            mapped += found if isinstance(found, list) else [found]
        return mapped
    if isinstance(value, dict):
        return star(value[token], rest)
    if isinstance(value, list) and token == "0":
        return star(value[0], rest)
    raise KeyError(token)


VALUES = st.recursive(
    st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("a0*"), inner, max_size=3),
    max_leaves=20,
)


@given(VALUES, st.lists(st.sampled_from("a0**"), max_size=5))
def test_values_are_those_of_the_standard(value, tokens):
    path = "".join(f"/{token}" for token in tokens)
    try:
        wanted = star(value, tokens)
    except (KeyError, IndexError):
        with pytest.raises(PointerError):
            evaluate(value, path, Budget(1000, 1000))
        return
    assert evaluate(value, path, Budget(1000, 1000)) == wanted
