"""NOTIFY.

Not here: what is told (`servers.imap.notify`). Source: RFC 5465 §3.1, §5, §6, §8 with eid1804. Invariant: message events come in the
combinations that §5 allows.
"""

import enum

import msgspec

from postier.imap.fetch_items import FetchItems
from postier.imap.fetch_syntax import parse_fetch_items
from postier.imap.mailbox_filters import OF_NOTIFY, MailboxFilter, Scope, mailbox_filter
from postier.imap.refusals import bad, no
from postier.imap.responses import ResponseCode
from postier.imap.tokens import Cursor

MAX_GROUPS = 100
MAX_NAMES = 1_000  # of mailboxes, in one group


class Event(enum.Flag):
    """What can happen (RFC 5465 §5)."""

    MESSAGE_NEW = enum.auto()
    MESSAGE_EXPUNGE = enum.auto()
    FLAG_CHANGE = enum.auto()
    MAILBOX_NAME = enum.auto()
    SUBSCRIPTION_CHANGE = enum.auto()
    MAILBOX_METADATA = enum.auto()
    SERVER_METADATA = enum.auto()


_NAMES = {
    b"MESSAGENEW": Event.MESSAGE_NEW,
    b"MESSAGEEXPUNGE": Event.MESSAGE_EXPUNGE,
    b"FLAGCHANGE": Event.FLAG_CHANGE,
    b"MAILBOXNAME": Event.MAILBOX_NAME,
    b"SUBSCRIPTIONCHANGE": Event.SUBSCRIPTION_CHANGE,
    b"MAILBOXMETADATACHANGE": Event.MAILBOX_METADATA,
    b"SERVERMETADATACHANGE": Event.SERVER_METADATA,
}
_BADEVENT = ResponseCode(
    b"BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange"
    b" MailboxMetadataChange ServerMetadataChange)"
)
NOTIFICATIONOVERFLOW = ResponseCode(b"NOTIFICATIONOVERFLOW")
MESSAGE_EVENTS = Event.MESSAGE_NEW | Event.MESSAGE_EXPUNGE | Event.FLAG_CHANGE


ON_SELECTED = frozenset([Scope.SELECTED, Scope.SELECTED_DELAYED])


class EventGroup(msgspec.Struct, frozen=True):
    """Events of some mailboxes; `items` is what to tell of new messages, in the selected mailbox only."""

    mailboxes: MailboxFilter
    events: Event
    items: FetchItems | None = None


class Notify(msgspec.Struct, frozen=True):
    """What the client wants to be told of, unasked; no groups: nothing."""

    tag: bytes
    groups: tuple[EventGroup, ...] = ()
    wants_status: bool = False

    @property
    def selected(self) -> EventGroup | None:
        """What is wanted of the selected mailbox; None: nothing."""
        return next(
            (group for group in self.groups if group.mailboxes.scope in ON_SELECTED and group.events), None
        )


def parse(cursor: Cursor) -> Notify:
    """`NOTIFY` SP (`NONE` / `SET` [SP `STATUS`] 1*(SP group))."""
    cursor.space()
    if cursor.try_keyword(b"NONE"):
        cursor.end()
        return Notify(cursor.tag)
    if not cursor.try_keyword(b"SET"):
        raise cursor.error("expected SET or NONE")
    cursor.space()
    wants_status = cursor.try_keyword(b"STATUS")
    if wants_status:
        cursor.space()
    groups = [_group(cursor)]
    while cursor.peek():
        cursor.space()
        groups.append(_group(cursor))
        if len(groups) > MAX_GROUPS:
            raise no("Too many event groups", NOTIFICATIONOVERFLOW)
    if sum(group.mailboxes.scope in ON_SELECTED for group in groups) > 1:
        raise bad("Only one of SELECTED and SELECTED-DELAYED")  # RFC 5465 §6.1
    return Notify(cursor.tag, tuple(groups), wants_status)


def _group(cursor: Cursor) -> EventGroup:
    cursor.expect(b"(")
    mailboxes = mailbox_filter(cursor, OF_NOTIFY)
    if len(mailboxes.names) > MAX_NAMES:
        raise no("Too many mailboxes", NOTIFICATIONOVERFLOW)  # RFC 5465 §3.1
    cursor.space()
    events, items = _events(cursor)
    cursor.expect(b")")
    _check(mailboxes.scope, events, items)
    return EventGroup(mailboxes, events, items)


def _events(cursor: Cursor) -> tuple[Event, FetchItems | None]:
    if cursor.try_keyword(b"NONE"):
        return Event(0), None
    events, items = Event(0), None
    unknown = False
    cursor.expect(b"(")
    while True:
        name = cursor.keyword()
        unknown |= name not in _NAMES
        events |= _NAMES.get(name, Event(0))
        if cursor.text.startswith(b" (", cursor.pos):
            if name != b"MESSAGENEW":
                raise cursor.error("only MessageNew has fetch items")
            cursor.space()
            items = parse_fetch_items(cursor, is_uid=False)
        if cursor.take(b")"):
            break
        cursor.space()
    if unknown:  # RFC 5465 §3.1: not BAD
        raise no("Unsupported event", _BADEVENT)
    return events, items


def _check(scope: Scope, events: Event, items: FetchItems | None) -> None:
    both = Event.MESSAGE_NEW | Event.MESSAGE_EXPUNGE
    if events & both and events & both != both:  # RFC 5465 §5
        raise bad("MessageNew and MessageExpunge go together")
    if Event.FLAG_CHANGE in events and not events & both:
        raise bad("FlagChange needs MessageNew and MessageExpunge")
    if scope in ON_SELECTED and events & ~MESSAGE_EVENTS:  # RFC 5465 §6.1
        raise bad("Only message events are told of the selected mailbox")
    if scope not in ON_SELECTED and items is not None:
        raise bad("Fetch items are for the selected mailbox")
