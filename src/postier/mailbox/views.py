"""What happened to one mailbox since a session last looked: the change log as a difference.

Source: DESIGN §2 ("there is no second way to learn of a change"). Invariant: applying the difference to what was true at
`since_modseq` gives what is true at `modseq`; messages that came and went in between do not occur in it.
"""

import msgspec

from postier.mailbox.reading import Column, fetch_columns
from postier.store.changes import ChangeKind
from postier.store.transaction import ReadTx
from postier.store.uid_ranges import UidRange, merged, parse_ranges, without

_MESSAGE_KINDS = (ChangeKind.APPENDED, ChangeKind.FLAGS, ChangeKind.EXPUNGED)
_CHANGED = (Column.UID, Column.FLAGS, Column.MODSEQ)


class MailboxChanges(msgspec.Struct, frozen=True):
    """The difference; `appended` excludes and `expunged` excludes what was never seen, `flags` what is new.

    `modseq` is the account's, `highest_modseq` the mailbox's. `flags` are (UID, flags, modseq); `expunged_from` is the
    modseq of the first expunge; `url_keys_of` the accounts whose keys for this mailbox were reset.
    """

    modseq: int
    uidnext: int
    message_count: int
    highest_modseq: int
    appended: list[UidRange] = []
    expunged: list[UidRange] = []
    expunged_from: int = 0
    flags: list[tuple[int, int, int]] = []
    url_keys_of: tuple[int, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the session has nothing to be told."""
        return not (self.appended or self.expunged or self.flags)


def changes_for(tx: ReadTx, account_id: int, mailbox_id: int, since_modseq: int) -> MailboxChanges | None:
    """What happened after the account's modseq `since_modseq`; None if the mailbox is deleted."""
    row = tx.row(
        "SELECT a.modseq, m.uidnext, m.message_count, m.highest_modseq FROM mailbox m"
        " JOIN account a ON a.account_id = m.account_id WHERE m.account_id = ? AND m.mailbox_id = ?",
        account_id,
        mailbox_id,
    )
    if row is None:
        return None
    modseq, uidnext, message_count, highest_modseq = row
    url_keys_of = _url_keys_of(tx, account_id, mailbox_id, since_modseq) if modseq > since_modseq else ()
    if highest_modseq <= since_modseq:
        return MailboxChanges(modseq, uidnext, message_count, highest_modseq, url_keys_of=url_keys_of)
    named: dict[int, list[list[UidRange]]] = {int(kind): [] for kind in _MESSAGE_KINDS}
    expunged_from = 0
    for at, kind, text in tx.rows(
        "SELECT modseq, kind, uids FROM change WHERE account_id = ? AND modseq > ? AND mailbox_id = ? ORDER BY modseq",
        account_id,
        since_modseq,
        mailbox_id,
    ):
        if kind in named:
            named[kind].append(parse_ranges(text))
        if kind == ChangeKind.EXPUNGED and not expunged_from:
            expunged_from = at
    came = merged(*named[ChangeKind.APPENDED])
    gone = merged(*named[ChangeKind.EXPUNGED])
    changed = without(without(merged(*named[ChangeKind.FLAGS]), came), gone)
    return MailboxChanges(
        modseq,
        uidnext,
        message_count,
        highest_modseq,
        appended=without(came, gone),
        expunged=without(gone, came),
        expunged_from=expunged_from,
        flags=fetch_columns(tx, account_id, mailbox_id, changed, _CHANGED) if changed else [],
        url_keys_of=url_keys_of,
    )


def _url_keys_of(tx: ReadTx, account_id: int, mailbox_id: int, since_modseq: int) -> tuple[int, ...]:
    texts = tx.rows(
        "SELECT uids FROM change WHERE account_id = ? AND modseq > ? AND mailbox_id = ? AND kind = ?",
        account_id,
        since_modseq,
        mailbox_id,
        int(ChangeKind.URL_KEY),
    )
    return tuple(reader_id for (text,) in texts for reader_id, _ in parse_ranges(text))
