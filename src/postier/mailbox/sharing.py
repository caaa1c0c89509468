"""Lists of who may do what with a mailbox, and the mailboxes that others share with an account.

Not here: deciding (`rights`). Source: RFC 4314 §3. Invariants: an identifier is `anyone` or the canonical address of an account
that may exist or not, so that no answer tells which; the owner is on no list; a list is bounded.
"""

from postier.accounts.names import login_address
from postier.imap.rights import ALL_RIGHTS, Right, parse_rights, stored_rights
from postier.mailbox.refusals import LimitError, MailboxRefusedError, Refusal
from postier.mailbox.rights import ANYONE, Place
from postier.store.changes import ChangeKind, next_modseq, record_change
from postier.store.transaction import ReadTx, WriteTx

MAX_GRANTS = 200  # on one mailbox


def identifier_in(tx: ReadTx, owner_id: int, text: str) -> str:
    """The canonical identifier: `anyone`, an address, or a local part of the owner's domain.

    Raises MailboxRefusedError for what is none of these, negative rights among them (RFC 4314 §2).
    """
    if text.lower() == ANYONE:
        return ANYONE
    domain = _address_of(tx, owner_id).rpartition("@")[2]
    address = None if text.startswith("-") else login_address(text if "@" in text else f"{text}@{domain}")
    if address is None:
        raise MailboxRefusedError(Refusal.CANNOT, "the identifier is neither anyone nor an address")
    return str(address)


def acl_of(tx: ReadTx, place: Place) -> list[tuple[str, frozenset[Right]]]:
    """Who has which rights, the owner first."""
    grants = [(_address_of(tx, place.account_id), ALL_RIGHTS)]
    for identifier, text in tx.rows(
        "SELECT identifier, rights FROM mailbox_right WHERE account_id = ? AND mailbox_id = ? ORDER BY identifier",
        place.account_id,
        place.mailbox_id,
    ):
        grants.append((identifier, parse_rights(text)))
    return grants


def is_owner(tx: ReadTx, place: Place, identifier: str) -> bool:
    """Whether the identifier means the mailbox's owner, whose rights no list changes."""
    return identifier == _address_of(tx, place.account_id)


def granted_to(tx: ReadTx, place: Place, identifier: str) -> frozenset[Right]:
    """What the list gives to an identifier."""
    text = tx.value(
        "SELECT rights FROM mailbox_right WHERE account_id = ? AND mailbox_id = ? AND identifier = ?",
        place.account_id,
        place.mailbox_id,
        identifier,
    )
    return parse_rights(text or "")


def grant(tx: WriteTx, place: Place, identifier: str, rights: frozenset[Right]) -> None:
    """Give an identifier exactly these rights; none takes it off the list. Raises MailboxRefusedError."""
    if is_owner(tx, place, identifier):
        raise MailboxRefusedError(Refusal.CANNOT, "the owner has every right, always")
    grantee = tx.value("SELECT account_id FROM account WHERE address = ?", identifier)
    # both learn of it; in the order of their ids, as all who change several accounts
    modseqs = {
        each: next_modseq(tx, each) for each in sorted({place.account_id, grantee or place.account_id})
    }
    key = (place.account_id, place.mailbox_id)
    tx.run(
        "DELETE FROM mailbox_right WHERE account_id = ? AND mailbox_id = ? AND identifier = ?",
        *key,
        identifier,
    )
    if rights:
        count = tx.value("SELECT count(*) FROM mailbox_right WHERE account_id = ? AND mailbox_id = ?", *key)
        if count >= MAX_GRANTS:
            raise LimitError(f"a mailbox is shared with at most {MAX_GRANTS} identifiers")
        tx.run(
            "INSERT INTO mailbox_right (account_id, mailbox_id, identifier, rights) VALUES (?, ?, ?, ?)",
            *key,
            identifier,
            stored_rights(rights),
        )
    for account_id, modseq in modseqs.items():
        mailbox_id = place.mailbox_id if account_id == place.account_id else 0
        record_change(tx, account_id, modseq, ChangeKind.RIGHTS, mailbox_id, [])


def inherit(tx: WriteTx, account_id: int, parent_id: int, mailbox_id: int) -> None:
    """A new mailbox has the list of the one above it (RFC 4314 §4)."""
    tx.run(
        "INSERT INTO mailbox_right (account_id, mailbox_id, identifier, rights)"
        " SELECT account_id, ?, identifier, rights FROM mailbox_right WHERE account_id = ? AND mailbox_id = ?",
        mailbox_id,
        account_id,
        parent_id,
    )


def _address_of(tx: ReadTx, account_id: int) -> str:
    return str(tx.value("SELECT address FROM account WHERE account_id = ?", account_id) or "")
