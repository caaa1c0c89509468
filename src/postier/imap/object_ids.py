"""Names that mailboxes, messages and threads keep for ever: F, M and T with the store's numbers.

Source: RFC 8474 §4, §5, §7. Invariant: no two things have one name, whatever account they belong to; a number of a message
or a thread is unique in the store, that of a mailbox in its account.
"""

import re

_NUMBERED = re.compile(rb"[MT](0|[1-9][0-9]{0,17})")

EMAIL, THREAD = b"M", b"T"


def mailbox_object_id(account_id: int, mailbox_id: int) -> bytes:
    """The MAILBOXID."""
    return b"F%d-%d" % (account_id, mailbox_id)


def number_of(object_id: bytes, kind: bytes) -> int | None:
    """The number of an EMAILID or THREADID; None for a name that no message has. Case matters (RFC 8474 §7)."""
    found = _NUMBERED.fullmatch(object_id)
    return int(found[1]) if found and object_id[:1] == kind else None
