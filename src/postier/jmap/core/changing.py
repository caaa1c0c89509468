"""The frame of /set.

Not here: what a record may hold, and writing it. Source: RFC 8620 §5.3 and RFC 8620 eid6607. Invariants: every
record asked about has one outcome, success or refusal; records are created before they are referred to; what is to be destroyed is not changed first.
"""

from collections.abc import Collection, Mapping

import msgspec

from postier.jmap.core.creations import CreatedIds, in_order
from postier.jmap.core.errors import MethodError, MethodErrorType, SetError, SetErrorType, set_error
from postier.jmap.core.ids import Id, IdOrCreation
from postier.jmap.core.limits import CoreLimits


class SetArguments(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What every /set takes; a type with more of them derives from this."""

    account_id: Id
    if_in_state: str | None = None
    create: dict[Id, dict[str, object]] | None = None
    update: dict[IdOrCreation, dict[str, object]] | None = None
    destroy: list[IdOrCreation] | None = None


class Changing:
    """One /set while it runs: the records still to treat, and what became of the others."""

    def __init__(self, arguments: SetArguments, created_ids: CreatedIds, limits: CoreLimits) -> None:
        """Raises MethodError when there are too many records."""
        asked = sum(len(part or ()) for part in (arguments.create, arguments.update, arguments.destroy))
        if asked > limits.max_objects_in_set:
            raise MethodError(
                MethodErrorType.REQUEST_TOO_LARGE, f"There are over {limits.max_objects_in_set} records."
            )
        self._arguments = arguments
        self._created_ids = created_ids
        self._created: dict[str, object] = {}
        self._updated: dict[str, object] = {}
        self._destroyed: dict[str, None] = {}
        self._refused: dict[str, dict[str, SetError]] = {
            "notCreated": {},
            "notUpdated": {},
            "notDestroyed": {},
        }

    def check_state(self, state: str) -> None:
        """Raises MethodError if the client wants another state than this, the present one."""
        if self._arguments.if_in_state not in {None, state}:
            raise MethodError(MethodErrorType.STATE_MISMATCH)

    def creations(self, references: Collection[str] = ()) -> list[tuple[str, dict[str, object]]]:
        """The records to create, each after those to which its properties `references` refer."""
        given = self._arguments.create or {}
        return [(name, given[name]) for name in in_order(given, references)]

    def updates(self) -> list[tuple[str, dict[str, object]]]:
        """The patches by id, to be asked for when everything is created; names without a record are refused here."""
        doomed = {self._created_ids.resolve(reference) for reference in self._arguments.destroy or ()}
        found: dict[str, dict[str, object]] = {}
        for reference, patch in (self._arguments.update or {}).items():
            record_id = self._created_ids.resolve(reference)
            if record_id is None:
                self.refuse_update(reference, set_error(SetErrorType.NOT_FOUND))
            elif record_id in doomed:
                self.refuse_update(reference, set_error(SetErrorType.WILL_DESTROY))
            elif record_id in found:  # under its id and under its creation id: which came first is not known
                self.refuse_update(reference, set_error(SetErrorType.INVALID_PATCH, "It is patched twice."))
            else:
                found[record_id] = patch
        return list(found.items())

    def destructions(self) -> list[str]:
        """The ids to destroy, each once; names without a record are refused here."""
        found: dict[str, None] = {}
        for reference in self._arguments.destroy or ():
            record_id = self._created_ids.resolve(reference)
            if record_id is None:
                self.refuse_destruction(reference, set_error(SetErrorType.NOT_FOUND))
            else:
                found[record_id] = None
        return list(found)

    def has_created(self, creation_id: str, record_id: str, properties: Mapping[str, object]) -> None:
        """The record is made; `properties` are those that the client did not send."""
        self._created_ids.note(creation_id, record_id)
        self._created[creation_id] = {"id": record_id, **properties}

    def has_updated(self, record_id: str, properties: Mapping[str, object] | None = None) -> None:
        """The record is changed; `properties` are those that changed otherwise than asked."""
        self._updated[record_id] = properties or None

    def has_destroyed(self, record_id: str) -> None:
        """The record is gone."""
        self._destroyed[record_id] = None

    def refuse_creation(self, creation_id: str, error: SetError) -> None:
        """The record is not made."""
        self._refused["notCreated"][creation_id] = error

    def refuse_update(self, record_id: str, error: SetError) -> None:
        """The record is not changed."""
        self._refused["notUpdated"][record_id] = error

    def refuse_destruction(self, record_id: str, error: SetError) -> None:
        """The record stays."""
        self._refused["notDestroyed"][record_id] = error

    def response(self, old_state: str, new_state: str) -> dict[str, object]:
        """What came of it all; a part without records is null."""
        return {
            "accountId": self._arguments.account_id,
            "oldState": old_state,
            "newState": new_state,
            "created": self._created or None,
            "updated": self._updated or None,
            "destroyed": list(self._destroyed) or None,
            **{part: errors or None for part, errors in self._refused.items()},
        }
