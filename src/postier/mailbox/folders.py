r"""Folders: mailboxes are made, deleted, renamed, subscribed to.

Not here: listing them (`listing`). Source: RFC 9051 §6.3.4 to §6.3.8, RFC 6154 (special use). Invariants: INBOX exists
always; deleting or renaming leaves no message behind; a mailbox made again under an old name has a higher UIDVALIDITY;
ids of mailboxes are never used again; at most one mailbox of an account has a special use (as JMAP's roles).
"""

from collections.abc import Sequence

import msgspec

from postier.accounts.scripts import SCRIPTS_TOPIC
from postier.imap.rights import Right
from postier.mailbox import ledger
from postier.mailbox.expunge import ALL_UIDS, keep_as_expunged
from postier.mailbox.names import INBOX, canonical, is_inferior, new_name, superiors
from postier.mailbox.refusals import LimitError, MailboxRefusedError, Refusal, no_such_mailbox
from postier.mailbox.rights import NAMESPACES, enter, no_permission, owner_of
from postier.mailbox.sharing import inherit
from postier.mailbox.transfer import move_messages
from postier.store.changes import ChangeKind, record_change
from postier.store.transaction import ReadTx, WriteTx

MAX_MAILBOXES = 10_000
MAX_SUBSCRIPTIONS = 20_000

# RFC 6154 §2, in the order of its text; \All and \Flagged would be virtual mailboxes, which do not exist here.
SPECIAL_USES = ("\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash")

DEFAULT_MAILBOXES: tuple[tuple[str, str | None], ...] = (
    (INBOX, None),
    ("Drafts", "\\Drafts"),
    ("Sent", "\\Sent"),
    ("Junk", "\\Junk"),
    ("Trash", "\\Trash"),
    ("Archive", "\\Archive"),
)


class Created(msgspec.Struct, frozen=True):
    """A new mailbox; `name` is the canonical one, which may differ from what was asked for."""

    account_id: int
    mailbox_id: int
    name: str
    uidvalidity: int
    modseq: int


def default_mailboxes(tx: WriteTx, account_id: int) -> dict[str, int]:
    """What a new account has, subscribed: INBOX and the special uses. Returns name -> mailbox id."""
    names = [name for name, _ in DEFAULT_MAILBOXES]
    made = _insert(tx, account_id, names, dict(DEFAULT_MAILBOXES))
    tx.run_many(
        "INSERT INTO subscription (account_id, name) VALUES (?, ?) ON CONFLICT (account_id, name) DO NOTHING",
        [(account_id, name) for name in names],
    )
    return {one.name: one.mailbox_id for one in made}


def create_mailbox(
    tx: WriteTx, account_id: int, name: str, *, actor_id: int, special_use: str | None = None
) -> Created:
    """Make a mailbox and the names above it that are missing. Raises MailboxRefusedError, LimitError."""
    account_id, name = owner_of(tx, account_id, name)
    name = new_name(name)
    parent_id = _check_parent(tx, account_id, name, actor_id)
    ledger.lock(tx, account_id)
    if mailbox_id_of(tx, account_id, name) is not None:
        raise _exists(name)
    if special_use is not None:
        special_use = _check_use(tx, account_id, special_use)
    made = _insert(tx, account_id, [*_missing(tx, account_id, name), name], {name: special_use})
    if parent_id is not None:
        for one in made:
            inherit(tx, account_id, parent_id, one.mailbox_id)
    return made[-1]


def ensure_mailbox(tx: WriteTx, account_id: int, name: str) -> int:
    """The mailbox of that name, made if it is missing; for deliveries (RFC 5490 §3.2 :create)."""
    found = mailbox_id_of(tx, account_id, canonical(name))
    if found is not None:
        return found
    return create_mailbox(tx, account_id, name, actor_id=account_id).mailbox_id


def delete_mailbox(tx: WriteTx, account_id: int, name: str, *, actor_id: int) -> int:
    """Delete a mailbox with its messages, which can be undeleted for a time; names below it stay.

    Returns the account's modseq. Raises MailboxRefusedError.
    """
    place = enter(tx, account_id, name, actor_id=actor_id, right=Right.DELETE_MAILBOX)
    account_id, name = place.account_id, place.name
    if name == INBOX:
        raise MailboxRefusedError(Refusal.CANNOT, "INBOX can't be deleted")
    ledger.lock(tx, account_id)
    row = tx.row(
        "SELECT mailbox_id, size_bytes, message_count FROM mailbox WHERE account_id = ? AND name = ?",
        account_id,
        name,
    )
    if row is None:
        raise no_such_mailbox()
    mailbox_id, size_bytes, message_count = row
    modseq = ledger.advance(tx, account_id, size_bytes=-size_bytes)
    if message_count:
        keep_as_expunged(tx, account_id, mailbox_id, ALL_UIDS, modseq)
        tx.run("DELETE FROM entry WHERE account_id = ? AND mailbox_id = ?", account_id, mailbox_id)
    for table in ("annotation", "mailbox_right", "seen_by", "url_key", "mailbox"):
        tx.run(f"DELETE FROM {table} WHERE account_id = ? AND mailbox_id = ?", account_id, mailbox_id)
    record_change(tx, account_id, modseq, ChangeKind.MAILBOX_DELETED, mailbox_id, [])
    return modseq


