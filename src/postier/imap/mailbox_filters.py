"""Which mailboxes a command is about: specifiers as NOTIFY and ESEARCH have them.

Not here: which mailboxes there are, and who may see them. Source: RFC 5465 §6, §8 (filter-mailboxes); RFC 7377 §2.2 (subtree-one).
Invariant: names stand for themselves, wildcards are no wildcards here.
"""

import enum
from collections.abc import Iterable

import msgspec

from postier.imap.mailbox_names import DELIMITER
from postier.imap.refusals import bad
from postier.imap.tokens import Cursor


class Scope(enum.Enum):
    """The specifiers."""

    SELECTED = b"SELECTED"
    SELECTED_DELAYED = b"SELECTED-DELAYED"
    PERSONAL = b"PERSONAL"
    INBOXES = b"INBOXES"
    SUBSCRIBED = b"SUBSCRIBED"
    SUBTREE = b"SUBTREE"
    SUBTREE_ONE = b"SUBTREE-ONE"
    MAILBOXES = b"MAILBOXES"


_NAMED = frozenset({Scope.SUBTREE, Scope.SUBTREE_ONE, Scope.MAILBOXES})
OF_NOTIFY = frozenset(Scope) - {Scope.SUBTREE_ONE}
OF_ESEARCH = frozenset(Scope) - {Scope.SELECTED_DELAYED}


class MailboxFilter(msgspec.Struct, frozen=True):
    """One specifier, with its names in canonical form if it has some."""

    scope: Scope
    names: tuple[str, ...] = ()

    def has(self, name: str, *, is_subscribed: bool) -> bool:
        """Whether a selectable mailbox is meant; SELECTED is the caller's to know."""
        match self.scope:
            case Scope.PERSONAL | Scope.INBOXES:  # RFC 5465 §6.3: a script may deliver anywhere
                return not name.startswith("#")  # namespaces of others
            case Scope.SUBSCRIBED:
                return is_subscribed
            case Scope.MAILBOXES:
                return name in self.names
            case Scope.SUBTREE:
                return any(name == top or name.startswith(top + DELIMITER) for top in self.names)
            case Scope.SUBTREE_ONE:
                return name in self.names or name.rpartition(DELIMITER)[0] in self.names
            case Scope.SELECTED | Scope.SELECTED_DELAYED:
                return False


def mailbox_filter(cursor: Cursor, scopes: Iterable[Scope]) -> MailboxFilter:
    """RFC 5465 §8 filter-mailboxes, of those `scopes`."""
    word = cursor.keyword()
    scope = next((each for each in scopes if each.value == word), None)
    if scope is None:
        raise bad("Unknown mailbox specifier")
    if scope not in _NAMED:
        return MailboxFilter(scope)
    cursor.space()
    names = cursor.items(cursor.mailbox) if cursor.peek() == b"(" else [cursor.mailbox()]
    return MailboxFilter(scope, tuple(dict.fromkeys(names)))
