"""The frame of /queryChanges.

Not here: which records match now, and which have changed. Source: RFC 8620 §5.6 (`upToId` may be used or not: RFC 8620 eid6603).
Invariant: a client that takes `removed` out of the old results and then puts `added` in has the new results.
"""

from collections.abc import Collection, Sequence

import msgspec

from postier.jmap.core.errors import MethodError, MethodErrorType
from postier.jmap.core.ids import Id, UnsignedInt


class QueryChangesArguments(
    msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True
):
    """What every /queryChanges takes; a type with more of them derives from this."""

    account_id: Id
    since_query_state: str
    filter: dict[str, object] | None = None
    sort: list[dict[str, object]] | None = None
    max_changes: UnsignedInt | None = None
    up_to_id: Id | None = None
    calculate_total: bool = False


def query_changed(
    arguments: QueryChangesArguments,
    ids: Sequence[str],
    new_state: str,
    *,
    created: Collection[str],
    touched: Collection[str],
) -> dict[str, object]:
    """The response. Raises MethodError when there are more changes than the client takes.

    `ids` are all results of now, in order. `created` are the records made since, which were in no result; `touched` those from
    before that may have left the results, come into them, or moved within them, destroyed ones among them.
    """
    removed = list(dict.fromkeys(touched))
    fresh = {*removed, *created}
    added = [{"id": found, "index": index} for index, found in enumerate(ids) if found in fresh]
    if arguments.max_changes is not None and len(removed) + len(added) > arguments.max_changes:
        raise MethodError(MethodErrorType.TOO_MANY_CHANGES)
    response: dict[str, object] = {
        "accountId": arguments.account_id,
        "oldQueryState": arguments.since_query_state,
        "newQueryState": new_state,
        "removed": removed,
        "added": added,
    }
    if arguments.calculate_total:
        response["total"] = len(ids)
    return response