def rename_mailbox(tx: WriteTx, account_id: int, old: str, new: str, *, actor_id: int) -> str:
    """Rename a mailbox and all below it; INBOX instead moves its messages into a new mailbox.

    Returns the new canonical name. Raises MailboxRefusedError, LimitError.
    """
    owner_id, new = owner_of(tx, account_id, new)
    account_id, old = owner_of(tx, account_id, old)
    new = new_name(new)
    _check_rename(tx, account_id, old, actor_id)
    if owner_id != account_id:
        raise MailboxRefusedError(Refusal.CANNOT, "a mailbox can't be given to another account")
    _check_parent(tx, account_id, new, actor_id)
    ledger.lock(tx, account_id)
    names: dict[str, int] = dict(
        tx.rows("SELECT name, mailbox_id FROM mailbox WHERE account_id = ?", account_id)
    )
    if old == INBOX:  # RFC 9051 §6.3.6: what lies below INBOX stays
        made = create_mailbox(tx, account_id, new, actor_id=account_id)
        move_messages(tx, account_id, names[INBOX], ALL_UIDS, made.mailbox_id)
        tx.run(  # RFC 5464 §4.1
            "INSERT INTO annotation (account_id, mailbox_id, reader_id, entry, value, modseq)"
            " SELECT account_id, ?, reader_id, entry, value, ? FROM annotation"
            " WHERE account_id = ? AND mailbox_id = ? AND value IS NOT NULL",
            made.mailbox_id,
            made.modseq,
            account_id,
            names[INBOX],
        )
        tx.wake(SCRIPTS_TOPIC)  # an annotation may choose the script of the new mailbox
        return new
    moved = {name: new + name.removeprefix(old) for name in names if name == old or is_inferior(name, old)}
    if not moved:
        raise no_such_mailbox()
    if is_inferior(new, old):
        raise MailboxRefusedError(Refusal.CANNOT, "a mailbox can't be moved below itself")
    for name in (new, *moved.values()):
        if name in names:
            raise _exists(name)
        new_name(name)  # the limits hold below too
    parents = _missing(tx, account_id, new)
    if parents:
        _insert(tx, account_id, parents, {})
    last = ledger.advance(tx, account_id, changes=len(moved))
    for modseq, (name, renamed) in enumerate(moved.items(), last - len(moved) + 1):
        tx.run(
            "UPDATE mailbox SET name = ? WHERE account_id = ? AND mailbox_id = ?",
            renamed,
            account_id,
            names[name],
        )
        record_change(tx, account_id, modseq, ChangeKind.MAILBOX_RENAMED, names[name], [])
    return new


def set_special_use(tx: WriteTx, account_id: int, mailbox_id: int, use: str | None) -> None:
    """Give a mailbox its special use, or take it away. Raises MailboxRefusedError."""
    before = tx.value(
        "SELECT special_use FROM mailbox WHERE account_id = ? AND mailbox_id = ?", account_id, mailbox_id
    )
    if use and (before is None or use.upper() != before.upper()):
        use = _check_use(tx, account_id, use)
    elif use:
        use = before
    tx.run(
        "UPDATE mailbox SET special_use = ? WHERE account_id = ? AND mailbox_id = ?",
        use or None,
        account_id,
        mailbox_id,
    )


def subscribe(tx: WriteTx, account_id: int, name: str, *, actor_id: int) -> None:
    """Subscribe to a name, whether there is such a mailbox or not (RFC 9051 §6.3.7). Raises LimitError."""
    name = _subscribable(account_id, name, actor_id)
    ledger.lock(tx, account_id)
    count = tx.value("SELECT count(*) FROM subscription WHERE account_id = ?", account_id)
    if count >= MAX_SUBSCRIPTIONS:
        raise LimitError(f"an account has at most {MAX_SUBSCRIPTIONS} subscriptions")
    added = tx.run(
        "INSERT INTO subscription (account_id, name) VALUES (?, ?) ON CONFLICT (account_id, name) DO NOTHING",
        account_id,
        name,
    )
    if added:
        _record_subscription(tx, account_id, name)


