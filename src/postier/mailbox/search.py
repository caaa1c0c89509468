"""SEARCH: SQL and the index of words narrow, what only a message's text can tell is decided on the few that are left.

    plan = await store.read_bulk(search, account_id, mailbox_id, bound_criterion)
    uids = plan.found.numbers()
    for each portion of plan.undecided (CANDIDATES_AT_ONCE):
        found = await store.read(candidates, account_id, mailbox_id, portion)
        contents = await store.read_blobs([c.blob_id for c in found]) if plan.needs_content else None
        uids += matching(plan.rest, found, contents)

Not here: reading criteria (`imap.search_syntax`) and binding them (`imap.search_algebra`), the index (`words`), fuzzy or ranked search. Source: RFC 9051 §6.4.4.
Invariants: the result is that of `imap.search_match` on every message; memory is some ten octets a message of the mailbox.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress

import msgspec

from postier.imap.search import AddressField, All, Criterion
from postier.imap.search_algebra import Needs, needs
from postier.imap.search_match import predicate
from postier.mailbox import texts
from postier.mailbox.ledger import EMAIL_IDS_BITS
from postier.mailbox.search_sql import TRUE, Condition, both, compile_criterion
from postier.mailbox.tally import selections
from postier.mailbox.words.narrow import MIN_OF_INTEREST, Narrowed, narrow, uses_index
from postier.mime.part import load_parts
from postier.store.blobs import BlobId
from postier.store.transaction import ReadTx
from postier.store.uid_ranges import ranges_of

CANDIDATES_AT_ONCE = 50
MAX_NAMED = 1_000  # emails named in one statement
MAX_LISTED = 5_000  # messages of a mailbox whose blocks are chosen one by one
ROWS_AT_ONCE = 100_000  # entries read as one text

_NUMBERS = msgspec.json.Decoder(list[int])


class Uids:
    """UIDs, ascending. SQL writes them as text, which for many a search is the answer already."""

    __slots__ = ("_numbers", "_texts")

    def __init__(self, texts: Sequence[str] = (), numbers: "array[int] | None" = None) -> None:
        self._texts = texts
        self._numbers = numbers

    @property
    def last(self) -> int:
        """The highest; 0 if there is none."""
        if self._numbers is not None:
            return self._numbers[-1] if self._numbers else 0
        return int(self._texts[-1].rpartition(",")[2]) if self._texts else 0

    def text(self) -> str | None:
        """With commas between; None if they are numbers already."""
        return ",".join(self._texts) if self._numbers is None else None

    def numbers(self) -> "array[int]":
        """As numbers."""
        if self._numbers is None:
            self._numbers = array("I")
            for text in self._texts:
                self._numbers.extend(_NUMBERS.decode(f"[{text}]"))
        return self._numbers


class SearchPlan(msgspec.Struct, frozen=True):
    """What was found, and what is still to be decided by `rest`; UIDs ascend."""

    found: Uids
    rest: Criterion
    needs_content: bool
    undecided: "array[int]"


class Message(msgspec.Struct, frozen=True):
    """One message to decide on; an `imap.search_match.Candidate` once its content is at hand."""

    uid: int
    flags: int
    modseq: int
    email_id: int
    thread_id: int
    size_bytes: int
    received_at: int
    saved_at: int
    sent_at: int | None
    sent_zone_minutes: int
    subject: str
    from_: str
    to: str
    cc: str
    bcc: str
    header_bytes: int
    parts: bytes
    blob_id: BlobId


def search(tx: ReadTx, account_id: int, mailbox_id: int, criterion: Criterion) -> SearchPlan:
    """The first step: what columns and words can tell. `criterion` is bound and simplified (`imap.search_algebra.bind`)."""
    condition, rest = compile_criterion(criterion)
    place = account_id, mailbox_id
    is_decided = isinstance(rest, All)
    narrowed = _narrowed(tx, place, criterion if is_decided else rest)
    if narrowed is not None and narrowed.count <= MAX_NAMED:
        condition = both(condition, _named(account_id, narrowed))
    if is_decided:
        found = None
        if narrowed is not None and narrowed.count > MAX_NAMED and narrowed.is_sure:
            found = _found_by_words(tx, place, condition, narrowed)
        if found is None:  # SQL decides as fast
            found = Uids([text for (text,) in _portions(tx, ("e.uid",), place, condition)])
        return SearchPlan(found, rest, False, array("I"))
    if narrowed is None:
        sure = array("I")
        undecided = Uids([text for (text,) in _portions(tx, ("e.uid",), place, condition)]).numbers()
    else:
        sure, undecided = _told_apart(tx, place, condition, narrowed)
    needs_content = bool(needs(rest) & (Needs.HEADER | Needs.BODY))
    return SearchPlan(Uids(numbers=sure), rest, needs_content, undecided)


def _found_by_words(
    tx: ReadTx, place: tuple[int, int], condition: Condition, narrowed: Narrowed
) -> Uids | None:
    """Where words decide all but what is in no block, only of that the columns are read; None if that is much."""
    sure, open_ = _told_apart(tx, place, TRUE, narrowed)
    if len(open_) > MAX_NAMED:
        return None
    if open_:
        named = Condition(f"e.uid IN ({_marks(open_)})", tuple(open_))
        for (text,) in _portions(tx, ("e.uid",), place, both(named, condition)):
            sure.extend(_NUMBERS.decode(f"[{text}]"))
        sure = array("I", sorted(sure))
    return Uids(numbers=sure)


def _told_apart(
    tx: ReadTx, place: tuple[int, int], condition: Condition, narrowed: Narrowed
) -> "tuple[array[int], array[int]]":
    """(UIDs that match by their words, those that may) of the entries for which the condition holds."""
    account_id, _ = place
    end = tx.value("SELECT next_email_id FROM account WHERE account_id = ?", account_id) or 0
    is_sure, is_unsure = narrowed.sure(end).__getitem__, narrowed.unsure(end).__getitem__
    sure, unsure = array("I"), array("I")
    for texts_ in _portions(tx, ("e.uid", _number(account_id)), place, condition):
        uids, numbers = (_NUMBERS.decode(f"[{text}]") for text in texts_)
        sure.extend(compress(uids, map(is_sure, numbers)))
        unsure.extend(compress(uids, map(is_unsure, numbers)))
    return sure, unsure


def _portions(
    tx: ReadTx, columns: Sequence[str], place: tuple[int, int], condition: Condition
) -> Iterator[tuple[str, ...]]:
    """These columns (the first is the UID) of the entries for which the condition holds, each a text, in the order of UIDs.

    Measured: one text costs a third of what a row for each costs.
    """
    join = (
        " JOIN email m ON m.account_id = e.account_id AND m.email_id = e.email_id"
        if condition.needs_email
        else ""
    )
    joined = ", ".join(f"string_agg(CAST(c{number} AS TEXT), ',')" for number in range(len(columns)))
    chosen = ", ".join(f"{column} AS c{number}" for number, column in enumerate(columns))
    last, is_more = 0, True
    while is_more:
        row = tx.row(
            f"SELECT {joined} FROM (SELECT {chosen} FROM entry e{join} WHERE e.account_id = ? AND e.mailbox_id = ?"
            f" AND e.uid > ? AND {condition.sql} ORDER BY e.uid LIMIT ?) AS ordered",
            *place,
            last,
            *condition.params,
            ROWS_AT_ONCE,
        )
        if row is None or not row[0]:
            return
        yield row
        last = int(row[0].rpartition(",")[2])
        is_more = row[0].count(",") + 1 == ROWS_AT_ONCE


def _number(account_id: int) -> str:
    """The number of an entry's email in its account, as SQL."""
    return f"e.email_id - {account_id << EMAIL_IDS_BITS}"


