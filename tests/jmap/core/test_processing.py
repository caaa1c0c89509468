"""Calls in order, each with its responses or its error, and nothing that ends the others."""

import json

import pytest

from postier.jmap.core.errors import MethodError, MethodErrorType
from postier.jmap.core.processing import CORE
from tests.jmap.core.conversation import MAIL, ask, responses


def test_echo():
    call = ["Core/echo", {"hello": True, "high": 5}, "b3ff"]
    assert responses([call], using=[CORE]) == [call]
    assert responses([call], using=[MAIL]) == [["error", {"type": "unknownMethod"}, "b3ff"]]


def test_a_failure_stands_in_its_place():
    def fail(call):
        raise MethodError(MethodErrorType.FORBIDDEN, "Not yours.")

    def two(call):
        return [("Foo/copy", {"a": call.arguments["a"]}), ("Foo/set", {})]

    assert responses(
        [["Foo/copy", {"a": 1}, "1"], ["Foo/fail", {}, "2"], ["Foo/none", {}, "3"], ["Core/echo", {}, "4"]],
        {"Foo/copy": two, "Foo/fail": fail},
    ) == [
        ["Foo/copy", {"a": 1}, "1"],
        ["Foo/set", {}, "1"],
        ["error", {"type": "forbidden", "description": "Not yours."}, "2"],
        ["error", {"type": "unknownMethod"}, "3"],
        ["Core/echo", {}, "4"],
    ]


def test_a_method_of_a_capability_that_is_not_used_is_unknown():
    found = responses([["Foo/get", {}, "1"]], {"Foo/get": lambda call: [("Foo/get", {})]}, using=[CORE])
    assert found == [["error", {"type": "unknownMethod"}, "1"]]


@pytest.mark.parametrize("given", [None, {}, {"old": "M1", "k": "M2"}])
def test_creation_ids_are_told_if_given(given):
    def make(call):
        call.created_ids.note("k", "M3")
        return [("Foo/set", {"seen": call.created_ids.resolve("#k")})]

    body = {"using": [MAIL], "methodCalls": [["Foo/set", {}, "1"]], "future": True}
    found = ask(
        json.dumps(body | ({} if given is None else {"createdIds": given})).encode(), {"Foo/set": make}
    )
    assert found["methodResponses"] == [["Foo/set", {"seen": "M3"}, "1"]]
    assert found["sessionState"] == "s1"
    assert found.get("createdIds") == (None if given is None else given | {"k": "M3"})
