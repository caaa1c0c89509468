"""Does a message match the criteria?

Not here: how texts are decoded and cached (the Candidate's owner). Source: RFC 9051 §6.4.4. Invariants: the
criteria are bound (`search_algebra.bind`); of And and Or the cheap terms are tried first, so a body is read only
when it decides. The nesting of calls is that of the criteria, at most `search_syntax.MAX_NESTING`.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from postier.imap.search import (
    AddressField,
    AddressText,
    All,
    And,
    AnyText,
    BodyText,
    Criterion,
    DateField,
    DateRange,
    Filter,
    Flags,
    Fuzzy,
    HeaderText,
    Keyword,
    Leaf,
    Messages,
    ModSeq,
    Not,
    Nothing,
    ObjectId,
    Or,
    Recent,
    Size,
    SubjectText,
    Uids,
    Within,
)
from postier.imap.search_algebra import needs
from postier.imap.sets import contains


class Candidate(Protocol):
    """A message as the search sees it.

    Texts are decoded (charsets, encoded words, transfer encoding), unfolded and folded (`mime.collation.search_fold`); methods
    may read and cache, attributes are at hand.
    """

    @property
    def uid(self) -> int:
        """The UID."""

    @property
    def flags(self) -> int:
        """The bits of `flags`."""

    @property
    def modseq(self) -> int:
        """The mod-sequence."""

    @property
    def email_id(self) -> int:
        """The number of the content."""

    @property
    def thread_id(self) -> int:
        """The number of the thread."""

    @property
    def size_bytes(self) -> int:
        """RFC822.SIZE."""

    @property
    def internal_s(self) -> int:
        """INTERNALDATE in Unix time."""

    @property
    def saved_s(self) -> int:
        """When it came into the mailbox, in Unix time (RFC 8514)."""

    @property
    def sent_s(self) -> int | None:
        """The Date field's own wall clock read as UTC; None without a usable one."""

    def address_text(self, field: AddressField) -> str:
        """All addresses of the field, names and addr-specs."""

    def subject_text(self) -> str:
        """The subject; empty without one."""

    def header_texts(self, name: str) -> Iterable[str]:
        """The value of each field of this (lower-case) name."""

    def header_text(self) -> str:
        """The whole header, MIME headers of the parts included."""

    def body_text(self) -> str:
        """The text of the body's text parts."""


Predicate = Callable[[Candidate], bool]


class UnboundCriterionError(Exception):
    """A fault of ours: `search_algebra.bind` was not called."""


def matches(criterion: Criterion, candidate: Candidate) -> bool:
    """Whether one message matches; for many messages keep the `predicate`."""
    return predicate(criterion)(candidate)


def predicate(criterion: Criterion) -> Predicate:
    """A function that decides for one message; built once per search, without recursion."""
    pending: list[tuple[Criterion, bool]] = [(criterion, False)]
    done: list[Predicate] = []
    while pending:
        node, is_ready = pending.pop()
        match node:
            case And(terms) | Or(terms) if is_ready:
                parts = tuple(done[-len(terms) :])
                del done[-len(terms) :]
                done.append(_every(parts) if isinstance(node, And) else _any(parts))
            case And(terms) | Or(terms):
                pending.append((node, True))
                cheap_first = sorted(terms, key=lambda term: needs(term).value)
                pending.extend((term, False) for term in reversed(cheap_first))
            case Not() if is_ready:
                done.append(_inverse(done.pop()))
            case Not(term):
                pending += [(node, True), (term, False)]
            case _:
                done.append(_leaf(node))
    return done.pop()


def _every(parts: tuple[Predicate, ...]) -> Predicate:
    return lambda message: all(part(message) for part in parts)


def _any(parts: tuple[Predicate, ...]) -> Predicate:
    return lambda message: any(part(message) for part in parts)


def _inverse(part: Predicate) -> Predicate:
    return lambda message: not part(message)


def _leaf(leaf: Leaf) -> Predicate:
    match leaf:
        case All():
            return lambda _message: True
        case Nothing():
            return lambda _message: False
        case Flags(set_bits, clear_bits):
            mask = set_bits | clear_bits
            return lambda message: message.flags & mask == set_bits
        case Uids(ranges):
            return lambda message: contains(ranges, message.uid)
        case ModSeq(at_least):
            return lambda message: message.modseq >= at_least
        case ObjectId(is_thread, number):
            return lambda message: (message.thread_id if is_thread else message.email_id) == number
        case DateRange(of, start_s, end_s):
            return _in_date_range(of, start_s, end_s)
        case Size(above, below):
            return lambda message: (
                (above is None or message.size_bytes > above)
                and (below is None or message.size_bytes < below)
            )
        case AddressText(field, text):
            return lambda message: text in message.address_text(field)
        case SubjectText(text):
            return lambda message: text in message.subject_text()
        case HeaderText(name, text):
            return lambda message: any(text in value for value in message.header_texts(name))
        case BodyText(text):
            return lambda message: text in message.body_text()
        case AnyText(text):
            return lambda message: text in message.header_text() or text in message.body_text()
        case Keyword() | Recent() | Messages() | Within() | Filter() | Fuzzy():
            raise UnboundCriterionError(repr(leaf))


def _in_date_range(of: DateField, start_s: int | None, end_s: int | None) -> Predicate:
    def in_range(moment: int | None) -> bool:
        return (
            moment is not None
            and (start_s is None or moment >= start_s)
            and (end_s is None or moment < end_s)
        )

    if of is DateField.SENT:
        return lambda message: in_range(message.sent_s)
    if of is DateField.SAVED:
        return lambda message: in_range(message.saved_s)
    return lambda message: in_range(message.internal_s)