def _named(account_id: int, narrowed: Narrowed) -> Condition:
    """What the words leave: one of some emails, or one that is in no block."""
    base = account_id << EMAIL_IDS_BITS
    is_open = Condition("e.email_id >= ?", (base + narrowed.open_from,))
    named = [base + number for number in narrowed.numbers()]
    if not named:
        return is_open
    return Condition(f"(e.email_id IN ({_marks(named)}) OR {is_open.sql})", (*named, *is_open.params))


def _narrowed(tx: ReadTx, place: tuple[int, int], criterion: Criterion) -> Narrowed | None:
    """What the index of words says; None where asking it costs more than it spares."""
    if not uses_index(criterion):
        return None
    count = tx.value("SELECT message_count FROM mailbox WHERE account_id = ? AND mailbox_id = ?", *place)
    if count is None or count < MIN_OF_INTEREST:
        return None
    account_id, _ = place
    numbers: list[int] | None = None
    if count <= MAX_LISTED:
        found = [text for (_, text) in _portions(tx, ("e.uid", _number(account_id)), place, TRUE)]
        numbers = [number for text in found for number in _NUMBERS.decode(f"[{text}]")]
    return narrow(tx, account_id, criterion, numbers)


def _marks(values: Sequence[int]) -> str:
    return ",".join("?" * len(values))


