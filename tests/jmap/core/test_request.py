"""Any octets give a request or a problem; each problem is the one that RFC 8620 §3.6.1 names."""

import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postier.jmap.core.i_json import MAX_DEPTH
from postier.jmap.core.limits import CoreLimits
from postier.jmap.core.problems import Problem, ProblemType, over_limit
from postier.jmap.core.processing import CORE
from postier.jmap.core.request import MAX_CAPABILITIES, Request, read_request
from tests.jmap.core.conversation import CAPABILITIES, LIMITS, MAIL, ask

EMPTY = {"using": [CORE], "methodCalls": []}


def problem(octets, content_type="application/json", limits=LIMITS):
    found = read_request(octets, content_type, CAPABILITIES, limits)
    assert isinstance(found, Problem), found
    return found


def changed(**more):
    return json.dumps(EMPTY | more).encode()


def test_a_request_is_read():
    found = read_request(
        changed(methodCalls=[["Core/echo", {"a": 1}, "c"]], createdIds={"k": "M1"}, unknown=[1]),
        "Application/JSON; charset=utf-8",
        CAPABILITIES,
        LIMITS,
    )
    assert isinstance(found, Request)
    assert found.method_calls[0].arguments == {"a": 1}
    assert found.created_ids == {"k": "M1"}


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"{",
        b"\xff",
        b'{"using": [], "using": [], "methodCalls": []}',
        b'{"using": [], "methodCalls": [["Core/echo", {"a": NaN}, "c"]]}',
        b'{"using": [], "methodCalls": [["Core/echo", {"a": 1, "\\u0061": 2}, "c"]]}',
        b'{"using": [], "methodCalls": [["Core/echo", {"a": 1e999}, "c"]]}',
        b'{"using": [], "methodCalls": [["Core/echo", {"a": "\\ud800"}, "c"]]}',
        b'{"using": [], "methodCalls": [["Core/echo", {"\\udfff": ""}, "c"]]}',
        b'{"using": [], "methodCalls": [["Core/echo", {"a": "\\uFFFE"}, "c"]]}',
        '{"using": [], "methodCalls": [["Core/echo", {"a": "\U0010ffff"}, "c"]]}'.encode(),
        '{"using": [], "methodCalls": [["Core/echo", {"a": "\ufdd0"}, "c"]]}'.encode(),
        b"[" * 100_000,
    ],
)
def test_what_is_not_i_json(octets):
    assert problem(octets).type is ProblemType.NOT_JSON


def test_characters_of_all_kinds_are_echoed():
    text = "\u0000\ue000é\U0001f600\ufdcf\ufdf0\ufffd"
    body = {"using": [CORE], "methodCalls": [["Core/echo", {"a": text}, "c"]]}
    assert ask(json.dumps(body).encode())["methodResponses"] == body["methodCalls"]
    assert ask(msgspec.json.encode(body))["methodResponses"] == body["methodCalls"]


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/jsonp", "application/json,text/plain"]
)
def test_another_content_type(content_type):
    assert problem(changed(), content_type).type is ProblemType.NOT_JSON


@pytest.mark.parametrize(
    "value",
    [
        [],
        1,
        None,
        {},
        {"using": []},
        EMPTY | {"using": None},
        EMPTY | {"using": [1]},
        EMPTY | {"using": [CORE] * (MAX_CAPABILITIES + 1)},
        EMPTY | {"methodCalls": {}},
        EMPTY | {"methodCalls": [["Core/echo", {}]]},
        EMPTY | {"methodCalls": [["Core/echo", {}, "c", "d"]]},
        EMPTY | {"methodCalls": [["Core/echo", [], "c"]]},
        EMPTY | {"methodCalls": [[None, {}, "c"]]},
        EMPTY | {"createdIds": None},
        EMPTY | {"createdIds": {"a b": "M1"}},
        EMPTY | {"createdIds": {"k": 1}},
        EMPTY | {"createdIds": {"k": "x" * 256}},
        EMPTY | {"createdIds": {"k": "x\n"}},
    ],
)
def test_what_is_not_a_request(value):
    assert problem(json.dumps(value).encode()).type is ProblemType.NOT_REQUEST


def test_the_limits_at_their_edges():
    limits = CoreLimits(max_size_request=len(changed()), max_calls_in_request=2)
    assert isinstance(read_request(changed(), "application/json", CAPABILITIES, limits), Request)
    assert problem(changed() + b" ", limits=limits) == over_limit("maxSizeRequest")
    limits = CoreLimits(max_calls_in_request=2)
    calls = [["Core/echo", {}, "c"]] * 3
    assert problem(changed(methodCalls=calls), limits=limits) == over_limit("maxCallsInRequest")
    assert isinstance(
        read_request(changed(methodCalls=calls[:2]), "application/json", CAPABILITIES, limits), Request
    )
    assert isinstance(
        read_request(changed(using=[CORE] * MAX_CAPABILITIES), "application/json", CAPABILITIES, LIMITS),
        Request,
    )
    nested = b'{"using": [], "methodCalls": [], "x": %b%b}'
    depth = MAX_DEPTH - 1
    assert isinstance(
        read_request(nested % (b"[" * depth, b"]" * depth), "application/json", CAPABILITIES, LIMITS), Request
    )
    depth += 1
    assert problem(nested % (b"[" * depth, b"]" * depth)).type is ProblemType.NOT_JSON


def test_a_capability_that_is_not_known():
    found = problem(changed(using=[CORE, "urn:x"]))
    assert found.type is ProblemType.UNKNOWN_CAPABILITY
    assert "urn:x" in found.detail


def test_the_documents():
    assert json.loads(msgspec.json.encode(over_limit("maxSizeRequest"))) == {
        "type": "urn:ietf:params:jmap:error:limit",
        "status": 400,
        "detail": "The request is over the limit maxSizeRequest.",
        "limit": "maxSizeRequest",
    }
    assert "limit" not in json.loads(msgspec.json.encode(problem(b"")))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
POINTERS = st.lists(st.sampled_from(["", "*", "a", "0", "~", "~01"]), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
REFERENCES = JSON | st.fixed_dictionaries(
    {"resultOf": st.sampled_from("cd"), "name": st.just("Core/echo"), "path": JSON | POINTERS}
)
CALLS = st.tuples(
    st.sampled_from(["Core/echo", "x"]),
    st.dictionaries(st.sampled_from(["a", "#a", "#b", "#"]), REFERENCES, max_size=3),
    st.sampled_from("cd"),
)
REQUESTS = st.fixed_dictionaries({"using": st.just([CORE, MAIL]), "methodCalls": st.lists(CALLS, max_size=5)})


@given(st.binary())
@example(b"\xef\xbb\xbf{}")
def test_any_octets_give_a_problem_or_a_response(octets):
    assert isinstance(ask(octets), Problem | dict)


@given(JSON | REQUESTS)
def test_any_json_gives_a_problem_or_a_response(value):
    found = ask(json.dumps(value).encode())
    assert isinstance(found, Problem | dict)
    if isinstance(found, dict):
        assert [response[2] for response in found["methodResponses"]] == [
            call[2] for call in value["methodCalls"]
        ]
