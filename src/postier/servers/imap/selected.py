"""The open mailbox of a connection: its view, brought up to date from the change log.

Not here: the view itself (`imap.view`), opening (`select`). Invariants: the view knows everything up to `modseq` and
nothing later; `uidnext` is the mailbox's at `modseq`, `told_uidnext` what the client can know of; UIDs are loaded only
when a sequence number is needed, and then exactly as of `modseq`.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from postier.imap.fetch_items import FetchItems
from postier.imap.flags import FIRST_KEYWORD_BIT
from postier.imap.rights import ALL_RIGHTS, Right
from postier.imap.select_responses import url_mechanisms
from postier.imap.sets import SequenceSet, ranges_of
from postier.imap.view import Chosen, MailboxView
from postier.mailbox.keywords import keywords_of
from postier.mailbox.reading import uids_at
from postier.mailbox.rights import Place
from postier.mailbox.seen import overlaid, seen_by
from postier.mailbox.views import MailboxChanges, changes_for
from postier.store.transaction import Store
from postier.store.uid_ranges import UidRange

if TYPE_CHECKING:
    from postier.servers.imap.contexts import Contexts

INLINE_UIDS = 10_000  # of more messages the UIDs are loaded beside the loop
KEPT_UIDS = 1_000  # a connection in IDLE keeps no more than these


class MailboxGoneError(Exception):
    """The selected mailbox was deleted."""


class Selected:
    """One open mailbox."""

    __slots__ = (
        "_is_url_key_new",
        "_withheld_from",
        "account_id",
        "contexts",
        "fetched_uidnext",
        "highest_modseq",
        "is_frozen",
        "mailbox_id",
        "modseq",
        "new_items",
        "own_new",
        "reader_id",
        "rights",
        "told_uidnext",
        "uidnext",
        "view",
        "wants_flags",
    )

    def __init__(
        self,
        account_id: int,
        mailbox_id: int,
        *,
        modseq: int,
        highest_modseq: int,
        uidnext: int,
        view: MailboxView,
        reader_id: int,
        rights: frozenset[Right] = ALL_RIGHTS,
    ) -> None:
        self.account_id = account_id  # the owner's
        self.reader_id = reader_id
        self.rights = rights
        self.mailbox_id = mailbox_id
        self.modseq = modseq
        self.highest_modseq = highest_modseq  # the mailbox's, at `modseq`
        self.uidnext = self.told_uidnext = uidnext
        self.view = view
        self.is_frozen = False  # the client wants to be told of nothing (NOTIFY)
        self.wants_flags = True
        self.contexts: Contexts | None = None
        self.new_items: FetchItems | None = None  # what the client wants told of new messages (NOTIFY)
        self.fetched_uidnext = uidnext  # up to where it was told that
        self.own_new: list[int] = []  # UIDs from there on that this connection filed itself
        self._is_url_key_new = False  # the reader's key for this mailbox was reset (RFC 4467, RESETKEY)
        self._withheld_from = 0  # the modseq of the first expunge that the client was not told of

    @property
    def is_foreign(self) -> bool:
        """Whether it is a mailbox of another."""
        return self.account_id != self.reader_id

    @property
    def place(self) -> Place:
        """The mailbox and what its reader may do."""
        return Place(self.account_id, self.mailbox_id, "", self.rights)

    async def own_flags(self, store: Store, uids: Sequence[int], flags: Sequence[int]) -> Sequence[int]:
        """The flags as the reader has them (`mailbox.seen`). Raises StoreError."""
        if not self.is_foreign:
            return flags
        seen = await store.read(seen_by, self.account_id, self.mailbox_id, self.reader_id)
        return overlaid(seen, uids, flags)

    @property
    def is_withholding(self) -> bool:
        """Whether expunges wait for a command that may tell them."""
        return self._withheld_from > 0

    @property
    def told_modseq(self) -> int:
        """Up to where the client knows everything (RFC 7162 §3.2): what HIGHESTMODSEQ may say."""
        return self._withheld_from - 1 if self._withheld_from else self.highest_modseq

    async def news(self, store: Store, *, may_expunge: bool, is_asked: bool = False) -> bytes:
        """The lines that bring the client up to date; see also `contexts.news`. Raises MailboxGoneError, StoreError.

        `is_asked`: they are what a command asked for, such as EXPUNGE.
        """
        if self.is_frozen and not is_asked:
            return b""
        return await self.learn(store) + await self.flush(store, may_expunge=may_expunge)

    async def learn(self, store: Store) -> bytes:
        """Note what happened; gives what to tell before `flush`. Raises MailboxGoneError, StoreError."""
        changes = await store.read(changes_for, self.account_id, self.mailbox_id, self.modseq)
        if self.is_foreign and changes is not None and changes.flags:
            uids, bits, modseqs = zip(*changes.flags, strict=True)
            own = await self.own_flags(store, uids, bits)
            changes = msgspec.structs.replace(changes, flags=[*zip(uids, own, modseqs, strict=True)])
        self.take(changes)
        if changes is not None and changes.flags:
            return await self.learn_keywords(store, [bits for _, bits, _ in changes.flags])
        return b""

    def take(self, changes: MailboxChanges | None) -> None:
        """Note what happened after `modseq`. Raises MailboxGoneError."""
        if changes is None:
            raise MailboxGoneError
        view = self.view
        if changes.appended:
            view.note_appended(uids_of(changes.appended))
        if changes.expunged:
            view.note_expunged(uids_of(changes.expunged))
            self._withheld_from = self._withheld_from or changes.expunged_from
        if changes.flags and self.wants_flags:
            view.note_flags(
                {uid: bits for uid, bits, _ in changes.flags},
                {uid: modseq for uid, _, modseq in changes.flags},
            )
        if self.reader_id in changes.url_keys_of:
            self._is_url_key_new = True
        self.modseq, self.uidnext = changes.modseq, changes.uidnext
        self.highest_modseq = changes.highest_modseq

    async def flush(self, store: Store, *, may_expunge: bool) -> bytes:
        """The lines for what is noted. Raises MailboxGoneError, StoreError."""
        view = self.view
        lines = b""
        if view.has_pending(may_expunge=may_expunge):
            if view.needs_uids(may_expunge=may_expunge):
                await self.load(store)
            lines = view.flush(may_expunge=may_expunge)
            self.told_uidnext = self.uidnext
        if self._is_url_key_new:
            self._is_url_key_new = False
            lines += url_mechanisms()
        if may_expunge:
            self._withheld_from = 0
        return lines

    async def load(self, store: Store) -> MailboxView:
        """The view with its UIDs. Raises MailboxGoneError, StoreError."""
        view = self.view
        if not view.is_loaded:
            read = store.read if view.exists <= INLINE_UIDS else store.read_bulk
            uids = await read(uids_at, self.account_id, self.mailbox_id, self.uidnext, self.modseq)
            if uids is None:
                raise MailboxGoneError
            view.load(uids)
        return view

    async def choose(self, store: Store, messages: SequenceSet, *, is_uid: bool) -> Chosen:
        """The messages that a command names. Raises PeerError, MailboxGoneError, StoreError."""
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
