"""A script gets another name, and the mailboxes that name it for IMAP events name it as before.

Not here: the scripts (`accounts.scripts`), what the annotation means (`annotations`). Source: RFC 5804 §2.11; RFC 6785 §2.3.1, which says
nothing of renaming. Decided: who renames a script goes on using it, so its mailboxes' annotations follow, in the same transaction; a script
that is deleted leaves them as they are, for another of its name may come. Invariants: a changed annotation is a change like any other, with
a mod-sequence and a row of the change log. The server's annotation and the configured name are the administrator's: they choose by name in every
account, so they never follow one account's script.
"""

from postier.accounts.scripts import ScriptProblem, rename_script
from postier.mailbox.annotations import EVENT_SCRIPT, EVERYBODY, SERVER
from postier.managesieve.names import script_name
from postier.store.changes import ChangeKind, next_modseq, record_change
from postier.store.transaction import WriteTx


def rename_script_and_references(tx: WriteTx, account_id: int, old: str, new: str) -> ScriptProblem | None:
    """Rename a script and what names it. Raises NotFoundError."""
    problem = rename_script(tx, account_id, old, new)
    if problem is not None:
        return problem
    named = [
        mailbox_id
        for mailbox_id, value in tx.rows(
            "SELECT mailbox_id, value FROM annotation WHERE account_id = ? AND reader_id = ? AND entry = ?"
            " AND mailbox_id <> ? AND value IS NOT NULL ORDER BY mailbox_id",
            account_id,
            EVERYBODY,
            EVENT_SCRIPT,
            SERVER,
        )
        if script_name(bytes(value)) == old
    ]
    for mailbox_id in named:
        modseq = next_modseq(tx, account_id)
        tx.run(
            "UPDATE annotation SET value = ?, modseq = ? WHERE account_id = ? AND mailbox_id = ? AND reader_id = ? AND entry = ?",
            new.encode(),
            modseq,
            account_id,
            mailbox_id,
            EVERYBODY,
            EVENT_SCRIPT,
        )
        tx.run(
            "UPDATE mailbox SET highest_modseq = ? WHERE account_id = ? AND mailbox_id = ?",  # RFC 7162 §3.2
            modseq,
            account_id,
            mailbox_id,
        )
        record_change(tx, account_id, modseq, ChangeKind.METADATA, mailbox_id, [])
    return None
