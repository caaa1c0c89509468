"""The frame of /changes, and the strings of states.

Not here: the change log. Source: RFC 8620 §5.2. Invariant: an id stands in one of the three lists at most.
"""

import re
from collections.abc import Collection

import msgspec

from postier.jmap.core.errors import MethodError, MethodErrorType
from postier.jmap.core.ids import Id, PositiveInt

DEFAULT_CHANGES_LIMIT = 5_000  # ids of one response, if the client names no number or a larger one

_STATE = re.compile(r"0|[1-9][0-9]{0,18}")


class ChangesArguments(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What every /changes takes."""

    account_id: Id
    since_state: str
    max_changes: PositiveInt | None = None


def state_of(modseq: int) -> str:
    """The state of an account at that place of its change log."""
    return str(modseq)


def modseq_of(state: str, now: int) -> int:
    """The place in the change log. Raises MethodError for what was never a state up to `now`."""
    if _STATE.fullmatch(state) is None or int(state) > now:
        raise MethodError(
            MethodErrorType.CANNOT_CALCULATE_CHANGES, "This state was not given by this server."
        )
    return int(state)


def most_changes(arguments: ChangesArguments) -> int:
    """How many ids the response may hold."""
    return min(arguments.max_changes or DEFAULT_CHANGES_LIMIT, DEFAULT_CHANGES_LIMIT)


def changed(
    arguments: ChangesArguments,
    created: Collection[str],
    updated: Collection[str],
    destroyed: Collection[str],
    *,
    new_state: str,
    has_more: bool,
) -> dict[str, object]:
    """The response. What was made and destroyed since is left out, what was made and changed is new."""
    made, gone = set(created), set(destroyed)
    return {
        "accountId": arguments.account_id,
        "oldState": arguments.since_state,
        "newState": new_state,
        "hasMoreChanges": has_more,
        "created": [item for item in dict.fromkeys(created) if item not in gone],
        "updated": [item for item in dict.fromkeys(updated) if item not in made and item not in gone],
        "destroyed": [item for item in dict.fromkeys(destroyed) if item not in made],
    }