def unsubscribe(tx: WriteTx, account_id: int, name: str, *, actor_id: int) -> None:
    """End a subscription; no error if there is none (RFC 9051 §6.3.8)."""
    name = canonical(name)
    if actor_id != account_id:
        raise no_such_mailbox()
    ledger.lock(tx, account_id)
    if tx.run("DELETE FROM subscription WHERE account_id = ? AND name = ?", account_id, name):
        _record_subscription(tx, account_id, name)


def mailbox_id_of(tx: ReadTx, account_id: int, canonical_name: str) -> int | None:
    """The id of a mailbox by its canonical name; no rights are asked."""
    found = tx.value(
        "SELECT mailbox_id FROM mailbox WHERE account_id = ? AND name = ?", account_id, canonical_name
    )
    return None if found is None else int(found)


def _insert(tx: WriteTx, account_id: int, names: Sequence[str], uses: dict[str, str | None]) -> list[Created]:
    count = tx.value("SELECT count(*) FROM mailbox WHERE account_id = ?", account_id)
    if count + len(names) > MAX_MAILBOXES:
        raise LimitError(f"an account has at most {MAX_MAILBOXES} mailboxes")
    modseq, mailbox_id, uidvalidity = ledger.admit_mailboxes(tx, account_id, len(names))
    made = [
        Created(account_id, mailbox_id + place, name, uidvalidity + place, modseq + place)
        for place, name in enumerate(names)
    ]
    for one in made:
        tx.run(
            "INSERT INTO mailbox (account_id, mailbox_id, name, uidvalidity, highest_modseq, special_use, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            account_id,
            one.mailbox_id,
            one.name,
            one.uidvalidity,
            one.modseq,
            uses.get(one.name),
            tx.now_us,
        )
        record_change(tx, account_id, one.modseq, ChangeKind.MAILBOX_CREATED, one.mailbox_id, [])
    return made


def _subscribable(account_id: int, name: str, actor_id: int) -> str:
    """A name of one's own, or one that another may share. Raises MailboxRefusedError."""
    if actor_id != account_id:
        raise no_such_mailbox()
    prefix = next((each for each in NAMESPACES if name.startswith(each)), "")
    return prefix + new_name(name.removeprefix(prefix))


def _check_parent(tx: ReadTx, account_id: int, name: str, actor_id: int) -> int | None:
    """The nearest mailbox above, below which the actor may make one; None if there is none. Raises MailboxRefusedError."""
    for above in reversed(superiors(name)):
        parent_id = mailbox_id_of(tx, account_id, above)
        if parent_id is not None:
            enter(tx, account_id, above, actor_id=actor_id, right=Right.CREATE)
            return parent_id
    if actor_id != account_id:  # what stands alone is the owner's to make
        raise no_such_mailbox()
    return None


def _check_rename(tx: ReadTx, account_id: int, old: str, actor_id: int) -> None:
    """Raises MailboxRefusedError unless the actor may rename the mailbox and all below it."""
    if actor_id == account_id:
        return
    enter(tx, account_id, old, actor_id=actor_id, right=Right.DELETE_MAILBOX)
    if old == INBOX:
        raise no_permission()
    for (name,) in tx.rows("SELECT name FROM mailbox WHERE account_id = ?", account_id):
        if is_inferior(name, old):
            enter(tx, account_id, name, actor_id=actor_id, right=Right.DELETE_MAILBOX)


def _missing(tx: ReadTx, account_id: int, name: str) -> list[str]:
    return [each for each in superiors(name) if mailbox_id_of(tx, account_id, each) is None]


def _check_use(tx: ReadTx, account_id: int, use: str) -> str:
    """The special use in its own spelling. Raises MailboxRefusedError (RFC 6154 §3: USEATTR)."""
    known = {each.upper(): each for each in SPECIAL_USES}.get(use.upper())
    if known is None:
        raise MailboxRefusedError(Refusal.USE_ATTRIBUTE, f"{use} is no special use that can be given")
    if tx.value("SELECT 1 FROM mailbox WHERE account_id = ? AND special_use = ?", account_id, known):
        raise MailboxRefusedError(Refusal.USE_ATTRIBUTE, f"another mailbox is {known} already")
    return known


def _record_subscription(tx: WriteTx, account_id: int, name: str) -> None:
    mailbox_id = mailbox_id_of(tx, account_id, name) or 0
    modseq = ledger.advance(tx, account_id)
    record_change(tx, account_id, modseq, ChangeKind.SUBSCRIPTION, mailbox_id, [])


def _exists(name: str) -> MailboxRefusedError:
    return MailboxRefusedError(Refusal.ALREADY_EXISTS, f"there is a mailbox {name} already")
