"""Patches: the restrictions of RFC 8620 §5.3, and that nothing given is changed."""

import copy
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.jmap.core.patches import MAX_PATCHES, InvalidPatchError, patched

RECORD = {"name": "a", "keywords": {"x": True, "y/~": True}, "list": [{"n": 1}], "deep": {"a": {"b": {}}}}


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ({}, {}),
        ({"name": "b", "new": 1}, {"name": "b", "new": 1}),
        ({"keywords/z": True, "keywords/x": None}, {"keywords": {"y/~": True, "z": True}}),
        ({"keywords/y~1~0": None, "keywords/none": None}, {"keywords": {"x": True}}),
        ({"list": []}, {"list": []}),
        ({"deep/a/b/c": 1, "deep/a/d": 2, "deep/e": 3}, {"deep": {"a": {"b": {"c": 1}, "d": 2}, "e": 3}}),
        ({"keywords": None, "deep": None}, {"keywords": {}, "deep": ...}),
    ],
)
def test_patches(patch, changed):
    given_ = copy.deepcopy(RECORD)
    wanted = {name: value for name, value in (RECORD | changed).items() if value is not ...}
    assert patched(given_, patch, {"keywords": {}}) == wanted
    assert given_ == RECORD


@pytest.mark.parametrize(
    "patch",
    [
        {"list/0": 1},
        {"list/0/n": 1},
        {"list/-": 1},
        {"none/a": 1},
        {"none/a": None},
        {"name/a": 1},
        {"deep/a": {}, "deep/a/b/c": 1},
        {"deep": {}, "deep/a": 1},
        {"deep/a": 1, "deep/a!": 1, "deep/a/b": 1},
        {"keywords/~": True},
        {"keywords/~2": True},
    ],
)
def test_what_is_no_patch(patch):
    given_ = copy.deepcopy(RECORD)
    with pytest.raises(InvalidPatchError):
        patched(given_, patch, {})
    assert given_ == RECORD


def test_the_number_of_patches_at_its_edge():
    patch = {f"keywords/{number}": True for number in range(MAX_PATCHES)}
    assert len(patched(RECORD, patch, {})["keywords"]) == MAX_PATCHES + 2
    with pytest.raises(InvalidPatchError):
        patched(RECORD, patch | {"name": "b"}, {})


def test_a_patch_of_deep_paths_takes_linear_time():
    start = time.process_time()
    with pytest.raises(InvalidPatchError):
        patched(RECORD, {"a" + "/a" * 200_000: 1, "b" + "/a" * 200_000: 1}, {})
    assert time.process_time() - start < 2


VALUES = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from(["a", "b", "~", "/"]), inner), max_leaves=8
)


@given(st.dictionaries(st.text(max_size=3), VALUES), st.dictionaries(st.text(max_size=3), VALUES))
def test_a_whole_record_is_a_patch(record, other):
    patch = {name.replace("~", "~0").replace("/", "~1"): value for name, value in other.items()}
    assert patched(record, patch, {}) == record | other


@given(
    VALUES.filter(lambda value: isinstance(value, dict)),
    st.dictionaries(st.text("ab/~01", max_size=6), VALUES | st.none()),
)
def test_any_patch_gives_a_record_or_the_error(record, patch):
    before = copy.deepcopy(record)
    with suppress(InvalidPatchError):
        patched(record, patch, {"a": 0})
    assert record == before