def candidates(tx: ReadTx, account_id: int, mailbox_id: int, uids: Sequence[int]) -> list[Message]:
    """What columns say of a portion of messages, by UID; messages that left meanwhile are missing."""
    return [
        Message(*row)
        for part in selections(ranges_of(uids))
        for row in tx.rows(
            f"{part.cte} SELECT e.uid, e.flags, e.modseq, e.email_id, m.thread_id, e.size_bytes, e.received_at, e.saved_at, m.sent_at, m.sent_zone_minutes,"
            " m.search_subject, m.search_from, m.search_to, m.search_cc, m.search_bcc, m.header_bytes, m.parts,"
            f" m.blob_id FROM {part.source} JOIN email m ON m.account_id = e.account_id AND m.email_id = e.email_id"
            f" WHERE e.account_id = ? AND e.mailbox_id = ? AND {part.condition} ORDER BY e.uid",
            account_id,
            mailbox_id,
            *part.params,
        )
    ]


def matching(
    rest: Criterion, messages: Sequence[Message], contents: Sequence[bytes | None] | None = None
) -> list[int]:
    """The second step: UIDs of the messages that match; a content that is None matches no text."""
    decide = predicate(rest)
    raws = contents if contents is not None else [None] * len(messages)
    return [
        message.uid
        for message, raw in zip(messages, raws, strict=True)
        if decide(_Candidate(message, raw or b""))
    ]


class _Candidate:
    """A message with its content; texts are decoded when asked for."""

    __slots__ = (
        "_body",
        "_header",
        "_message",
        "_raw",
        "email_id",
        "flags",
        "internal_s",
        "modseq",
        "saved_s",
        "sent_s",
        "size_bytes",
        "thread_id",
        "uid",
    )

    def __init__(self, message: Message, raw: bytes) -> None:
        self._message = message
        self._raw = raw
        self._body: str | None = None
        self._header: str | None = None
        self.uid = message.uid
        self.flags = message.flags
        self.modseq = message.modseq
        self.email_id = message.email_id
        self.thread_id = message.thread_id
        self.size_bytes = message.size_bytes
        self.internal_s = message.received_at // 1_000_000
        self.saved_s = message.saved_at // 1_000_000
        self.sent_s = (
            None if message.sent_at is None else message.sent_at // 1_000_000 + message.sent_zone_minutes * 60
        )

    def address_text(self, field: AddressField) -> str:
        message = self._message
        match field:
            case AddressField.FROM:
                return message.from_
            case AddressField.TO:
                return message.to
            case AddressField.CC:
                return message.cc
            case AddressField.BCC:
                return message.bcc

    def subject_text(self) -> str:
        return self._message.subject

    def header_texts(self, name: str) -> Iterable[str]:
        return texts.header_values(self._raw, self._message.header_bytes, name)

    def header_text(self) -> str:
        if self._header is None:
            self._header = texts.header_text(self._raw, load_parts(self._message.parts))
        return self._header

    def body_text(self) -> str:
        if self._body is None:
            self._body = texts.body_text(self._raw, load_parts(self._message.parts))
        return self._body
