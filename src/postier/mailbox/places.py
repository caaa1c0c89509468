r"""Places: where a message is to be filed, by a mailbox's name, its id, or what it is used for.

Not here: filing (`filing`). Sources: RFC 5228 §4.1, RFC 5490 §3.2 (:create), RFC 8579 §4 (:specialuse), RFC 9042 §4 (:mailboxid).
Invariant: a place always comes to a mailbox that exists: what can't be found or made is the default one, and INBOX in the end.
"""

import contextlib
import re
from collections.abc import Sequence

import msgspec

from postier.imap.flags import SYSTEM_FLAGS
from postier.imap.object_ids import mailbox_object_id
from postier.mailbox.folders import SPECIAL_USES, create_mailbox, ensure_mailbox, mailbox_id_of
from postier.mailbox.keywords import keyword_bits
from postier.mailbox.names import INBOX, MAX_NAME_BYTES, canonical
from postier.mailbox.refusals import LimitError, MailboxRefusedError
from postier.store.transaction import ReadTx, WriteTx

MAX_ID_DIGITS = 18  # of a mailbox in a MAILBOXID: what a column holds
_HALF = re.compile("[\ud800-\udfff]")
_SYSTEM_BITS = {name.lower(): bit for bit, name in SYSTEM_FLAGS}
_USES = {use.lower(): use for use in SPECIAL_USES}


class Place(msgspec.Struct, frozen=True):
    """A mailbox as a script names it: the one of the id or the use if there is one, else that of the name.

    `mailbox` "" is the default one. `creates`: a missing one is made, with its use. `flags` are names of flags.
    """

    mailbox: str = ""
    flags: tuple[str, ...] = ()
    creates: bool = False
    mailbox_id: str | None = None
    special_use: str | None = None


def can_name(text: str) -> bool:
    """Whether a text from a script can be looked up at all: no NUL, no half of a pair, not without end."""
    return len(text) <= MAX_NAME_BYTES and "\0" not in text and not _HALF.search(text)


def name_of_id(tx: ReadTx, account_id: int, text: str) -> str | None:
    """The name of the account's mailbox with this MAILBOXID (RFC 8474 §4)."""
    mailbox_id = text.rpartition("-")[2]
    if not (mailbox_id.isascii() and mailbox_id.isdigit()) or len(mailbox_id) > MAX_ID_DIGITS:
        return None
    if (
        mailbox_object_id(account_id, int(mailbox_id)) != text.encode()
    ):  # another account's, or another spelling
        return None
    name: str | None = tx.value(
        "SELECT name FROM mailbox WHERE account_id = ? AND mailbox_id = ?", account_id, int(mailbox_id)
    )
    return name


def name_of_use(tx: ReadTx, account_id: int, use: str) -> str | None:
    """The name of the mailbox with this special use, whatever the case it is written in."""
    if not can_name(use):
        return None
    name: str | None = tx.value(
        "SELECT name FROM mailbox WHERE account_id = ? AND special_use = ?",
        account_id,
        _USES.get(use.lower(), use),
    )
    return name


def special_uses(tx: ReadTx, account_id: int, mailbox: str | None) -> Sequence[str]:
    """The special uses of a mailbox, or of all."""
    if mailbox is not None and not can_name(mailbox):
        return []
    condition, parameters = ("", ()) if mailbox is None else (" AND name = ?", (canonical(mailbox),))
    return [
        use
        for (use,) in tx.rows(
            f"SELECT special_use FROM mailbox WHERE account_id = ? AND special_use IS NOT NULL{condition}",
            account_id,
            *parameters,
        )
    ]


def settled(tx: WriteTx, account_id: int, place: Place, default: str) -> str:
    """The canonical name of the mailbox that the place comes to; it is made if the place says so and it can be."""
    found = None
    if place.mailbox_id is not None:
        found = name_of_id(tx, account_id, place.mailbox_id)
    elif place.special_use is not None:
        found = name_of_use(tx, account_id, place.special_use)
    name = found or (canonical(place.mailbox) if place.mailbox and can_name(place.mailbox) else default)
    if mailbox_id_of(tx, account_id, name) is not None:
        return name
    if place.creates or name == default:
        with contextlib.suppress(MailboxRefusedError):  # a name that can't be, or one too many
            return _made(tx, account_id, name, place.special_use)
    return default if name != default and mailbox_id_of(tx, account_id, default) is not None else INBOX


def _made(tx: WriteTx, account_id: int, name: str, use: str | None) -> str:
    known = None if use is None else _USES.get(use.lower())
    if known is not None and name_of_use(tx, account_id, known) is None:  # RFC 8579 §4.1: it gets the use
        return create_mailbox(tx, account_id, name, actor_id=account_id, special_use=known).name
    ensure_mailbox(tx, account_id, name)
    return canonical(name.removesuffix("/"))


def flag_bits(tx: WriteTx, account_id: int, names: Sequence[str]) -> int:
    """The bits of flags by name; keywords that are one too many for the account are left out."""
    bits, keywords = 0, []
    for name in names:
        bit = _SYSTEM_BITS.get(name.lower())
        if bit is not None:
            bits |= bit
        elif not name.startswith("\\"):
            keywords.append(name)
    if not keywords:
        return bits
    try:
        return bits | keyword_bits(tx, account_id, keywords)
    except LimitError:
        return bits | keyword_bits(tx, account_id, keywords, create=False)
