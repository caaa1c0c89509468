"""The frame of /copy. Source: RFC 8620 §5.4. Not here: reading and writing the records of a type.

The destruction of the originals, if it is wanted, is a /set of its own, whose arguments `destruction` gives.
"""

from collections.abc import Iterable, Mapping

import msgspec

from postier.jmap.core.changing import SetArguments
from postier.jmap.core.errors import MethodError, MethodErrorType, SetError
from postier.jmap.core.ids import Id
from postier.jmap.core.limits import CoreLimits


class CopyArguments(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What every /copy takes."""

    from_account_id: Id
    account_id: Id
    create: dict[Id, dict[str, object]]
    if_from_in_state: str | None = None
    if_in_state: str | None = None
    on_success_destroy_original: bool = False
    destroy_from_if_in_state: str | None = None


def check_copy(arguments: CopyArguments, limits: CoreLimits) -> None:
    """Raises MethodError for what no /copy may be."""
    if arguments.from_account_id == arguments.account_id:
        raise MethodError(MethodErrorType.INVALID_ARGUMENTS, "The accounts are the same.")
    if len(arguments.create) > limits.max_objects_in_set:
        raise MethodError(
            MethodErrorType.REQUEST_TOO_LARGE, f"There are over {limits.max_objects_in_set} records."
        )


def check_states(arguments: CopyArguments, from_state: str, state: str) -> None:
    """Raises MethodError if the client wants other states than these, the present ones."""
    if arguments.if_from_in_state not in {None, from_state} or arguments.if_in_state not in {None, state}:
        raise MethodError(MethodErrorType.STATE_MISMATCH)


def copied(
    arguments: CopyArguments,
    created: Mapping[str, object],
    refused: Mapping[str, SetError],
    *,
    old_state: str,
    new_state: str,
) -> dict[str, object]:
    """The response; both maps are by creation id."""
    return {
        "fromAccountId": arguments.from_account_id,
        "accountId": arguments.account_id,
        "oldState": old_state,
        "newState": new_state,
        "created": dict(created) or None,
        "notCreated": dict(refused) or None,
    }


def destruction(arguments: CopyArguments, originals: Iterable[str]) -> SetArguments | None:
    """The implied /set that destroys the originals of what was copied; None if there is nothing to do."""
    doomed = list(dict.fromkeys(originals))
    if not arguments.on_success_destroy_original or not doomed:
        return None
    return SetArguments(
        account_id=arguments.from_account_id,
        if_in_state=arguments.destroy_from_if_in_state,
        destroy=doomed,
    )
