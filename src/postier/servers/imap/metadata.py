"""GETMETADATA and SETMETADATA, and what LIST returns of it.

Not here: the rows (`mailbox.annotations`). Source: RFC 5464; RFC 9590. Invariant: changes by others are told with names alone,
and only to a client that enabled it.
"""

from collections.abc import Iterable

import msgspec

from postier.imap.commands.metadata import Depth, GetMetadata, SetMetadata
from postier.imap.filters import check_filter, is_filter
from postier.imap.metadata_responses import (
    METADATA_TOOMANY,
    metadata_changed_line,
    metadata_line,
    metadata_long_entries,
    metadata_max_size,
)
from postier.imap.refusals import PeerError, no
from postier.imap.rights import Right
from postier.mailbox.annotations import (
    EVERYBODY,
    MAX_VALUE_BYTES,
    AnnotationChange,
    AnnotationTooLargeError,
    TooManyAnnotationsError,
    Values,
    annotate,
    annotate_server,
    annotation_changes,
    annotations_of,
    server_annotations,
    shared_modseq,
)
from postier.mailbox.rights import Place, enter, no_permission
from postier.servers.imap.connection import Connection, Done
from postier.store.changes import account_modseq
from postier.store.transaction import ReadTx, StoreError, WriteTx

_ADMIN = "/shared/admin"
_ANNOTATING = frozenset([Right.READ, Right.SEEN, Right.WRITE, Right.INSERT, Right.POST])


class Seen(msgspec.Struct, frozen=True):
    """Up to where the client knows of changes: the account's modseq, and that of what all share."""

    modseq: int
    shared_modseq: int


async def get_metadata(connection: Connection, command: GetMetadata) -> Done:
    """GETMETADATA."""
    if command.mailbox:
        found = await connection.store.read(_of_mailbox, connection.account_id, command.mailbox)
    else:
        found = await connection.store.read(server_annotations, connection.account_id)
        found[_ADMIN] = f"mailto:postmaster@{connection.owner.settings.hostname}".encode()
    values = chosen(found, command.entries, command.depth)
    limit = command.max_bytes
    longest = max([len(value) for _, value in values if value is not None], default=0)
    if limit is not None:
        values = [(entry, value) for entry, value in values if value is None or len(value) <= limit]
    if values:
        connection.send(metadata_line(command.mailbox, values, utf8=connection.session.utf8))
    if limit is not None and longest > limit:
        return Done("GETMETADATA completed", metadata_long_entries(longest))
    return Done("GETMETADATA completed")


async def set_metadata(connection: Connection, command: SetMetadata) -> Done:
    """SETMETADATA."""
    for entry, value in command.values:
        if value is not None and not command.mailbox and is_filter(entry):
            _check_filter(entry, value)
    try:
        changes, seen = await connection.store.write(
            _set, connection.account_id, command.mailbox, command.values, connection.metadata_seen
        )
    except AnnotationTooLargeError as refusal:
        raise no(str(refusal), metadata_max_size(MAX_VALUE_BYTES)) from None
    except TooManyAnnotationsError as refusal:
        raise no(str(refusal), METADATA_TOOMANY) from None
    _tell(connection, changes)
    connection.metadata_seen = seen
    return Done("SETMETADATA completed")


def _check_filter(entry: str, value: bytes) -> None:
    try:
        check_filter(value)
    except PeerError as fault:  # RFC 5466 §3.2
        raise no(f"{entry} is no search: {fault.text}") from None


def chosen(
    found: dict[str, bytes], entries: Iterable[str], depth: Depth = Depth.NOTHING
) -> list[tuple[str, bytes | None]]:
    """The entries that are asked for; an entry by its own name has no value if it is not there."""
    values: dict[str, bytes | None] = {}
    for entry in entries:
        if depth is Depth.NOTHING or entry in found:
            values[entry] = found.get(entry)
        if depth is Depth.NOTHING:
            continue
        for name, value in found.items():
            below = name.removeprefix(entry + "/")
            if below != name and (depth is Depth.ALL or "/" not in below):
                values[name] = value
    return [*values.items()]


async def tell_changes(connection: Connection) -> None:
    """At the end of a command: what others changed, to a client that enabled METADATA (RFC 5464 §4.4.2)."""
    account_id = connection.account_id
    try:
        changes, seen = await connection.store.read(_changes, account_id, connection.metadata_seen)
    except StoreError:
        return  # it is told at the end of a later command
    _tell(connection, changes)
    connection.metadata_seen = seen


def _tell(connection: Connection, changes: list[AnnotationChange]) -> None:
    if connection.session.tells_metadata:
        for change in changes:
            connection.send(
                metadata_changed_line(change.mailbox, change.entries, utf8=connection.session.utf8)
            )


def _changes(tx: ReadTx, account_id: int, seen: Seen | None) -> tuple[list[AnnotationChange], Seen]:
    """What happened after `seen`, and what is seen now; nothing before the first look."""
    now = Seen(account_modseq(tx, account_id), shared_modseq(tx))
    if seen is None or now == seen:
        return [], now
    changes = annotation_changes(tx, account_id, account_id, seen.modseq)
    if now.shared_modseq > seen.shared_modseq:
        changes += annotation_changes(tx, EVERYBODY, EVERYBODY, seen.shared_modseq)
    return changes, now


def _of_mailbox(tx: ReadTx, account_id: int, name: str) -> dict[str, bytes]:
    place = _place(tx, account_id, name)
    return annotations_of(tx, place.account_id, place.mailbox_id, account_id)


def _set(
    tx: WriteTx, account_id: int, name: str, values: Values, seen: Seen | None
) -> tuple[list[AnnotationChange], Seen]:
    """What others changed before, and what is seen with the change itself."""
    changes, _ = _changes(tx, account_id, seen)
    if name:
        place = _place(tx, account_id, name)
        if any(entry.startswith("/shared/") for entry, _ in values):
            place.require(Right.WRITE)
        annotate(tx, place.account_id, place.mailbox_id, account_id, values)
    else:
        annotate_server(tx, account_id, values)
    return changes, Seen(account_modseq(tx, account_id), shared_modseq(tx))


def _place(tx: ReadTx, account_id: int, name: str) -> Place:
    """The mailbox, if one sees it and may do something with its messages (RFC 5464 §3.3)."""
    place = enter(tx, account_id, name, actor_id=account_id, right=Right.LOOKUP)
    if not place.rights & _ANNOTATING:
        raise no_permission()
    return place
