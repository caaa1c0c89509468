"""Who may do what with a mailbox: the one place that decides.

Every function that takes a mailbox by its name asks here; those that take its number work on what was opened before.
Denied by default; for now only the owner has rights, to everything. Source: SECURITY row 14; RFC 4314 §2.1 for the
words.
"""

import enum

from postier.mailbox.refusals import no_such_mailbox


class Right(enum.Enum):
    """The standard rights that the delivery agent tells apart (RFC 4314 §2.1)."""

    LOOKUP = "l"
    READ = "r"
    SEEN = "s"
    WRITE = "w"
    INSERT = "i"
    CREATE = "k"
    DELETE_MAILBOX = "x"
    DELETE_MESSAGE = "t"
    EXPUNGE = "e"


OWNER = frozenset(Right)


def rights_of(actor_id: int, account_id: int) -> frozenset[Right]:
    """What account `actor_id` may do with the mailboxes of account `account_id`."""
    return OWNER if actor_id == account_id else frozenset()


def authorise(actor_id: int, account_id: int, right: Right) -> None:
    """Raises the refusal of a mailbox that does not exist unless the actor has the right."""
    if right not in rights_of(actor_id, account_id):
        raise no_such_mailbox()
