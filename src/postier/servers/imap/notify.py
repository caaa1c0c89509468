r"""NOTIFY: a client is told of what happens while it says nothing, in the selected mailbox and in others.

Not here: reading it (`imap.commands.notify`), the selected mailbox's own lines (`selected`). Source: RFC 5465. What happened is read
from the change logs of the accounts whose mailboxes are watched; names and subscriptions are compared with those of before.
Invariants: a mailbox that one may not list is never named, one that may not be read has no STATUS; a client that does not take
what it is told is told later. What this connection does itself is told as well, but for the FETCH of messages that it filed
(`contexts`).
"""

from collections.abc import Callable, Iterable

import msgspec

from postier.imap.commands.notify import MESSAGE_EVENTS, NOTIFICATIONOVERFLOW, Event, Notify
from postier.imap.commands.status import StatusItem
from postier.imap.mailbox_filters import Scope
from postier.imap.mailbox_names import DELIMITER
from postier.imap.mailbox_responses import list_line, status_data
from postier.imap.metadata_responses import metadata_changed_line
from postier.imap.refusals import no
from postier.imap.responses import untagged_ok
from postier.imap.rights import Right
from postier.mailbox.annotations import EVERYBODY, SERVER, annotation_changes, shared_modseq
from postier.mailbox.listing import Listed, list_mailboxes
from postier.mailbox.rights import rights_on
from postier.servers.imap import contexts, sharing
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.mailboxes import attributes_of, status_values
from postier.store.changes import Change, ChangeKind, account_modseq, changes_since
from postier.store.transaction import ReadTx, StoreError

MAX_ACCOUNTS = 50  # whose changes one connection watches
MAX_GONE = 1_000  # names of mailboxes that are gone, whose UIDVALIDITY is remembered

Key = tuple[int, int]  # account and mailbox

_NAME_KINDS = frozenset(
    [
        ChangeKind.MAILBOX_CREATED,
        ChangeKind.MAILBOX_DELETED,
        ChangeKind.MAILBOX_RENAMED,
        ChangeKind.RIGHTS,
        ChangeKind.SUBSCRIPTION,
    ]
)


class Seen(msgspec.Struct, frozen=True):
    """What the client knows: modseqs by account, the names, and the shared annotations of the server."""

    modseqs: dict[int, int]
    listed: dict[str, Listed]
    readable: frozenset[Key]
    shared_modseq: int
    is_too_much: bool = False  # there are more accounts with mailboxes to be watched than MAX_ACCOUNTS


class News(msgspec.Struct, frozen=True):
    """What happened since: the state after it, and the changes by account."""

    seen: Seen
    changes: dict[int, list[Change]]
    annotations: list[tuple[Key, list[str]]]
    has_new_names: bool


class Watching:
    """One connection's NOTIFY."""

    __slots__ = ("_validities", "ends", "notify", "seen", "watched")

    def __init__(self, notify: Notify, seen: Seen) -> None:
        self.notify = notify
        self.seen = seen
        self.ends: list[Callable[[], None]] = []
        self.watched: set[int] = set()
        self._validities: dict[str, int] = {}  # by name, also of mailboxes that are gone
        self.remade(seen)

    def remade(self, seen: Seen) -> list[str]:
        """The names that now stand for another mailbox than the client knows them for."""
        now = {name: each.status.uidvalidity for name, each in seen.listed.items() if each.status is not None}
        known = self._validities
        found = [name for name, validity in now.items() if known.get(name, validity) != validity]
        known |= now
        if len(known) > len(now) + MAX_GONE:
            self._validities = now
        return found

    def watch(self, connection: Connection) -> None:
        """Be woken by all accounts that matter."""
        for account_id in self.seen.modseqs.keys() - self.watched:
            self.watched.add(account_id)
            self.ends.append(connection.store.watch(account_id, connection.account_changed))


