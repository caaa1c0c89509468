"""The frame of /get. Source: RFC 8620 §5.1. Not here: reading the records of a type."""

from collections.abc import Collection, Mapping

import msgspec

from postier.jmap.core.errors import MethodError, MethodErrorType
from postier.jmap.core.ids import Id, IdOrCreation
from postier.jmap.core.limits import CoreLimits


class GetArguments(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What every /get takes; a type with more of them derives from this."""

    account_id: Id
    ids: list[IdOrCreation] | None = None
    properties: list[str] | None = None


def wanted_ids(arguments: GetArguments, limits: CoreLimits) -> list[str] | None:
    """The ids without repetition; None for all. Raises MethodError."""
    if arguments.ids is None:
        return None
    wanted = list(dict.fromkeys(arguments.ids))
    if len(wanted) > limits.max_objects_in_get:
        raise _too_large(limits)
    return wanted


def wanted_properties(
    arguments: GetArguments, known: Collection[str], default: Collection[str] | None = None
) -> list[str]:
    """The properties to give, always with "id". Raises MethodError for one that the type does not have."""
    if arguments.properties is None:
        return list(dict.fromkeys(["id", *(known if default is None else default)]))
    for name in arguments.properties:
        if name not in known:
            raise MethodError(MethodErrorType.INVALID_ARGUMENTS, f"There is no property {name[:200]!r}.")
    return list(dict.fromkeys(["id", *arguments.properties]))


def got(
    arguments: GetArguments,
    wanted: list[str] | None,
    records: Mapping[str, object],
    state: str,
    limits: CoreLimits,
) -> dict[str, object]:
    """The response; `records` are those found, by id, of which none may be more than `wanted`. Raises MethodError."""
    if (
        wanted is None and len(records) > limits.max_objects_in_get
    ):  # RFC 8620 §5.1: all, if that is not too many
        raise _too_large(limits)
    order = list(records) if wanted is None else wanted
    return {
        "accountId": arguments.account_id,
        "state": state,
        "list": [records[record_id] for record_id in order if record_id in records],
        "notFound": [record_id for record_id in order if record_id not in records],
    }


def _too_large(limits: CoreLimits) -> MethodError:
    return MethodError(
        MethodErrorType.REQUEST_TOO_LARGE, f"There are over {limits.max_objects_in_get} records."
    )
