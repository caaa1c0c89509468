"""The frames of /get, /changes, /set and /copy: arguments, limits, and responses."""

import json

import msgspec
import pytest

from postier.jmap.core.accounts import Account, choose, choose_source
from postier.jmap.core.arguments import read_arguments
from postier.jmap.core.changes import (
    DEFAULT_CHANGES_LIMIT,
    ChangesArguments,
    changed,
    modseq_of,
    most_changes,
    state_of,
)
from postier.jmap.core.changing import Changing, SetArguments
from postier.jmap.core.copying import CopyArguments, check_copy, check_states, copied, destruction
from postier.jmap.core.creations import CreatedIds
from postier.jmap.core.errors import MethodError, SetErrorType, invalid_properties, set_error
from postier.jmap.core.get import GetArguments, got, wanted_ids, wanted_properties
from postier.jmap.core.ids import MAX_ID_CHARACTERS, MAX_SAFE_INTEGER
from postier.jmap.core.limits import CoreLimits

SMALL = CoreLimits(max_objects_in_get=2, max_objects_in_set=3)


def refused(function, *arguments, **named):
    with pytest.raises(MethodError) as error:
        function(*arguments, **named)
    return error.value.arguments()["type"]


def plain(value):
    return json.loads(msgspec.json.encode(value))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"accountId": None},
        {"accountId": ""},
        {"accountId": "a b"},
        {"accountId": "a\n"},
        {"accountId": "x" * (MAX_ID_CHARACTERS + 1)},
        {"accountId": "A", "more": 1},
        {"accountId": "A", "ids": "M1"},
        {"accountId": "A", "ids": [None]},
        {"accountId": "A", "ids": ["##a"]},
        {"accountId": "A", "properties": [1]},
    ],
)
def test_arguments_of_get(wrong):
    assert refused(read_arguments, wrong, GetArguments) == "invalidArguments"
    assert read_arguments({"accountId": "x" * MAX_ID_CHARACTERS}, GetArguments).ids is None


def test_get():
    arguments = read_arguments({"accountId": "A", "ids": ["M2", "M9", "M2"]}, GetArguments)
    wanted = wanted_ids(arguments, SMALL)
    assert wanted == ["M2", "M9"]
    assert got(arguments, wanted, {"M2": {"id": "M2"}}, "7", SMALL) == {
        "accountId": "A",
        "state": "7",
        "list": [{"id": "M2"}],
        "notFound": ["M9"],
    }


def test_get_at_its_limit():
    arguments = GetArguments(account_id="A", ids=["a", "b", "c"])
    assert refused(wanted_ids, arguments, SMALL) == "requestTooLarge"
    everything = GetArguments(account_id="A")
    assert wanted_ids(everything, SMALL) is None
    assert len(got(everything, None, {"a": 1, "b": 2}, "7", SMALL)["list"]) == 2
    assert refused(got, everything, None, {"a": 1, "b": 2, "c": 3}, "7", SMALL) == "requestTooLarge"


def test_properties():
    known = ["id", "name", "size"]
    assert wanted_properties(GetArguments(account_id="A"), known) == known
    assert wanted_properties(GetArguments(account_id="A"), known, ["size"]) == ["id", "size"]
    assert wanted_properties(GetArguments(account_id="A", properties=["size", "size"]), known) == [
        "id",
        "size",
    ]
    assert (
        refused(wanted_properties, GetArguments(account_id="A", properties=["x"]), known)
        == "invalidArguments"
    )


def test_states():
    assert modseq_of(state_of(12), 12) == 12
    for wrong in ("13", "-1", "01", "1 ", "", "x", "1" * 40, "\u0661"):
        assert refused(modseq_of, wrong, 12) == "cannotCalculateChanges"


@pytest.mark.parametrize("most", [0, -1, 1.5, "1", MAX_SAFE_INTEGER + 1])
def test_changes_that_are_asked_for_wrongly(most):
    asked = {"accountId": "A", "sinceState": "1", "maxChanges": most}
    assert refused(read_arguments, asked, ChangesArguments) == "invalidArguments"


def test_changes():
    arguments = read_arguments({"accountId": "A", "sinceState": "1", "maxChanges": 5}, ChangesArguments)
    assert most_changes(arguments) == 5
    for number in (None, DEFAULT_CHANGES_LIMIT + 1):
        asked = ChangesArguments(account_id="A", since_state="1", max_changes=number)
        assert most_changes(asked) == DEFAULT_CHANGES_LIMIT
    found = changed(
        arguments, ["n", "nu", "nd"], ["nu", "u", "u", "ud"], ["nd", "ud", "d"], new_state="9", has_more=False
    )
    assert found == {
        "accountId": "A",
        "oldState": "1",
        "newState": "9",
        "hasMoreChanges": False,
        "created": ["n", "nu"],
        "updated": ["u"],
        "destroyed": ["ud", "d"],
    }


def changing(created=None, limits=SMALL, **arguments):
    read = read_arguments({"accountId": "A"} | arguments, SetArguments)
    return Changing(read, created or CreatedIds(), limits)