async def notify(connection: Connection, command: Notify) -> Done:
    """NOTIFY SET and NOTIFY NONE."""
    seen = await connection.store.read(_look, connection.account_id, command, ())
    if seen.is_too_much:
        raise no("Mailboxes of too many accounts are to be watched", NOTIFICATIONOVERFLOW)  # RFC 5465 §3.1
    stop(connection)
    watching = connection.watching = Watching(command, seen)
    watching.watch(connection)
    connection.owner.idlers.add(connection)
    if connection.selected is not None:
        await contexts.news(connection, may_expunge=True, is_asked=True)
        apply(connection)
    for listed in seen.listed.values():
        events = _events_of(connection, listed)
        if not events or listed.status is None:
            continue
        if _key(listed) not in seen.readable:  # RFC 5465 §3.1
            connection.send(list_line(listed.name, ["\\NoAccess"], utf8=connection.session.utf8))
        elif command.wants_status and events & MESSAGE_EVENTS and not _is_selected(connection, _key(listed)):
            await _send_status(connection, listed, events, is_first=True)
    connection.has_news = True
    return Done("NOTIFY completed")


def stop(connection: Connection) -> None:
    """Watch no longer."""
    watching = connection.watching
    if watching is not None:
        for end in watching.ends:
            end()
        connection.owner.idlers.remove(connection)
        connection.watching = None


def apply(connection: Connection) -> None:
    """What NOTIFY says of the selected mailbox holds for the one that is selected now."""
    selected, watching = connection.selected, connection.watching
    if selected is not None and watching is not None:
        group = watching.notify.selected
        selected.is_frozen = group is None
        selected.wants_flags = group is not None and Event.FLAG_CHANGE in group.events
        selected.new_items = None if group is None else group.items
        selected.fetched_uidnext = selected.told_uidnext


async def tell(connection: Connection, *, is_in_idle: bool = False) -> None:
    """What happened since. Raises MailboxGoneError."""
    watching = connection.watching
    assert watching is not None
    if connection.stream.is_blocked:
        await connection.drain()
        connection.expect_command()
    try:
        await _tell_selected(connection, watching, is_in_idle=is_in_idle)
        news = await connection.store.read(_news, connection.account_id, watching.notify, watching.seen)
        if news is None:
            return
        if news.seen.is_too_much:  # RFC 5465 §5.8
            connection.send(untagged_ok("Mailboxes of too many accounts", NOTIFICATIONOVERFLOW))
            watching.notify = Notify(watching.notify.tag)
            apply(connection)
        before, watching.seen = watching.seen, news.seen
        watching.watch(connection)
        await _tell_others(connection, watching, before, news)
    except StoreError:
        return  # the next wake-up or look tells it all


async def _tell_selected(connection: Connection, watching: Watching, *, is_in_idle: bool) -> None:
    selected, group = connection.selected, watching.notify.selected
    if selected is None or group is None:
        return
    if selected.is_foreign:
        await sharing.still_allowed(connection)
    may_expunge = is_in_idle or group.mailboxes.scope is Scope.SELECTED  # RFC 5465 §6.1.2
    await contexts.news(connection, may_expunge=may_expunge)


async def _tell_others(connection: Connection, watching: Watching, before: Seen, news: News) -> None:
    if news.has_new_names:
        _tell_names(connection, before.listed, news.seen.listed)
        _tell_access(connection, before, news.seen)
    for name, events in _happened(news, watching.remade(news.seen)).items():
        listed = news.seen.listed[name]
        wanted = _events_of(connection, listed) & events
        if wanted and _key(listed) in news.seen.readable and not _is_selected(connection, _key(listed)):
            await _send_status(connection, listed, wanted, is_first=False)
    names = {_key(listed): listed for listed in news.seen.listed.values() if listed.status is not None}
    for key, entries in news.annotations:
        of = names.get(key)
        if key[1] == SERVER:
            is_wanted = _wants_server(connection)
        else:
            is_wanted = of is not None and Event.MAILBOX_METADATA in _events_of(connection, of)
        if is_wanted:
            shown = of.name if of is not None else ""
            connection.send(metadata_changed_line(shown, entries, utf8=connection.session.utf8))


