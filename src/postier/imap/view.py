r"""What one session believes of its selected mailbox, and the untagged lines that bring it up to date.

Not here: the mailbox itself. Source: RFC 9051 §5.2, §7.4.1, §7.5.1, §7.5.2; RFC 3501 §7.3.2 (RECENT); RFC
7162 §3.2.10 (VANISHED).

Invariants: UIDs ascend; a sequence number means what the client thinks it means, so changes are only noted,
and take effect in `flush`; EXPUNGE lines go out from the highest number down, each message's number being
right at that moment. The UIDs are loaded only when a sequence number is needed: an idle view holds a few
numbers.

The owner notes every change after the point in the change log at which the mailbox was selected, in its
order, and calls `load` with the mailbox's UIDs as of the last change noted.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import chain

import msgspec

from postier.imap.bulk import format_rows
from postier.imap.flags import FlagTexts, all_flags
from postier.imap.mailbox_responses import exists_line, flags_line, recent_line
from postier.imap.refusals import bad
from postier.imap.sets import Ranges, SequenceSet, index_ranges, intersect, ranges_of, set_text


class Chosen(msgspec.Struct, frozen=True):
    """Messages that a command named, ascending; the two sequences have one length."""

    uids: "array[int]"
    seqs: Sequence[int]


class ViewOutOfStepError(Exception):
    """A fault of ours: the UIDs loaded are not those that the client was told of."""


@lru_cache(maxsize=512)
def flag_texts(keywords: tuple[str, ...], *, is_recent: bool = False) -> FlagTexts:
    """The texts for one keyword table, shared by all sessions that have it."""
    return FlagTexts(keywords, is_recent=is_recent)


class MailboxView:
    """One selected mailbox of one session."""

    __slots__ = (
        "_arrived",
        "_expunged",
        "_flags",
        "_has_new_keywords",
        "_modseqs",
        "_saved",
        "_told_uid_next",
        "_uids",
        "exists",
        "keywords",
        "recent",
        "recent_from",
        "sends_modseq",
        "sends_recent",
        "sends_vanished",
        "uid_only",
    )

    def __init__(
        self,
        exists: int,
        *,
        uid_next: int,
        keywords: tuple[str, ...] = (),
        recent_from: int | None = None,
        recent: int = 0,
        sends_recent: bool = False,
        sends_modseq: bool = False,
        sends_vanished: bool = False,
        uid_only: bool = False,
    ) -> None:
        self.exists = exists  # as the client was told, expunges withheld included
        self.keywords = keywords
        self.recent_from = recent_from if sends_recent else None  # UIDs from here on are \Recent
        self.recent = recent if sends_recent else 0  # how many those are
        self.sends_recent = sends_recent
        self.sends_modseq = sends_modseq
        self.sends_vanished = sends_vanished
        self.uid_only = uid_only  # FETCH lines are UIDFETCH lines
        self._uids: array[int] | None = None
        self._told_uid_next = uid_next
        self._arrived: array[int] | None = None  # not told yet
        self._expunged: set[int] | None = None  # told of, gone, not told so
        self._flags: dict[int, int] | None = None
        self._modseqs: dict[int, int] | None = None
        self._saved: array[int] | None = None
        self._has_new_keywords = False

    # --- changes -------------------------------------------------------------------------------------------------

    def note_appended(self, uids: Iterable[int]) -> None:
        """Messages came, ascending."""
        if self._arrived is None:
            self._arrived = array("I")
        self._arrived.extend(uids)

    def note_expunged(self, uids: Iterable[int]) -> None:
        """Messages are gone. Those that were never announced are forgotten without a word."""
        gone = set(uids)
        if self._flags:
            for uid in gone & self._flags.keys():
                del self._flags[uid]
        if self._arrived:
            self._arrived = array("I", [uid for uid in self._arrived if uid not in gone])
        told: Iterable[int] = [uid for uid in gone if uid < self._told_uid_next]
        if self._uids is not None:
            told = intersect(ranges_of(sorted(told)), self._uids)
        if told:
            self._expunged = (self._expunged or set()).union(told)

    def note_flags(self, flags: Mapping[int, int], modseqs: Mapping[int, int]) -> None:
        """These messages' flags are now these bits. The owner leaves out what this session itself stored silently."""
        if self._flags is None or self._modseqs is None:
            self._flags, self._modseqs = {}, {}
        self._flags.update(flags)
        self._modseqs.update(modseqs)

    def note_keywords(self, keywords: tuple[str, ...]) -> None:
        """The mailbox's keyword table grew."""
        if keywords != self.keywords:
            self.keywords = keywords
            self._has_new_keywords = True

    def has_pending(self, *, may_expunge: bool) -> bool:
        """Whether `flush` would say anything."""
        return bool(
            self._arrived or self._flags or self._has_new_keywords or (may_expunge and self._expunged)
        )

    # --- UIDs ----------------------------------------------------------------------------------------------------

    @property
    def is_loaded(self) -> bool:
        """Whether the UIDs are here."""
        return self._uids is not None

    def needs_uids(self, *, may_expunge: bool) -> bool:
        """Whether `load` must be called before `flush`."""
        return self._uids is None and bool(self._flags or (may_expunge and self._expunged))

    def load(self, uids: "array[int]") -> None:
        """Take the mailbox's UIDs, ascending, as of the last change noted; raises ViewOutOfStepError."""
        told = uids[: bisect_left(uids, self._told_uid_next)]
        if self._expunged:
            told = array("I", sorted(self._expunged.union(told)))
        if len(told) != self.exists:
            raise ViewOutOfStepError(f"{self.exists} messages were announced, {len(told)} are known")
        self._uids = told

    def unload(self) -> None:
        """Give the UIDs back, for a session that has gone quiet; they can be loaded again."""
        self._uids = None

    @property
    def uids(self) -> "array[int]":
        """The client's messages, in sequence order; not to be changed."""
        if self._uids is None:
            raise ViewOutOfStepError("the UIDs are not loaded")
        return self._uids

    def uid_at(self, seq: int) -> int:
        """The UID of a sequence number; raises IndexError."""
        if seq < 1:
            raise IndexError(seq)
        return self.uids[seq - 1]

    def seq_of(self, uid: int) -> int:
        """The sequence number of a UID, 0 if the client does not know it."""
        uids = self.uids
        place = bisect_left(uids, uid)
        return place + 1 if place < len(uids) and uids[place] == uid else 0

    def choose(self, messages: SequenceSet, *, is_uid: bool) -> Chosen:
        """The messages that a command names; raises PeerError (BAD) for a sequence number that does not exist.

        UIDs that do not exist are ignored (RFC 9051 §6.4.9).
        """
        if messages.is_saved_result:
            return self._chosen(ranges_of(self.saved))
        if is_uid:
            return self._chosen(self.uid_ranges(messages, is_uid))
        ranges = messages.resolve(self.exists)
        if not ranges or ranges[-1][1] > self.exists:
            raise bad("Message sequence number does not exist")  # RFC 9051 §9 seq-number
        return self._slices([(low - 1, high) for low, high in ranges])

    def uid_ranges(self, messages: SequenceSet, is_uid: bool) -> Ranges:  # noqa: FBT001 - by place in Binding
        """The set as ranges of UIDs; numbers that do not exist fall out. For SEARCH and set-based SQL."""
        if messages.is_saved_result:
            return ranges_of(self.saved)
        uids = self.uids
        if is_uid:
            return messages.resolve(uids[-1] if uids else 0)
        found = []
        for low, high in messages.resolve(len(uids)):
            if low <= len(uids):
                found.append((uids[low - 1], uids[min(high, len(uids)) - 1]))
        return tuple(found)

    def seqs_of(self, uids: Sequence[int]) -> Sequence[int]:
        """The sequence numbers of ascending UIDs, all of which the client knows."""
        return self._chosen(ranges_of(uids)).seqs

    def _chosen(self, ranges: Ranges) -> Chosen:
        return self._slices(index_ranges(ranges, self.uids))

    def _members(self, wanted: AbstractSet[int] | Mapping[int, int]) -> Chosen:
        """Those of `wanted` that the client knows: bisections for few, one pass for many."""
        uids = self.uids
        if len(wanted) * 8 < len(uids):
            return self._chosen(ranges_of(sorted(wanted)))
        seqs = array("I", [seq for seq, uid in enumerate(uids, 1) if uid in wanted])
        return Chosen(array("I", [uid for uid in uids if uid in wanted]), seqs)

    def _slices(self, slices: Sequence[tuple[int, int]]) -> Chosen:
        uids = self.uids
        if len(slices) == 1:
            start, stop = slices[0]
            return Chosen(uids[start:stop], range(start + 1, stop + 1))
        chosen = array("I")
        for start, stop in slices:
            chosen += uids[start:stop]
        seqs = array("I", chain.from_iterable([range(start + 1, stop + 1) for start, stop in slices]))
        return Chosen(chosen, seqs)

    # --- the saved search result ---------------------------------------------------------------------------------

    @property
    def saved(self) -> "array[int]":
        """`$` (RFC 9051 §6.4.4.1)."""
        return array("I") if self._saved is None else self._saved

    def save(self, uids: "array[int]") -> None:
        """Set `$`."""
        self._saved = uids or None

    # --- flags ---------------------------------------------------------------------------------------------------

    def flags_of(self, uids: Sequence[int], bits: Sequence[int]) -> list[bytes]:
        r"""The texts of FLAGS for ascending UIDs, \Recent included where this session shows it."""
        texts = flag_texts(self.keywords)
        if self.recent_from is None:
            return list(map(texts.__getitem__, bits))
        old = bisect_left(uids, self.recent_from)
        recent = flag_texts(self.keywords, is_recent=True)
        return [*map(texts.__getitem__, bits[:old]), *map(recent.__getitem__, bits[old:])]

    # --- telling the client --------------------------------------------------------------------------------------

    def flush(self, *, may_expunge: bool) -> bytes:
        """The lines that tell the client what was noted; without `may_expunge`, expunges stay withheld.

        RFC 9051 §7.5.1: never while no command is in progress, nor during FETCH, STORE and SEARCH by number.
        """
        out = []
        if self._has_new_keywords:
            self._has_new_keywords = False
            out.append(flags_line(all_flags(self.keywords)))
        if may_expunge and self._expunged:
            out.append(self._tell_expunged(self._expunged))
            self._expunged = None
        if self._arrived:
            out.append(self._tell_arrived(self._arrived))
        self._arrived = None
        if self._flags:
            out.append(self._tell_flags(self._flags))
        self._flags = self._modseqs = None
        return b"".join(out)

    def _tell_expunged(self, gone: set[int]) -> bytes:
        uids = self.uids
        slices = index_ranges(ranges_of(sorted(gone)), uids)
        kept = array("I")
        done = 0
        for start, stop in slices:
            kept += uids[done:start]
            done = stop
        kept += uids[done:]
        self._uids = kept
        self.exists = len(kept)
        if self.recent_from is not None:
            self.recent = len(kept) - bisect_left(kept, self.recent_from)
        if self._saved is not None:
            self.save(array("I", [uid for uid in self._saved if uid not in gone]))
        if self.sends_vanished:
            return b"* VANISHED %b\r\n" % set_text(sorted(gone))
        return format_rows(
            b"* %d EXPUNGE\r\n", [*chain.from_iterable([range(b, a, -1) for a, b in reversed(slices)])]
        )

    def _tell_arrived(self, arrived: "array[int]") -> bytes:
        self.exists += len(arrived)
        self._told_uid_next = arrived[-1] + 1
        if self._uids is not None:
            self._uids += arrived
        lines = exists_line(self.exists)
        if self.sends_recent:
            if self.recent_from is None:
                self.recent_from = arrived[0]  # RFC 3501 §2.3.2: recent for the first session that is told
            self.recent += len(arrived)
            lines += recent_line(self.recent)
        return lines

    def _tell_flags(self, flags: dict[int, int]) -> bytes:
        chosen = self._members(flags)
        verb, numbers = (b"UIDFETCH", chosen.uids) if self.uid_only else (b"FETCH", chosen.seqs)
        # RFC 9051 §7.5.2: unsolicited FETCH carries UID
        texts = self.flags_of(chosen.uids, [flags[uid] for uid in chosen.uids])
        if self._modseqs is None or not self.sends_modseq:
            return format_rows(b"* %%d %b (UID %%d FLAGS (%%b))\r\n" % verb, numbers, chosen.uids, texts)
        modseqs = [self._modseqs[uid] for uid in chosen.uids]
        row = b"* %%d %b (UID %%d FLAGS (%%b) MODSEQ (%%d))\r\n" % verb
        return format_rows(row, numbers, chosen.uids, texts, modseqs)
