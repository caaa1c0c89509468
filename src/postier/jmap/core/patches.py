"""A patch applied to a record.

Not here: which properties a type has, and which values they take. Source: RFC 8620 §5.3, PatchObject. Invariants: the record
given is not changed; a patch is applied as a whole or not at all.
"""

from collections.abc import Mapping
from itertools import pairwise

from postier.jmap.core.pointers import PointerError, read_pointer

MAX_PATCHES = 10_000  # of one record


class InvalidPatchError(ValueError):
    """The SetError "invalidPatch"."""


def patched(
    record: Mapping[str, object], patch: Mapping[str, object], defaults: Mapping[str, object]
) -> dict[str, object]:
    """The record with the patch applied; null sets a property of `defaults` to that value. Raises InvalidPatchError."""
    if len(patch) > MAX_PATCHES:
        raise InvalidPatchError(f"There are over {MAX_PATCHES} patches.")
    found = dict(record)
    fresh: dict[tuple[str, ...], dict[str, object]] = {(): found}
    for path, value in _paths(patch):
        parent = _parent(path, fresh)
        if value is not None:
            parent[path[-1]] = value
        elif len(path) == 1 and path[0] in defaults:
            parent[path[0]] = defaults[path[0]]
        else:
            parent.pop(path[-1], None)  # not there: nothing to do
    return found


def _paths(patch: Mapping[str, object]) -> list[tuple[tuple[str, ...], object]]:
    """The patches by path, in order. Raises InvalidPatchError, if one path begins another."""
    try:
        paths = {tuple(read_pointer(f"/{key}")): value for key, value in patch.items()}
    except PointerError as error:
        raise InvalidPatchError(f"{error}.") from None
    ordered = sorted(paths)
    for first, second in pairwise(ordered):  # what a path begins follows it at once
        if second[: len(first)] == first:
            raise InvalidPatchError("One patch lies within another.")
    return [(path, paths[path]) for path in ordered]


def _parent(path: tuple[str, ...], fresh: dict[tuple[str, ...], dict[str, object]]) -> dict[str, object]:
    """The object that holds the path's last part, a copy that may be changed; `fresh` has the copies made so far."""
    parent = fresh[()]
    for depth in range(1, len(path)):
        key, token = path[:depth], path[depth - 1]
        copied = fresh.get(key)
        if copied is None:
            inner = parent.get(token)
            if not isinstance(inner, dict):  # also an array, which must not be reached into
                raise InvalidPatchError("A patch leads to what is not there, or into an array.")
            copied = fresh[key] = dict(inner)
            parent[token] = copied
        parent = copied
    return parent