def _tell_access(connection: Connection, before: Seen, after: Seen) -> None:
    """LIST lines for mailboxes that can still be listed, but no longer read, or can be read again (RFC 5465 §5.9)."""
    for name, listed in after.listed.items():
        key, old = _key(listed), before.listed.get(name)
        is_known = listed.status is not None and old is not None and _key(old) == key
        if not is_known or (key in before.readable) is (key in after.readable):
            continue
        if _events_of(connection, listed):
            attributes = attributes_of(listed) if key in after.readable else ["\\NoAccess"]
            connection.send(list_line(name, attributes, utf8=connection.session.utf8))


def _happened(news: News, remade: Iterable[str]) -> dict[str, Event]:
    """Message events by name; FlagChange tells the UIDVALIDITY of mailboxes that were made anew (RFC 5465 §5.1)."""
    names = {_key(listed): listed.name for listed in news.seen.listed.values() if listed.status is not None}
    happened = dict.fromkeys(remade, Event.FLAG_CHANGE)
    for account_id, changes in news.changes.items():
        for change in changes:
            name = names.get((account_id, change.mailbox_id))
            event = {
                ChangeKind.APPENDED: Event.MESSAGE_NEW,
                ChangeKind.EXPUNGED: Event.MESSAGE_EXPUNGE,
                ChangeKind.FLAGS: Event.FLAG_CHANGE,
            }.get(change.kind)
            if name is not None and event is not None:
                happened[name] = happened.get(name, Event(0)) | event
    return happened


def _tell_names(connection: Connection, before: dict[str, Listed], after: dict[str, Listed]) -> None:
    """LIST lines for what was made, deleted, renamed, shared or subscribed to (RFC 5465 §5.4, §5.5)."""
    utf8 = connection.session.utf8
    old_names = {_key(listed): name for name, listed in before.items() if listed.status is not None}
    affected: dict[str, str | None] = {}  # a name, and the one it had
    for name, listed in after.items():
        old = before.get(name)
        was_there = old is not None and old.status is not None
        if listed.status is not None and not was_there:
            renamed = old_names.get(_key(listed))
            if renamed is None or not _is_below_renamed(name, renamed, affected):
                affected[name] = renamed
            if renamed is None and DELIMITER in name:
                affected.setdefault(name.rpartition(DELIMITER)[0], None)
    keys = {_key(listed) for listed in after.values() if listed.status is not None}
    for name, listed in before.items():
        if listed.status is not None and _key(listed) not in keys:
            affected[name] = None
            if DELIMITER in name:
                affected.setdefault(name.rpartition(DELIMITER)[0], None)
    for name, old_name in affected.items():
        listed = after.get(name) or Listed(name, None, is_subscribed=False, has_children=False)
        if Event.MAILBOX_NAME in _events_of(connection, before.get(name) or listed):
            connection.send(list_line(name, attributes_of(listed), utf8=utf8, old_name=old_name))
    for name in before.keys() | after.keys():
        now, then = after.get(name), before.get(name)
        is_subscribed = now is not None and now.is_subscribed
        if is_subscribed == (then is not None and then.is_subscribed) or name in affected:
            continue
        listed = now or Listed(name, None, is_subscribed=False, has_children=False)
        if Event.SUBSCRIPTION_CHANGE in _events_of(connection, listed):
            connection.send(list_line(name, attributes_of(listed), utf8=utf8))


def _is_below_renamed(name: str, old: str, affected: dict[str, str | None]) -> bool:
    """Whether a mailbox above it was renamed and took it along (RFC 5465 §5.4)."""
    return any(
        above is not None and name == top + old.removeprefix(above) and old.startswith(above + DELIMITER)
        for top, above in affected.items()
    )


