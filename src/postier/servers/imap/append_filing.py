"""Filing what APPEND brought: the complete commands of a pipeline in one write, with how each of them ended.

Not here: how the messages come in (`append`), the rows (`mailbox.filing`). Source: RFC 9051 §6.3.12, §7.1 (APPENDUID). Invariants:
a command's messages are filed together or not at all; one command that is refused takes nothing from the others.
"""

import msgspec

from postier.imap.responses import INUSE, TRYCREATE, UNAVAILABLE, ResponseCode, Status, append_uid
from postier.mailbox.filing import Filed, Letter, file_messages
from postier.mailbox.keywords import keyword_bits
from postier.mailbox.refusals import MailboxRefusedError, Refusal
from postier.mime.index import MessageIndex
from postier.mta.sieving.events import Cause
from postier.servers.imap import events
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.transfer import target_id
from postier.store.blobs import BlobDraft
from postier.store.transaction import ConflictError, StoreError, WriteTx


class Piece(msgspec.Struct, frozen=True):
    """A message that came whole."""

    index: MessageIndex
    draft: BlobDraft
    received_at_us: int
    system_flags: int
    keywords: tuple[str, ...]


class Append(msgspec.Struct):
    """One command's messages."""

    tag: bytes
    mailbox: str
    pieces: list[Piece]
    size_bytes: int = 0
    failure: Done | None = None


async def file_appends(connection: Connection, appends: list[Append]) -> list[Done]:
    """File them, and say how each command ended: all in one write if nothing speaks against it, else each by itself."""
    whole = [append for append in appends if append.failure is None]
    drafts = [piece.draft for append in whole for piece in append.pieces]
    account_id, store = connection.account_id, connection.store
    if len(whole) > 1:
        try:
            filed = iter(await store.write_with_blobs(drafts, _file_all, account_id, whole))
            return [append.failure or _filed(connection, next(filed)) for append in appends]
        except (MailboxRefusedError, ConflictError, StoreError):
            pass
    return [append.failure or await _file_one(connection, append) for append in appends]


async def _file_one(connection: Connection, append: Append) -> Done:
    drafts = [piece.draft for piece in append.pieces]
    try:
        (filed,) = await connection.store.write_with_blobs(drafts, _file_all, connection.account_id, [append])
        return _filed(connection, filed)
    except MailboxRefusedError as refusal:
        return refusal_of(refusal)
    except ConflictError:
        return Done("Somebody else changed this at the same time; try again", INUSE, Status.NO)
    except StoreError:
        return unavailable()


def _file_all(tx: WriteTx, account_id: int, appends: list[Append]) -> list[list[Filed]]:
    filed = []
    for append in appends:
        mailbox_id = target_id(tx, account_id, append.mailbox)
        letters = [
            Letter(
                piece.index,
                piece.draft.blob_id,
                len(piece.draft.content),
                piece.received_at_us,
                piece.system_flags | keyword_bits(tx, account_id, piece.keywords),
            )
            for piece in append.pieces
        ]
        filed.append(file_messages(tx, account_id, mailbox_id, letters))
    return filed


def _filed(connection: Connection, filed: list[Filed]) -> Done:
    connection.appended += len(filed)
    events.note(
        connection, Cause.APPEND, filed[0].account_id, filed[0].mailbox_id, [one.uid for one in filed]
    )
    return Done("APPEND completed", append_uid(filed[0].uidvalidity, [one.uid for one in filed]))


def refusal_of(refusal: MailboxRefusedError) -> Done:
    """The delivery agent's refusal as the end of an APPEND."""
    if refusal.refusal is Refusal.NONEXISTENT:
        return Done("No such mailbox", TRYCREATE, Status.NO)  # RFC 9051 §6.3.12
    text = str(refusal)
    return Done(text[:1].upper() + text[1:], ResponseCode(refusal.refusal.value.encode()), Status.NO)


def unavailable() -> Done:
    """The disk or the database can't do it now."""
    return Done("The message can't be stored now; try again later", UNAVAILABLE, Status.NO)