def test_set_with_everything():
    limits, created = CoreLimits(), CreatedIds({"old": "M5"})
    running = changing(
        created,
        limits,
        create={"a": {"parentId": "#b"}, "b": {}, "c": {}},
        update={"M1": {"x": 1}, "#b": {"y": 2}, "#c": {}, "M2": {}, "M11": {}},
        destroy=["M2", "M2", "#old", "#none"],
    )
    assert [name for name, _ in running.creations(["parentId"])] == ["b", "c", "a"]
    running.has_created("b", "M11", {"size": 0})
    running.refuse_creation("c", invalid_properties(["name"], "Too long."))
    running.has_created("a", "M12", {})
    assert running.updates() == [("M1", {"x": 1}), ("M11", {"y": 2})]
    running.has_updated("M1", {"z": 3})
    running.has_updated("M11")
    assert running.destructions() == ["M2", "M5"]
    running.has_destroyed("M2")
    running.refuse_destruction("M5", set_error(SetErrorType.FORBIDDEN))
    assert created.ids == {"old": "M5", "a": "M12", "b": "M11"}
    assert plain(running.response("1", "2")) == {
        "accountId": "A",
        "oldState": "1",
        "newState": "2",
        "created": {"b": {"id": "M11", "size": 0}, "a": {"id": "M12"}},
        "updated": {"M1": {"z": 3}, "M11": None},
        "destroyed": ["M2"],
        "notCreated": {
            "c": {"type": "invalidProperties", "description": "Too long.", "properties": ["name"]}
        },
        "notUpdated": {
            "#c": {"type": "notFound"},
            "M2": {"type": "willDestroy"},
            "M11": {"type": "invalidPatch", "description": "It is patched twice."},
        },
        "notDestroyed": {"#none": {"type": "notFound"}, "M5": {"type": "forbidden"}},
    }


def test_set_with_nothing():
    running = changing()
    assert (running.creations(), running.updates(), running.destructions()) == ([], [], [])
    found = running.response("1", "1")
    assert {name for name, value in found.items() if value is not None} == {
        "accountId",
        "oldState",
        "newState",
    }


def test_set_at_its_limits():
    changing(create={"a": {}}, update={"b": {}}, destroy=["c"])
    assert refused(changing, create={"a": {}}, update={"b": {}}, destroy=["c", "d"]) == "requestTooLarge"
    changing().check_state("7")
    changing(ifInState="7").check_state("7")
    assert refused(changing(ifInState="6").check_state, "7") == "stateMismatch"
    for wrong in ({"create": {"a b": {}}}, {"create": {"a": 1}}, {"update": {"": {}}}, {"destroy": {}}):
        assert refused(changing, **wrong) == "invalidArguments"


def copying(**more):
    return read_arguments(
        {"fromAccountId": "x", "accountId": "y", "create": {"k": {"id": "a"}}} | more, CopyArguments
    )


def test_copy():
    check_copy(copying(), SMALL)
    assert refused(check_copy, copying(accountId="x"), SMALL) == "invalidArguments"
    assert refused(check_copy, copying(create={f"k{n}": {} for n in range(4)}), SMALL) == "requestTooLarge"
    check_states(copying(ifFromInState="1", ifInState="2"), "1", "2")
    assert refused(check_states, copying(ifFromInState="2"), "1", "2") == "stateMismatch"
    assert refused(check_states, copying(ifInState="1"), "1", "2") == "stateMismatch"
    error = set_error(SetErrorType.NOT_FOUND)
    assert plain(copied(copying(), {"k": {"id": "b"}}, {"l": error}, old_state="2", new_state="3")) == {
        "fromAccountId": "x",
        "accountId": "y",
        "oldState": "2",
        "newState": "3",
        "created": {"k": {"id": "b"}},
        "notCreated": {"l": {"type": "notFound"}},
    }


def test_the_destruction_that_a_copy_implies():
    assert destruction(copying(), ["a"]) is None
    moving = copying(onSuccessDestroyOriginal=True, destroyFromIfInState="1")
    assert destruction(moving, []) is None
    assert destruction(moving, ["a", "a"]) == SetArguments(account_id="x", if_in_state="1", destroy=["a"])


def test_accounts():
    mail = "urn:ietf:params:jmap:mail"
    account = Account(1, "a@alpha.test", True, False, frozenset({mail}))
    accounts = {"a": account, "r": msgspec.structs.replace(account, is_read_only=True)}
    assert choose(accounts, "a", mail, to_write=True) is account
    assert refused(choose, accounts, "b", mail) == "accountNotFound"
    assert refused(choose, accounts, "a", "x") == "accountNotSupportedByMethod"
    assert refused(choose, accounts, "r", mail, to_write=True) == "accountReadOnly"
    assert choose_source(accounts, "r", mail).is_read_only
    assert refused(choose_source, accounts, "b", mail) == "fromAccountNotFound"
    assert refused(choose_source, accounts, "a", "x") == "fromAccountNotSupportedByMethod"
