"""The open mailbox of a connection: its view, brought up to date from the change log.

Not here: the view itself (`imap.view`), opening (`select`). Invariants: the view knows everything up to `modseq` and
nothing later; `uidnext` is the mailbox's at `modseq`, `told_uidnext` what the client can know of; UIDs are loaded only
when a sequence number is needed, and then exactly as of `modseq`.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import chain

from postier.imap.flags import FIRST_KEYWORD_BIT
from postier.imap.sets import SequenceSet, ranges_of
from postier.imap.view import Chosen, MailboxView
from postier.mailbox.keywords import keywords_of
from postier.mailbox.reading import uids_at
from postier.mailbox.views import MailboxChanges, changes_for
from postier.store.transaction import Store
from postier.store.uid_ranges import UidRange

INLINE_UIDS = 10_000  # of more messages the UIDs are loaded beside the loop
KEPT_UIDS = 1_000  # a connection in IDLE keeps no more than these


class MailboxGoneError(Exception):
    """The selected mailbox was deleted."""


class Selected:
    """One open mailbox."""

    __slots__ = ("account_id", "mailbox_id", "modseq", "told_uidnext", "uidnext", "view")

    def __init__(
        self, account_id: int, mailbox_id: int, *, modseq: int, uidnext: int, view: MailboxView
    ) -> None:
        self.account_id = account_id
        self.mailbox_id = mailbox_id
        self.modseq = modseq
        self.uidnext = self.told_uidnext = uidnext
        self.view = view

    async def news(self, store: Store, *, may_expunge: bool) -> bytes:
        """The lines that bring the client up to date. Raises MailboxGoneError, StoreError."""
        changes = await store.read(changes_for, self.account_id, self.mailbox_id, self.modseq)
        self.take(changes)
        lines = b""
        if changes is not None and changes.flags:
            lines = await self.learn_keywords(store, [bits for _, bits in changes.flags])
        return lines + await self.flush(store, may_expunge=may_expunge)

    def take(self, changes: MailboxChanges | None) -> None:
        """Note what happened after `modseq`. Raises MailboxGoneError."""
        if changes is None:
            raise MailboxGoneError
        view = self.view
        if changes.appended:
            view.note_appended(uids_of(changes.appended))
        if changes.expunged:
            view.note_expunged(uids_of(changes.expunged))
        if changes.flags:
            view.note_flags(dict(changes.flags), changes.modseq)
        self.modseq, self.uidnext = changes.modseq, changes.uidnext

    async def flush(self, store: Store, *, may_expunge: bool) -> bytes:
        """The lines for what is noted. Raises StoreError."""
        view = self.view
        if not view.has_pending(may_expunge=may_expunge):
            return b""
        if view.needs_uids(may_expunge=may_expunge):
            await self.load(store)
        lines = view.flush(may_expunge=may_expunge)
        self.told_uidnext = self.uidnext
        return lines

    async def load(self, store: Store) -> MailboxView:
        """The view with its UIDs. Raises StoreError."""
        view = self.view
        if not view.is_loaded:
            read = store.read if view.exists <= INLINE_UIDS else store.read_bulk
            view.load(await read(uids_at, self.account_id, self.mailbox_id, self.uidnext, self.modseq))
        return view

    async def choose(self, store: Store, messages: SequenceSet, *, is_uid: bool) -> Chosen:
        """The messages that a command names. Raises PeerError, StoreError."""
        return (await self.load(store)).choose(messages, is_uid=is_uid)

    async def learn_keywords(self, store: Store, bits: Iterable[int]) -> bytes:
        """Look the keywords up again if flags have bits without a name; gives what to tell first. Raises StoreError."""
        if not max(bits, default=0) >> (FIRST_KEYWORD_BIT + len(self.view.keywords)):
            return b""
        self.view.note_keywords(await store.read(keywords_of, self.account_id))
        return await self.flush(store, may_expunge=False)

    def rest(self) -> None:
        """The client waits: keep little."""
        if self.view.exists > KEPT_UIDS:
            self.view.unload()


def uids_of(ranges: Iterable[UidRange]) -> "array[int]":
    """The UIDs of ranges, one by one."""
    return array("I", chain.from_iterable([range(first, last + 1) for first, last in ranges]))


def uid_ranges(chosen: Chosen, uids: Sequence[int]) -> list[UidRange]:
    """Ranges that hold the chosen messages and no other that the client knows; `uids` are the view's.

    Messages that follow one another in the view are one range, whatever UIDs are missing between them.
    """
    if isinstance(chosen.seqs, range):
        return [(chosen.uids[0], chosen.uids[-1])] if chosen.uids else []
    return [(uids[low - 1], uids[high - 1]) for low, high in ranges_of(chosen.seqs)]
