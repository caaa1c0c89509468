"""What an account uses of what it may.

Not here: enforcing it (`ledger`, `folders`). Source: RFC 9208 §3, §5. Invariant: figures come from the account's and the
mailboxes' rows, never from their messages, but for the size of what is deleted.
"""

import msgspec

from postier.imap.flags import DELETED
from postier.mailbox.refusals import no_such_mailbox
from postier.store.transaction import ReadTx


class Usage(msgspec.Struct, frozen=True):
    """One account's figures; no quota is None."""

    address: str
    quota_bytes: int | None
    used_bytes: int
    mailboxes: int


def usage_of(tx: ReadTx, account_id: int) -> Usage:
    """The figures. Raises MailboxRefusedError if the account is gone."""
    row = tx.row(
        "SELECT address, quota_bytes, used_bytes, (SELECT count(*) FROM mailbox m WHERE m.account_id = a.account_id)"
        " FROM account a WHERE account_id = ?",
        account_id,
    )
    if row is None:
        raise no_such_mailbox()
    return Usage(*row)


def deleted_bytes(tx: ReadTx, account_id: int, mailbox_id: int) -> int:
    r"""The octets of the messages with \Deleted (RFC 9208 §4.1.4)."""
    size_bytes = tx.value(
        f"SELECT sum(size_bytes) FROM entry WHERE account_id = ? AND mailbox_id = ? AND flags & {DELETED} <> 0",
        account_id,
        mailbox_id,
    )
    return int(size_bytes or 0)
