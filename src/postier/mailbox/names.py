r"""Mailbox names: what is a name here, and the tree that names make.

Not here: modified UTF-7 (`imap.mailbox_names`). Source: RFC 9051 §5.1 (Net-Unicode, INBOX without case, "#" reserved),
RFC 5198 §2 (NFC, no controls). Invariants: a name is NFC, "/" separates levels, no level is empty, the first level
INBOX is written in capitals.
"""

import re
import unicodedata

from postier.mailbox.refusals import LimitError, MailboxRefusedError, Refusal

SEPARATOR = "/"
INBOX = "INBOX"
MAX_NAME_BYTES = 1_000
MAX_DEPTH = 50

# Controls, the separators of lines and paragraphs (RFC 9051 §5.1), what is no character, and half pairs.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def canonical(name: str) -> str:
    """The name as it is stored; for looking it up as well. Any text gives a text."""
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)
    if name[:5].upper() == INBOX and (len(name) == 5 or name[5] == SEPARATOR):
        return INBOX + name[5:]
    return name


def new_name(name: str) -> str:
    """The name under which a mailbox may be made; a separator at the end is dropped (RFC 9051 §6.3.4).

    Raises MailboxRefusedError.
    """
    name = canonical(name.removesuffix(SEPARATOR))
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        raise LimitError(f"a mailbox name has at most {MAX_NAME_BYTES} octets")
    levels = name.split(SEPARATOR)
    if len(levels) > MAX_DEPTH:
        raise LimitError(f"mailbox names have at most {MAX_DEPTH} levels")
    if "" in levels:
        raise MailboxRefusedError(Refusal.CANNOT, "a level of the mailbox name is empty")
    if _FORBIDDEN.search(name):
        raise MailboxRefusedError(Refusal.CANNOT, "the mailbox name holds a character that is not allowed")
    if name[0] == "#":
        raise MailboxRefusedError(Refusal.CANNOT, "names that begin with # are reserved")
    return name


def superiors(name: str) -> list[str]:
    """The names above, highest first."""
    levels = name.split(SEPARATOR)
    return [SEPARATOR.join(levels[:depth]) for depth in range(1, len(levels))]


def is_inferior(name: str, of: str) -> bool:
    """Whether `name` lies below `of`."""
    return name.startswith(of + SEPARATOR)


def listing_key(name: str) -> tuple[bool, list[str]]:
    """Sorts INBOX first, and each name before its inferiors."""
    return name.split(SEPARATOR, 1)[0] != INBOX, name.split(SEPARATOR)
