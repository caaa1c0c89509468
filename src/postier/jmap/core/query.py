"""The frame of /query.

Not here: which records match, and in which order. Source: RFC 8620 §5.5 (`position` of an empty answer: RFC 8620 eid6605).
"""

from collections.abc import Collection, Sequence
from typing import TypeVar

import msgspec

from postier.jmap.core.errors import MethodError, MethodErrorType
from postier.jmap.core.ids import Id, Int, UnsignedInt

DEFAULT_QUERY_LIMIT = 10_000  # ids of one response, if the client names no number or a larger one
MAX_COMPARATORS = 20


class Comparator(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """One key of an order; a type with more properties of it derives from this."""

    property: str
    is_ascending: bool = True
    collation: str | None = None


class QueryArguments(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What every /query takes; a type with more of them, or with its own comparators, derives from this."""

    account_id: Id
    filter: dict[str, object] | None = None
    sort: list[dict[str, object]] | None = None
    position: Int = 0
    anchor: Id | None = None
    anchor_offset: Int = 0
    limit: UnsignedInt | None = None
    calculate_total: bool = False


K = TypeVar("K", bound=Comparator)


def read_sort(
    value: list[dict[str, object]] | None,
    kind: type[K],
    properties: Collection[str],
    collations: Collection[str],
) -> list[K]:
    """The order that is wanted, its keys as `kind`. Raises MethodError for properties and collations that are not known."""
    try:
        keys = [msgspec.convert(key, kind) for key in value or ()]
    except msgspec.ValidationError as error:
        raise MethodError(MethodErrorType.INVALID_ARGUMENTS, f"Sort: {error}.") from None
    if len(keys) > MAX_COMPARATORS:
        raise MethodError(MethodErrorType.UNSUPPORTED_SORT, f"The sort has over {MAX_COMPARATORS} keys.")
    for key in keys:
        if key.property not in properties or (key.collation is not None and key.collation not in collations):
            raise MethodError(MethodErrorType.UNSUPPORTED_SORT)
    return keys


def queried(
    arguments: QueryArguments, ids: Sequence[str], state: str, *, can_calculate_changes: bool
) -> dict[str, object]:
    """The response; `ids` are all results in order, of which the wanted part is given. Raises MethodError."""
    limit = DEFAULT_QUERY_LIMIT if arguments.limit is None else min(arguments.limit, DEFAULT_QUERY_LIMIT)
    start = _start(arguments, ids)
    response: dict[str, object] = {
        "accountId": arguments.account_id,
        "queryState": state,
        "canCalculateChanges": can_calculate_changes,
        "position": start,
        "ids": list(ids[start : start + limit]),
    }
    if arguments.calculate_total:
        response["total"] = len(ids)
    if limit != arguments.limit:
        response["limit"] = limit
    return response


def _start(arguments: QueryArguments, ids: Sequence[str]) -> int:
    if arguments.anchor is not None:
        try:
            return max(0, ids.index(arguments.anchor) + arguments.anchor_offset)
        except ValueError:
            raise MethodError(MethodErrorType.ANCHOR_NOT_FOUND) from None
    if arguments.position < 0:
        return max(0, len(ids) + arguments.position)
    return arguments.position
