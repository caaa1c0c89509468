"""A script on stored mail, by command: what it says of each message of a mailbox, done there and noted, so that it can be undone.

    messages of a portion > run, in a read transaction > changes, in a write transaction with a row for each

Not here: what is told (`cli.sieve`). Invariants: nothing is lost and nothing leaves: `discard` means Trash, redirect, reject, vacation
and notify are told, not done, and what they would have taken stays; contents are never changed; each change and the row that undoes
it are in one transaction; what somebody moved, expunged or renamed since the script ran is left as it is, and flags that were set since
stay. Undoing takes back what the run changed and nothing else: what was moved or expunged since is passed over, flags that somebody
changed since stay, and so does a copy whose flags were changed.
"""

import enum
from collections.abc import Callable, Sequence
from typing import assert_never

import msgspec

from postier.imap.flags import FIRST_KEYWORD_BIT, SYSTEM_FLAGS
from postier.mailbox import ledger
from postier.mailbox.expunge import expunge_uids
from postier.mailbox.flags import StoreMode, store_flags
from postier.mailbox.folders import mailbox_id_of
from postier.mailbox.keywords import keywords_of
from postier.mailbox.places import Place, flag_bits, settled
from postier.mailbox.reading import Column, fetch_columns
from postier.mailbox.transfer import copy_messages, move_messages
from postier.mime.address import Address
from postier.mime.dates import Moment
from postier.mime.headers import split_header, unfold
from postier.mta.sieving.lists import AccountLists
from postier.mta.sieving.posting import place_of
from postier.mta.sieving.running import full_purse
from postier.mta.sieving.shelf import Shelf
from postier.mta.sieving.world import Folders, Inclusions, Letter, own_addresses
from postier.sieve.actions import Discard, FileInto, Keep, Notify, Redirect, Reject, Result, Vacation
from postier.sieve.script import Script
from postier.sieve.world import Envelope, World
from postier.store.blobs import BlobId
from postier.store.transaction import ReadTx, Store, WriteTx
from postier.store.uid_ranges import UidRange, ranges_of

PORTION = 100  # messages looked at and changed together
KEPT_US = 30 * 86_400 * 1_000_000  # how long a run can be undone
FORGOTTEN_AT_ONCE = 5_000
TRASH = Place("Trash", creates=True, special_use="\\Trash")


class Target(msgspec.Struct, frozen=True):
    """The mailbox and the account whose mail is looked at."""

    account_id: int
    address: Address
    mailbox_id: int
    mailbox: str


class Said(msgspec.Struct, frozen=True):
    """What the script says of one message. `place` None: it stays, with `flags`; `left_out` is told and not done."""

    uid: int
    subject: str
    place: Place | None
    copies: tuple[Place, ...] = ()
    flags: tuple[str, ...] | None = None  # None: as they are
    flags_before: tuple[str, ...] = ()  # that the script saw
    left_out: tuple[str, ...] = ()
    error: str | None = None

    @property
    def is_change(self) -> bool:
        """Whether anything is to be done."""
        return self.place is not None or bool(self.copies) or self.flags is not None


class _Message(msgspec.Struct, frozen=True):
    uid: int
    flags: tuple[str, ...]
    blob_id: BlobId


async def uids_of(store: Store, target: Target) -> list[int]:
    """The messages to look at, oldest first."""
    rows = await store.read_bulk(
        lambda tx: tx.rows(
            "SELECT uid FROM entry WHERE account_id = ? AND mailbox_id = ? ORDER BY uid",
            target.account_id,
            target.mailbox_id,
        )
    )
    return [uid for (uid,) in rows]


async def say(
    store: Store, shelf: Shelf, script: Script, target: Target, uids: Sequence[int], now_us: int
) -> list[Said]:
    """Run the script on these messages and change nothing. Raises StoreError."""
    messages = await store.read_bulk(_messages, target, ranges_of(uids))
    contents = await store.read_blobs([each.blob_id for each in messages])
    found = [
        (message, content) for message, content in zip(messages, contents, strict=True) if content is not None
    ]
    return await store.read_bulk(_say, shelf, script, target, found, now_us)


def _messages(tx: ReadTx, target: Target, ranges: Sequence[UidRange]) -> list[_Message]:
    keywords = keywords_of(tx, target.account_id)
    columns = (Column.UID, Column.FLAGS, Column.BLOB_ID)
    rows = fetch_columns(tx, target.account_id, target.mailbox_id, ranges, columns)
    return [_Message(uid, flag_names(bits, keywords), BlobId(bytes(blob))) for uid, bits, blob in rows]


def flag_names(bits: int, keywords: Sequence[str]) -> tuple[str, ...]:
    """The names of flags, system flags first."""
    system = [name for bit, name in SYSTEM_FLAGS if bits & bit]
    return (
        *system,
        *[name for place, name in enumerate(keywords) if bits & 1 << (FIRST_KEYWORD_BIT + place)],
    )


