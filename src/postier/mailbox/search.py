"""SEARCH: SQL and the index of words narrow, what only a message's text can tell is decided on the few that are left.

    plan = await store.read_bulk(search, account_id, mailbox_id, bound_criterion)
    if not plan.is_complete:
        for each portion of plan.undecided (CANDIDATES_AT_ONCE):
            found = await store.read(candidates, account_id, mailbox_id, portion)
            contents = await store.read_blobs([c.blob_id for c in found]) if plan.needs_content else None
            uids += matching(plan.rest, found, contents)
        uids += plan.sure

Not here: reading criteria and binding them (`imap.search`), the index (`words`), fuzzy or ranked search. Source: RFC 9051 §6.4.4.
Invariant: the result is that of `imap.search_match` on every message.
"""

from collections.abc import Iterable, Sequence

import msgspec

from postier.imap.search import AddressField, All, Criterion, Needs, needs
from postier.imap.search_match import predicate
from postier.mailbox import texts
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

_NUMBERS = msgspec.json.Decoder(list[int])


class SearchPlan(msgspec.Struct, frozen=True):
    """UIDs, ascending, and what is still to be decided of those that are not in `sure`."""

    uids: list[int]
    rest: Criterion
    needs_content: bool
    sure: frozenset[int] = frozenset()

    @property
    def is_complete(self) -> bool:
        """Whether the UIDs are the result."""
        return isinstance(self.rest, All)

    @property
    def undecided(self) -> list[int]:
        """The UIDs to be decided, ascending."""
        return [uid for uid in self.uids if uid not in self.sure] if self.sure else self.uids


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
    """The first step: what columns and words can tell. `criterion` is bound and simplified (`imap.search.bind`)."""
    condition, rest = compile_criterion(criterion)
    needs_content = bool(needs(rest) & (Needs.HEADER | Needs.BODY))
    is_decided = isinstance(rest, All)
    narrowed = _narrowed(tx, account_id, mailbox_id, criterion if is_decided else rest)
    place = account_id, mailbox_id
    if narrowed is not None and len(narrowed.sure) + len(narrowed.maybe) <= MAX_NAMED:
        condition = both(condition, _named([*narrowed.sure, *narrowed.maybe], narrowed.open_from))
    elif narrowed is not None and is_decided and not narrowed.maybe:
        return SearchPlan(_decided(tx, place, condition, narrowed), rest, needs_content)
    elif is_decided:
        narrowed = None  # SQL decides as fast
    if narrowed is None:
        (uids,) = _numbers(tx, ("uid",), place, condition)
        return SearchPlan(uids, rest, needs_content)
    pairs = _pairs(tx, place, condition)
    sure = frozenset(uid for uid, email_id in pairs if email_id in narrowed.sure)
    uids = [uid for uid, email_id in pairs if narrowed.may_match(email_id)]
    return SearchPlan(uids, rest, needs_content, sure)


def _decided(tx: ReadTx, place: tuple[int, int], condition: Condition, narrowed: Narrowed) -> list[int]:
    """The UIDs where words decide all but what is in no block: only of that the columns are read."""
    pairs = _pairs(tx, place, TRUE)
    open_ = [uid for uid, email_id in pairs if email_id >= narrowed.open_from]
    if len(open_) > MAX_NAMED:
        (uids,) = _numbers(tx, ("uid",), place, condition)
        return uids
    uids = [uid for uid, email_id in pairs if email_id in narrowed.sure]
    if open_:
        named = Condition(f"e.uid IN ({','.join('?' * len(open_))})", tuple(open_))
        (found,) = _numbers(tx, ("uid",), place, both(named, condition))
        uids = sorted([*uids, *found])
    return uids


def _pairs(tx: ReadTx, place: tuple[int, int], condition: Condition) -> list[tuple[int, int]]:
    """(UID, email id) of the entries for which the condition holds."""
    uids, email_ids = _numbers(tx, ("uid", "email_id"), place, condition)
    return [*zip(uids, email_ids, strict=True)]


def _numbers(
    tx: ReadTx, columns: Sequence[str], place: tuple[int, int], condition: Condition
) -> list[list[int]]:
    """These columns of the entries of (account, mailbox) for which the condition holds, each in the order of UIDs.

    Measured: one text costs a third of what a row for each costs.
    """
    join = (
        " JOIN email m ON m.account_id = e.account_id AND m.email_id = e.email_id"
        if condition.needs_email
        else ""
    )
    joined = ", ".join(f"string_agg(CAST({column} AS TEXT), ',')" for column in columns)
    chosen = ", ".join(f"e.{column}" for column in columns)
    found = tx.row(
        f"SELECT {joined} FROM (SELECT {chosen} FROM entry e{join} WHERE e.account_id = ? AND e.mailbox_id = ?"
        f" AND {condition.sql} ORDER BY e.uid) AS ordered",
        *place,
        *condition.params,
    )
    assert found is not None
    return [_NUMBERS.decode(f"[{text or ''}]") for text in found]


def _named(email_ids: Sequence[int], open_from: int) -> Condition:
    """One of these emails, or one that is in no block."""
    is_open = Condition("e.email_id >= ?", (open_from,))
    if not email_ids:
        return is_open
    marks = ",".join("?" * len(email_ids))
    return Condition(f"(e.email_id IN ({marks}) OR {is_open.sql})", (*email_ids, open_from))


def _narrowed(tx: ReadTx, account_id: int, mailbox_id: int, criterion: Criterion) -> Narrowed | None:
    """What the index of words says; None where asking it costs more than it spares."""
    if not uses_index(criterion):
        return None
    count = tx.value(
        "SELECT message_count FROM mailbox WHERE account_id = ? AND mailbox_id = ?", account_id, mailbox_id
    )
    if count is None or count < MIN_OF_INTEREST:
        return None
    email_ids: list[int] | None = None
    if count <= MAX_LISTED:
        email_ids = [email_id for _, email_id in _pairs(tx, (account_id, mailbox_id), TRUE)]
    return narrow(tx, account_id, criterion, email_ids)


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
    texts = contents if contents is not None else [None] * len(messages)
    return [
        message.uid
        for message, raw in zip(messages, texts, strict=True)
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
