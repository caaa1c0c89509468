"""Which mailboxes specifiers mean."""

import pytest

from postier.imap.mailbox_filters import OF_ESEARCH, OF_NOTIFY, MailboxFilter, Scope, mailbox_filter
from postier.imap.refusals import PeerError
from postier.imap.tokens import Cursor

NAMES = ("INBOX", "a", "a/b", "a/b/c", "ab", "a/*")


@pytest.mark.parametrize(
    ("scope", "names", "meant"),
    [
        (Scope.PERSONAL, (), NAMES),
        (Scope.INBOXES, (), NAMES),
        (Scope.SUBSCRIBED, (), ("ab",)),
        (Scope.MAILBOXES, ("a/*", "x"), ("a/*",)),
        (Scope.SUBTREE, ("a",), ("a", "a/b", "a/b/c", "a/*")),
        (Scope.SUBTREE, ("x", "a/b"), ("a/b", "a/b/c")),
        (Scope.SUBTREE_ONE, ("a",), ("a", "a/b", "a/*")),
        (Scope.SELECTED, (), ()),
        (Scope.SELECTED_DELAYED, (), ()),
    ],
)
def test_scopes(scope, names, meant):
    chosen = MailboxFilter(scope, names)
    assert tuple(name for name in NAMES if chosen.has(name, is_subscribed=name == "ab")) == meant


def test_notify_and_esearch_have_one_of_their_own_each():
    assert mailbox_filter(Cursor(b"selected-delayed"), OF_NOTIFY) == MailboxFilter(Scope.SELECTED_DELAYED)
    assert mailbox_filter(Cursor(b"subtree-one x"), OF_ESEARCH) == MailboxFilter(Scope.SUBTREE_ONE, ("x",))
    for text, scopes in ((b"selected-delayed", OF_ESEARCH), (b"subtree-one x", OF_NOTIFY), (b"x", OF_NOTIFY)):
        with pytest.raises(PeerError):
            mailbox_filter(Cursor(text), scopes)