async def _send_status(connection: Connection, listed: Listed, events: Event, *, is_first: bool) -> None:
    assert listed.status is not None
    items: dict[StatusItem, None] = {}
    if events & (Event.MESSAGE_NEW | Event.MESSAGE_EXPUNGE):
        items |= dict.fromkeys([StatusItem.MESSAGES, StatusItem.UIDNEXT])
    if is_first or Event.FLAG_CHANGE in events:
        items |= dict.fromkeys([StatusItem.UIDVALIDITY])
    if Event.FLAG_CHANGE in events:
        items |= dict.fromkeys([StatusItem.UNSEEN])
    if connection.session.knows_modseq or (is_first and Event.FLAG_CHANGE in events):
        items |= dict.fromkeys([StatusItem.HIGHESTMODSEQ])
    values = await status_values(connection, listed.name, tuple(items), listed.status)
    connection.send(status_data(listed.name, values, utf8=connection.session.utf8))


def _events_of(connection: Connection, listed: Listed) -> Event:
    """What is wanted of a mailbox that is not selected: several groups add up (RFC 5465 §6)."""
    watching = connection.watching
    assert watching is not None
    events = Event(0)
    for group in watching.notify.groups:
        if group.mailboxes.has(listed.name, is_subscribed=listed.is_subscribed):
            events |= group.events
    return events


def _wants_server(connection: Connection) -> bool:
    assert connection.watching is not None
    return any(Event.SERVER_METADATA in group.events for group in connection.watching.notify.groups)


def _is_selected(connection: Connection, key: Key) -> bool:
    selected = connection.selected
    return selected is not None and (selected.account_id, selected.mailbox_id) == key


def _key(listed: Listed) -> Key:
    return (0, 0) if listed.status is None else (listed.status.account_id, listed.status.mailbox_id)


def _look(tx: ReadTx, actor_id: int, notify: Notify, also: Iterable[int]) -> Seen:
    """What is there now, of one's own account, of those with mailboxes that are to be watched, and of those that are watched."""
    listed = {each.name: each for each in list_mailboxes(tx, actor_id, actor_id=actor_id)}
    statuses = [each.status for each in listed.values() if each.status is not None]
    wanted = [
        each.status.account_id
        for each in listed.values()
        if each.status is not None
        and any(group.mailboxes.has(each.name, is_subscribed=each.is_subscribed) for group in notify.groups)
    ]
    accounts = [*dict.fromkeys([actor_id, *wanted])]
    is_too_much = len(accounts) > MAX_ACCOUNTS
    accounts = [*dict.fromkeys([*accounts, *also])][:MAX_ACCOUNTS]
    readable = frozenset(
        (status.account_id, status.mailbox_id)
        for status in statuses
        if Right.READ in rights_on(tx, actor_id, status.account_id, status.mailbox_id)
    )
    modseqs = {account_id: account_modseq(tx, account_id) for account_id in accounts}
    return Seen(modseqs, listed, readable, shared_modseq(tx), is_too_much)


def _news(tx: ReadTx, actor_id: int, notify: Notify, seen: Seen) -> News | None:
    """What happened since; None for nothing."""
    changes = {
        account_id: found
        for account_id, modseq in seen.modseqs.items()
        if (found := changes_since(tx, account_id, modseq))
    }
    shared = shared_modseq(tx)
    if not changes and shared == seen.shared_modseq:
        return None
    annotations: list[tuple[Key, list[str]]] = []
    if shared > seen.shared_modseq:
        annotations += [
            ((EVERYBODY, SERVER), each.entries)
            for each in annotation_changes(tx, EVERYBODY, EVERYBODY, seen.shared_modseq)
        ]
    for account_id, found in changes.items():
        if any(change.kind is ChangeKind.METADATA for change in found):
            annotations += [
                ((account_id, each.mailbox_id), each.entries)
                for each in annotation_changes(tx, account_id, actor_id, seen.modseqs[account_id])
            ]
    kinds = {change.kind for found in changes.values() for change in found}
    return News(
        _look(tx, actor_id, notify, seen.modseqs),
        changes,
        annotations,
        has_new_names=bool(kinds & _NAME_KINDS),
    )
