"""Filing what APPEND brought: the complete commands of a pipeline in one write, with how each of them ended.

Not here: how the messages come in (`append`), the rows (`mailbox.filing`). Source: RFC 9051 §6.3.12, §7.1 (APPENDUID). Invariants:
a command's messages are filed together or not at all; one command that is refused takes nothing from the others.
"""

import msgspec

from postier.imap.commands.append import Begin
from postier.imap.refusals import no
from postier.imap.responses import (
    INUSE,
    NONEXISTENT,
    TRYCREATE,
    UNAVAILABLE,
    ResponseCode,
    Status,
    append_uid,
    untagged_ok,
)
from postier.imap.rights import Right
from postier.mailbox import ledger
from postier.mailbox.expunge import expunge_uids
from postier.mailbox.filing import Filed, Letter, file_messages
from postier.mailbox.refusals import MailboxRefusedError, Refusal
from postier.mailbox.rights import NAMESPACES, Place
from postier.mime.index import MessageIndex
from postier.mta.sieving.events import Cause
from postier.mta.sieving.pending_events import Watch, write_down
from postier.servers.imap import events
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.transfer import target
from postier.servers.imap.transfer_across import flags_in_target, mark_seen
from postier.store.blobs import BlobDraft
from postier.store.transaction import ConflictError, StoreError, WriteTx

Watches = dict[int, Watch]


class Piece(msgspec.Struct, frozen=True):
    """A message that came whole."""

    index: MessageIndex
    draft: BlobDraft
    received_at_us: int
    system_flags: int
    keywords: tuple[str, ...]


class Replaced(msgspec.Struct, frozen=True):
    """The message that REPLACE removes."""

    place: Place
    uid: int


class Append(msgspec.Struct):
    """One command's messages."""

    tag: bytes
    mailbox: str
    pieces: list[Piece]
    size_bytes: int = 0
    failure: Done | None = None
    replaces: Replaced | None = None


async def file_appends(connection: Connection, appends: list[Append]) -> list[Done]:
    """File them, and say how each command ended: all in one write if nothing speaks against it, else each by itself."""
    whole = [append for append in appends if append.failure is None]
    drafts = [piece.draft for append in whole for piece in append.pieces]
    account_id, store = connection.account_id, connection.store
    watches = await _watches(connection, whole)
    if len(whole) > 1:
        try:
            filed = iter(await store.write_with_blobs(drafts, _file_all, account_id, whole, watches))
            return [append.failure or _filed(connection, append, next(filed), watches) for append in appends]
        except (MailboxRefusedError, ConflictError, StoreError):
            pass
    return [append.failure or await _file_one(connection, append, watches) for append in appends]


async def _watches(connection: Connection, appends: list[Append]) -> Watches:
    """What the accounts that take messages need to write down the runs on them: the own one, and others' by their names."""
    account_ids = {connection.account_id}
    for name in {each.mailbox for each in appends if each.mailbox.startswith(NAMESPACES)}:
        try:
            account_ids.add((await connection.store.read(target, connection.account_id, name)).account_id)
        except (MailboxRefusedError, StoreError):
            continue  # filing meets it too, and says so
    found = [await events.watch_of(connection, each) for each in account_ids]
    return {each.account_id: each for each in found if each is not None}


async def replaced(connection: Connection, head: Begin) -> Replaced:
    """The message that is to be replaced. Raises PeerError (RFC 8508 §3.2)."""
    selected = connection.opened()
    assert head.replaces is not None
    try:
        selected.place.require(Right.DELETE_MESSAGE)
        selected.place.require(Right.EXPUNGE)
        chosen = await selected.choose(connection.store, head.replaces, is_uid=head.is_uid)
    except MailboxRefusedError as refusal:
        done = refusal_of(refusal)
        raise no(done.text, done.code) from None
    except StoreError:
        done = unavailable()
        raise no(done.text, done.code) from None
    if len(chosen.uids) != 1:
        raise no("There is no such message", NONEXISTENT)
    return Replaced(selected.place, chosen.uids[0])


async def _file_one(connection: Connection, append: Append, watches: Watches) -> Done:
    drafts = [piece.draft for piece in append.pieces]
    try:
        (filed,) = await connection.store.write_with_blobs(
            drafts, _file_all, connection.account_id, [append], watches
        )
        return _filed(connection, append, filed, watches)
    except MailboxRefusedError as refusal:
        return refusal_of(refusal)
    except ConflictError:
        return Done("Somebody else changed this at the same time; try again", INUSE, Status.NO)
    except StoreError:
        return unavailable()


def _file_all(tx: WriteTx, account_id: int, appends: list[Append], watches: Watches) -> list[list[Filed]]:
    filed: list[list[Filed]] = []
    for append in appends:
        place = target(tx, account_id, append.mailbox)
        if append.replaces is not None:
            _remove(tx, place, append.replaces)
        letters = [
            Letter(
                piece.index,
                piece.draft.blob_id,
                len(piece.draft.content),
                piece.received_at_us,
                flags_in_target(tx, place, account_id, piece.system_flags, piece.keywords),
            )
            for piece in append.pieces
        ]
        filed.append(file_messages(tx, place.account_id, place.mailbox_id, letters))
        mark_seen(tx, place, account_id, filed[-1], [piece.system_flags for piece in append.pieces])
        uids = [one.uid for one in filed[-1]]
        there, modseq = (place.account_id, place.mailbox_id), filed[-1][-1].modseq
        write_down(tx, watches.get(place.account_id), Cause.APPEND.value, there, modseq, uids)
    return filed


def _remove(tx: WriteTx, target_place: Place, old: Replaced) -> None:
    """First, so that the quota is asked for what the new message takes more (RFC 8508 §3.4)."""
    for account_id in sorted({old.place.account_id, target_place.account_id}):
        ledger.lock(tx, account_id)
    gone = expunge_uids(tx, old.place.account_id, old.place.mailbox_id, [(old.uid, old.uid)])
    if not gone.ranges:
        raise MailboxRefusedError(Refusal.GONE, "the message is gone")


def _filed(connection: Connection, append: Append, filed: list[Filed], watches: Watches) -> Done:
    connection.appended += len(filed)
    uids = [one.uid for one in filed]
    there, watch = (filed[0].account_id, filed[0].mailbox_id), watches.get(filed[0].account_id)
    events.note(connection, watch, Cause.APPEND, there, filed[-1].modseq, uids)
    code = append_uid(filed[0].uidvalidity, uids)
    if append.replaces is None:
        return Done("APPEND completed", code)
    connection.send(untagged_ok("The new message is there", code))  # RFC 8508 §4.3: before the EXPUNGE line
    return Done("REPLACE completed", tells_modseq=True)


def refusal_of(refusal: MailboxRefusedError) -> Done:
    """The delivery agent's refusal as the end of an APPEND."""
    if refusal.refusal is Refusal.NONEXISTENT:
        return Done("No such mailbox", TRYCREATE, Status.NO)  # RFC 9051 §6.3.12
    text = str(refusal)
    return Done(text[:1].upper() + text[1:], ResponseCode(refusal.refusal.value.encode()), Status.NO)


def unavailable() -> Done:
    """The disk or the database can't do it now."""
    return Done("The message can't be stored now; try again later", UNAVAILABLE, Status.NO)
