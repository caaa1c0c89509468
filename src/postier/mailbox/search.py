"""SEARCH: SQL narrows, what only a message's text can tell is decided on the few that are left.

    plan = await store.read_bulk(search, account_id, mailbox_id, bound_criterion)
    if not plan.is_complete:
        for each portion of plan.uids (CANDIDATES_AT_ONCE):
            found = await store.read(candidates, account_id, mailbox_id, portion)
            contents = await store.read_blobs([c.blob_id for c in found]) if plan.needs_content else None
            uids += matching(plan.rest, found, contents)

Not here: reading criteria and binding them (`imap.search`), fuzzy or ranked search. Source: RFC 9051 §6.4.4. Invariant:
the result is that of `imap.search_match` on every message.
"""

from collections.abc import Iterable, Sequence

import msgspec

from postier.imap.search import AddressField, All, Criterion, Needs, needs
from postier.imap.search_match import predicate
from postier.mailbox.search_sql import compile_criterion
from postier.mailbox.tally import selections
from postier.mime import encoded_words
from postier.mime.collation import search_fold
from postier.mime.decode import text_of
from postier.mime.headers import split_header, unfold
from postier.mime.part import load_parts
from postier.store.blobs import BlobId
from postier.store.transaction import ReadTx
from postier.store.uid_ranges import ranges_of

CANDIDATES_AT_ONCE = 50

_NUMBERS = msgspec.json.Decoder(list[int])


class SearchPlan(msgspec.Struct, frozen=True):
    """UIDs, ascending, and what is still to be decided of each."""

    uids: list[int]
    rest: Criterion
    needs_content: bool

    @property
    def is_complete(self) -> bool:
        """Whether the UIDs are the result."""
        return isinstance(self.rest, All)


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
    """The first step: what columns can tell. `criterion` is bound and simplified (`imap.search.bind`)."""
    condition, rest = compile_criterion(criterion)
    join = (
        " JOIN email m ON m.account_id = e.account_id AND m.email_id = e.email_id"
        if condition.needs_email
        else ""
    )
    text = tx.value(  # measured: one text costs a third of what a row for each costs
        "SELECT string_agg(CAST(uid AS TEXT), ',') FROM (SELECT e.uid"
        f" FROM entry e{join} WHERE e.account_id = ? AND e.mailbox_id = ? AND {condition.sql}"
        " ORDER BY e.uid) AS ordered",
        account_id,
        mailbox_id,
        *condition.params,
    )
    uids = _NUMBERS.decode(f"[{text or ''}]")
    return SearchPlan(uids, rest, bool(needs(rest) & (Needs.HEADER | Needs.BODY)))


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
        header = split_header(self._raw, 0, min(self._message.header_bytes, len(self._raw)))
        return [search_fold(encoded_words.decode(value)) for value in header.all(name.encode())]

    def header_text(self) -> str:
        if self._header is None:
            raw = self._raw
            self._header = search_fold(
                "\n".join(
                    f"{field.key.decode('ascii', 'replace')}: {encoded_words.decode(unfold(field.value))}"
                    for part in load_parts(self._message.parts).walk()
                    if part.body_start <= len(raw)
                    for field in split_header(raw, part.header_start, part.body_start).fields
                )
            )
        return self._header

    def body_text(self) -> str:
        if self._body is None:
            raw = self._raw
            self._body = search_fold(
                "\n".join(
                    text_of(raw, part)
                    for part in load_parts(self._message.parts).walk()
                    if part.type == "text" and part.body_start < len(raw)
                )
            )
        return self._body