def _say(
    tx: ReadTx,
    shelf: Shelf,
    script: Script,
    target: Target,
    found: Sequence[tuple[_Message, bytes]],
    now_us: int,
) -> list[Said]:
    own = own_addresses(tx, target.address)
    said = []
    for message, content in found:
        letter = Letter(content)
        header = split_header(letter.header())
        path = unfold(header.first(b"return-path") or b"").decode("utf-8", "replace").strip("<> ")
        world = World(
            now=Moment(now_us // 1_000_000),
            own_addresses=own,
            mailboxes=Folders(tx, target.account_id, full_purse()),
            lists=AccountLists(tx, target.account_id, shelf.operator_lists, full_purse(), may_read=True),
            scripts=Inclusions(tx, shelf, target.account_id, may_compile=True),
            flags=message.flags,
        )
        result = script.run(letter, Envelope(path, str(target.address)), world)
        said.append(_said(message, letter.index.subject, result))
    return said


def _said(message: _Message, subject: str, result: Result) -> Said:
    if result.error is not None:
        return Said(message.uid, subject, None, error=result.error)
    keep, left_out = result.keep, []
    files: list[Place] = []
    copies: list[Place] = []
    is_discarded = is_sent = False
    for action in result.actions:
        match action:
            case Keep():
                keep = action
            case FileInto():
                (copies if action.is_copy else files).append(place_of(action))
                if action.content is not None:
                    left_out.append("the message is not changed")
            case Redirect():
                is_sent = True
                left_out.append(f"not redirected to {action.address}")
            case Vacation():
                left_out.append(f"{action.recipient} is not answered")
            case Notify():
                left_out.append(f"no notification by {action.method}")
            case Reject():
                left_out.append("not refused")
            case Discard():
                is_discarded = True
            case _:
                assert_never(action)
    place = None
    if keep is None:
        if files:
            place, *files = files
        elif is_discarded and not is_sent:
            place = msgspec.structs.replace(TRASH, flags=result.flags)
    after = keep.flags if keep is not None else place.flags if place is not None else message.flags
    return Said(
        message.uid,
        subject,
        place,
        (*files, *copies),
        None if _same(after, message.flags) else after,
        message.flags,
        tuple(left_out),
    )


def _same(first: Sequence[str], second: Sequence[str]) -> bool:
    return {each.lower() for each in first} == {each.lower() for each in second}


def do(tx: WriteTx, target: Target, said: Sequence[Said], run_id: int, step: int) -> dict[str, int]:
    """Do what was said, and note how it is undone; how many messages went where. `step` is the number of the first note.

    Raises QuotaExceededError when copies do not fit.
    """
    account_id, source = target.account_id, target.mailbox_id
    ledger.lock(tx, account_id)  # before anything is read: a server may run beside this
    here_name = tx.value(
        "SELECT name FROM mailbox WHERE account_id = ? AND mailbox_id = ?", account_id, source
    )
    if here_name is None:
        return {}
    notes: list[tuple[str, int, int, int, int, int]] = []
    done: dict[str, int] = {}
    before = _flags_before(tx, target, [each.uid for each in said])
    for each in said:
        if each.uid not in before or not each.is_change:
            continue
        here = [(each.uid, each.uid)]
        for place in each.copies:
            name = settled(tx, account_id, place, here_name)
            if name == here_name:
                continue
            copied = copy_messages(tx, account_id, source, here, _id(tx, account_id, name))
            (uid, _), *_ = copied.target_ranges
            bits = flag_bits(tx, account_id, place.flags)
            store_flags(tx, account_id, _id(tx, account_id, name), [(uid, uid)], StoreMode.REPLACE, bits)
            notes.append(("copied", source, _id(tx, account_id, name), uid, 0, bits))
            _count(done, f"copied into {name}")
        name = here_name if each.place is None else settled(tx, account_id, each.place, here_name)
        after = before[each.uid]
        if each.flags is not None:
            old, new = flag_bits(tx, account_id, each.flags_before), flag_bits(tx, account_id, each.flags)
            after = before[each.uid] & ~(old & ~new) | new & ~old
            store_flags(tx, account_id, source, here, StoreMode.REPLACE, after)
        if name != here_name:
            moved = move_messages(tx, account_id, source, here, _id(tx, account_id, name))
            (uid, _), *_ = moved.target_ranges
            notes.append(("moved", source, _id(tx, account_id, name), uid, before[each.uid], after))
            _count(done, f"moved into {name}")
        elif each.flags is not None:
            notes.append(("flagged", source, source, each.uid, before[each.uid], after))
            _count(done, "flagged")
    tx.run_many(
        "INSERT INTO sieve_applied (account_id, run_id, step, kind, mailbox_id, target_id, uid, flags, flags_after)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(account_id, run_id, number, *note) for number, note in enumerate(notes, step)],
    )
    return done


def _flags_before(tx: ReadTx, target: Target, uids: Sequence[int]) -> dict[int, int]:
    rows = fetch_columns(
        tx, target.account_id, target.mailbox_id, ranges_of(uids), (Column.UID, Column.FLAGS)
    )
    return dict(rows)


def _id(tx: ReadTx, account_id: int, name: str) -> int:
    found = mailbox_id_of(tx, account_id, name)
    assert found is not None  # it was settled in this transaction
    return found


def _count(done: dict[str, int], what: str) -> None:
    done[what] = done.get(what, 0) + 1


def runs_of(tx: ReadTx, account_id: int) -> list[tuple[int, int]]:
    """The runs that can be undone, newest first: (id, number of changes)."""
    rows = tx.rows(
        "SELECT run_id, count(*) FROM sieve_applied WHERE account_id = ? GROUP BY run_id ORDER BY run_id DESC",
        account_id,
    )
    return [(run_id, number) for run_id, number in rows]


class Undone(msgspec.Struct, frozen=True):
    """How many changes were undone; were passed over, for the message is elsewhere; met later changes, which stay."""

    undone: int = 0
    passed_over: int = 0
    changed_since: int = 0


class _Came(enum.Enum):
    UNDONE = "undone"
    UNDONE_BESIDE = "undone, and what was changed since stays"
    CHANGED_SINCE = "left as it is, for it was changed since"
    ELSEWHERE = "left as it is, for it is not where it was"


def undo_portion(tx: WriteTx, account_id: int, run_id: int) -> Undone | None:
    """Undo a portion of a run, its last changes first; None when nothing is left."""
    ledger.lock(tx, account_id)  # somebody else may undo the same run
    rows = tx.rows(
        "SELECT step, kind, mailbox_id, target_id, uid, flags, flags_after FROM sieve_applied"
        " WHERE account_id = ? AND run_id = ? ORDER BY step DESC LIMIT ?",
        account_id,
        run_id,
        PORTION,
    )
    if not rows:
        return None
    came = []
    for step, kind, source, place, uid, before, after in rows:
        came.append(_undo(tx, account_id, kind, source, place, uid, before, after))
        tx.run(
            "DELETE FROM sieve_applied WHERE account_id = ? AND run_id = ? AND step = ?",
            account_id,
            run_id,
            step,
        )
    return Undone(
        came.count(_Came.UNDONE) + came.count(_Came.UNDONE_BESIDE),
        came.count(_Came.ELSEWHERE),
        came.count(_Came.UNDONE_BESIDE) + came.count(_Came.CHANGED_SINCE),
    )


def _undo(
    tx: WriteTx,
    account_id: int,
    kind: str,
    source: int,
    place: int,
    uid: int,
    before: int,
    after: int | None,
) -> _Came:
    """Undo one change as far as nobody has changed the same since. `after` None: of a run that did not note it."""
    here = [(uid, uid)]
    rows = fetch_columns(tx, account_id, place, here, (Column.FLAGS,))
    if not rows:  # moved or expunged since
        return _Came.ELSEWHERE
    now = rows[0][0]
    is_changed = after is not None and now != after
    if kind == "copied":
        if is_changed:
            return _Came.CHANGED_SINCE
        expunge_uids(tx, account_id, place, here)
        return _Came.UNDONE
    if kind == "moved":
        if not tx.value("SELECT 1 FROM mailbox WHERE account_id = ? AND mailbox_id = ?", account_id, source):
            return _Came.ELSEWHERE
        here = move_messages(tx, account_id, place, here, source).target_ranges
    elif after is None:
        return _Came.CHANGED_SINCE
    if after is not None:
        runs = before ^ after  # the flags that the run changed; all others are as somebody wants them
        store_flags(tx, account_id, source, here, StoreMode.REPLACE, now & ~runs | before & runs)
    return _Came.UNDONE_BESIDE if is_changed else _Came.UNDONE


def forget_runs(tx: WriteTx, before_us: int) -> bool:
    """Remove a portion of the notes of runs before that time; whether more may be left."""
    return (
        tx.run(
            "DELETE FROM sieve_applied WHERE (account_id, run_id, step) IN"
            " (SELECT s.account_id, s.run_id, s.step FROM sieve_applied s WHERE s.run_id < ? LIMIT ?)",
            before_us,
            FORGOTTEN_AT_ONCE,
        )
        == FORGOTTEN_AT_ONCE
    )


async def apply_script(
    store: Store,
    shelf: Shelf,
    script: Script,
    target: Target,
    *,
    run_id: int,
    is_rehearsal: bool,
    on_portion: Callable[[int], None],
) -> tuple[list[Said], dict[str, int]]:
    """Run the script on every message, portion after portion; what it said, and what was done. `run_id` is the time now, in
    microseconds since 1970. Raises StoreError, QuotaExceededError.
    """
    everything: list[Said] = []
    done: dict[str, int] = {}
    step = 0
    uids = await uids_of(store, target)
    for start in range(0, len(uids), PORTION):
        said = await say(store, shelf, script, target, uids[start : start + PORTION], run_id)
        everything += said
        if not is_rehearsal and any(each.is_change for each in said):
            for what, number in (await store.write_bulk(do, target, said, run_id, step)).items():
                done[what] = done.get(what, 0) + number
            step += sum(1 + len(each.copies) for each in said)
        on_portion(len(said))
    return everything, done
