"""Contexts of an open mailbox: results that clients want to be told about, and the news that includes them.

Not here: the lines (`imap.contexts`), matching (`search`), order (`mailbox.order`). Sources: RFC 5267 §4.3; RFC 5465 §5.1, §5.2, §7. Invariants: everything
that tells of expunges goes through `news`; REMOVEFROM comes before the EXPUNGE and ADDTO behind the EXISTS that they go with, so
sequence numbers in them are right; both come behind the FETCH of the flags, and of the new messages, that they go with; the change
log says what may have changed, whoever did it; what can't be decided now is decided at the next look.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence

from postier.imap.commands.cancel_update import CancelUpdate
from postier.imap.contexts import MAX_CONTEXTS, MAX_RESULTS, Context, Numbers
from postier.imap.fetch_items import FetchItems
from postier.imap.refusals import bad
from postier.imap.responses import Status, no_update, status_line
from postier.imap.search import Criterion, Uids
from postier.imap.search_algebra import conjunction, with_numbers_bound
from postier.imap.search_results import Return, Wanted
from postier.imap.sets import ranges_of
from postier.imap.sorting import SortField, SortKey
from postier.imap.view import Chosen, MailboxView
from postier.mailbox.order import in_order
from postier.mailbox.views import MailboxChanges, changes_for
from postier.servers.imap.connection import Connection, Done
from postier.servers.imap.fetch import send_new
from postier.servers.imap.matching import matching_uids
from postier.servers.imap.selected import MailboxGoneError, Selected, uids_of
from postier.servers.imap.sort_keys import read_keyed


class Contexts:
    """Those of one open mailbox."""

    __slots__ = ("modseq", "open", "undecided")

    def __init__(self) -> None:
        self.open: dict[bytes, Context] = {}  # by tag
        self.modseq = 0  # up to where the change log is in them
        self.undecided: set[int] = set()  # UIDs to look at again

    def has_room(self, count: int) -> bool:
        """Whether a result of so many messages may be kept as well."""
        held = sum(len(context.results) for context in self.open.values())
        return not self.open or (len(self.open) < MAX_CONTEXTS and held + count <= MAX_RESULTS)


def refuse_reuse(connection: Connection, tag: bytes, returns: Wanted | None) -> None:
    """A tag names one context. Raises PeerError (RFC 5267 §4.3)."""
    kept = connection.opened().contexts
    if kept is not None and tag in kept.open and returns is not None and Return.UPDATE in returns.options:
        raise bad("Tag reuse")


def keep(
    connection: Connection,
    tag: bytes,
    criterion: Criterion,
    results: Sequence[int],
    *,
    is_uid: bool,
    keys: tuple[SortKey, ...] | None = None,
    start: bytes = b"",
    items: FetchItems | None = None,
) -> bool:
    """Keep a result up to date from now on, or tell that it is not; whether it is known to the client what is."""
    selected = connection.opened()
    kept = selected.contexts = selected.contexts or Contexts()
    by_relevancy = any(
        key.field is SortField.RELEVANCY for key in keys or ()
    )  # scores change without a change
    if by_relevancy or not kept.has_room(len(results)):
        connection.send(status_line(Status.NO, "Too many contexts", code=no_update(tag)))
        return True
    if not kept.open:
        kept.modseq = selected.modseq
    frozen = with_numbers_bound(criterion, selected.view.uid_ranges)
    kept.open[tag] = Context(tag, frozen, results, is_uid=is_uid, keys=keys, start=start, items=items)
    return True


def cancel(connection: Connection, command: CancelUpdate) -> Done:
    """CANCELUPDATE."""
    selected = connection.opened()
    kept = selected.contexts or Contexts()
    found = [kept.open.pop(tag, None) for tag in command.tags]
    if not kept.open:
        selected.contexts = None
    if None in found:
        return Done("No such context", status=Status.NO)
    return Done("CANCELUPDATE completed")


async def news(connection: Connection, *, may_expunge: bool, is_asked: bool = False) -> None:
    """Tell what happened in the open mailbox, and to the results kept; `is_asked` as in `Selected.news`.

    Raises MailboxGoneError, StoreError.
    """
    selected, store = connection.opened(), connection.store
    if selected.is_frozen and not is_asked:
        return
    kept = selected.contexts
    if not kept:
        connection.send(await selected.news(store, may_expunge=may_expunge, is_asked=is_asked))
        await _fetch_new(connection, {})
        return
    connection.send(await selected.learn(store))
    changes = await store.read(changes_for, selected.account_id, selected.mailbox_id, kept.modseq)
    if changes is None:
        raise MailboxGoneError
    if not changes.is_empty or kept.undecided:
        await _update(connection, kept, changes, may_expunge=may_expunge)
    else:
        kept.modseq = changes.modseq
        connection.send(await selected.flush(store, may_expunge=may_expunge))
        await _fetch_new(connection, {})


async def _update(
    connection: Connection, kept: Contexts, changes: MailboxChanges, *, may_expunge: bool
) -> None:
    selected, store = connection.opened(), connection.store
    expunged = frozenset(uids_of(changes.expunged))
    looked_at = kept.undecided.union(uids_of(changes.appended), (uid for uid, _, _ in changes.flags))
    looked_at -= expunged
    known = {uid for uid in looked_at if uid < selected.uidnext}  # the others the client hears of later
    decided = [
        (context, await _decide(connection, context, known, expunged)) for context in kept.open.values()
    ]
    by_number = any(not context.is_uid for context in kept.open.values())
    view = await selected.load(store) if by_number else selected.view
    kept.modseq, kept.undecided = changes.modseq, looked_at
    for context, (gone, _, _) in decided:
        connection.send(context.remove(gone & expunged, _numbers(context, view)))
    connection.send(await selected.flush(store, may_expunge=may_expunge))
    for context, (gone, _, _) in decided:  # RFC 5465 §5.1: behind the FETCH
        connection.send(context.remove(gone - expunged, _numbers(context, view)))
    wanted: dict[int, FetchItems] = {}
    for context, (_, came, _) in decided:
        if context.items is not None:
            for uid in came.intersection(uids_of(changes.appended)):
                wanted[uid] = wanted.get(uid, context.items).also(context.items)
    # RFC 5465 §7: behind EXISTS, before ADDTO (§5.2 says behind it: eid4833)
    await _fetch_new(connection, wanted)
    for context, (_, came, ordered) in decided:
        if came:
            connection.send(context.add(came, ordered, _numbers(context, view)))
    kept.undecided = looked_at - known


async def _fetch_new(connection: Connection, wanted: dict[int, FetchItems]) -> None:
    """Tell of new messages what results that are kept want, by UID, and what NOTIFY wants, each in one FETCH (RFC 5465 §5.2)."""
    selected = connection.opened()
    items, since = selected.new_items, selected.fetched_uidnext
    if items is not None and since < selected.told_uidnext:
        uids, own = (await selected.load(connection.store)).uids, {*selected.own_new}
        for uid in uids[bisect_left(uids, since) :]:
            if uid not in own:
                wanted[uid] = items.also(wanted[uid]) if uid in wanted else items
    groups: dict[FetchItems, list[int]] = {}
    for uid in sorted(wanted):
        groups.setdefault(wanted[uid], []).append(uid)
    for told, uids_told in groups.items():
        view = await selected.load(connection.store)
        new = array("I", uids_told)
        await send_new(connection, Chosen(new, view.seqs_of(new)), told)
    selected.fetched_uidnext = selected.told_uidnext
    selected.own_new = [uid for uid in selected.own_new if uid >= selected.told_uidnext]


async def _decide(
    connection: Connection, context: Context, known: set[int], expunged: frozenset[int]
) -> tuple[set[int], set[int], Sequence[int]]:
    """(what leaves the result, what comes into it, the result then). Raises StoreError."""
    selected = connection.opened()
    results = set(context.results)
    matching: set[int] = set()
    if known:
        asked = conjunction([Uids(ranges_of(sorted(known))), context.criterion])
        matching.update(await matching_uids(connection, asked, uidnext=selected.uidnext))
    gone = results & (expunged | (known - matching))
    came = (matching & known) - results
    if not came:
        return gone, came, ()
    ordered: Sequence[int] = sorted((results - gone) | came)
    if context.keys is not None:
        account_id, mailbox_id, keys, uids = selected.account_id, selected.mailbox_id, context.keys, ordered
        ordered = await read_keyed(
            connection, len(uids), lambda tx: in_order(tx, account_id, mailbox_id, uids, keys)
        )
        # what was expunged since is told of at the next look; the client has it, so it keeps its place till then
        ordered = _with_missing(ordered, [uid for uid in context.results if uid not in gone])
        came &= set(ordered)
    return gone, came, ordered


def _with_missing(ordered: Sequence[int], before: Sequence[int]) -> Sequence[int]:
    """`ordered` with those of `before` that it lacks, each behind the one that it stood behind."""
    there = set(ordered)
    if all(uid in there for uid in before):
        return ordered
    behind: dict[int, list[int]] = {}
    last = 0
    for uid in before:
        if uid in there:
            last = uid
        else:
            behind.setdefault(last, []).append(uid)
    whole = [*behind.get(0, ())]
    for uid in ordered:
        whole += (uid, *behind.get(uid, ()))
    return whole


def _numbers(context: Context, view: MailboxView) -> Numbers:
    if context.is_uid:
        return lambda uids: uids

    def numbers(uids: Sequence[int]) -> Sequence[int]:
        # Looked for now: an EXPUNGE that was told in between has changed them
        return array("I", [bisect_left(view.uids, uid) + 1 for uid in uids])

    return numbers


def forget(selected: Selected) -> None:
    """The mailbox is closed."""
    selected.contexts = None
