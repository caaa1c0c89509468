"""SEARCH criteria as a tree: the kinds of keys.

Not here: reading it (`search_syntax`), rewriting and asking about it (`search_algebra`), matching messages (`search_match`), responses
(`search_results`). Source: RFC 9051 §6.4.4; RFC 3501 §6.4.4 (NEW, OLD, RECENT); RFC 5032; RFC 7162 §3.1.5; RFC 8474 §6. Invariants:
texts are folded (`mime.collation`); And and Or are flat (none directly in its own kind).
"""

import enum
from typing import TypeAlias

import msgspec

from postier.imap.sets import Ranges, SequenceSet


class AddressField(enum.Enum):
    """The address fields of the envelope that have a search key."""

    FROM = "from"
    TO = "to"
    CC = "cc"
    BCC = "bcc"


class DateField(enum.Enum):
    """Which date a date key looks at."""

    INTERNAL = "internal"
    SENT = "sent"
    SAVED = "saved"


class All(msgspec.Struct, frozen=True):
    """Every message."""


class Nothing(msgspec.Struct, frozen=True):
    """No message."""


class And(msgspec.Struct, frozen=True):
    """All terms match; at least two."""

    terms: "tuple[Criterion, ...]"


class Or(msgspec.Struct, frozen=True):
    """One term matches; at least two."""

    terms: "tuple[Criterion, ...]"


class Not(msgspec.Struct, frozen=True):
    """The term does not match."""

    term: "Criterion"


class Flags(msgspec.Struct, frozen=True):
    """`flags & (set_bits | clear_bits) == set_bits`."""

    set_bits: int = 0
    clear_bits: int = 0


class Keyword(msgspec.Struct, frozen=True):
    """The keyword is set; its bit is known to the mailbox."""

    name: str


class Recent(msgspec.Struct, frozen=True):
    r"""The message is \Recent in this session."""


class Messages(msgspec.Struct, frozen=True):
    """Sequence numbers, UIDs or the saved result, as the client wrote them."""

    set: SequenceSet
    is_uid: bool


class Uids(msgspec.Struct, frozen=True):
    """UIDs by ranges."""

    ranges: Ranges


class ModSeq(msgspec.Struct, frozen=True):
    """A mod-sequence of at least this (RFC 7162 §3.1.5)."""

    at_least: int


class ObjectId(msgspec.Struct, frozen=True):
    """The content or the thread of this number (RFC 8474 §6)."""

    is_thread: bool
    number: int


class DateRange(msgspec.Struct, frozen=True):
    """`start_s <= date < end_s` in Unix time.

    A SENT date is the wall clock of its own zone read as UTC (RFC 9051 §6.4.4: disregarding timezone).
    """

    of: DateField
    start_s: int | None = None
    end_s: int | None = None


class Within(msgspec.Struct, frozen=True):
    """RFC 5032: at most (`is_younger`) or at least so many seconds old."""

    seconds: int
    is_younger: bool


class Size(msgspec.Struct, frozen=True):
    """Larger than `above`, smaller than `below`."""

    above: int | None = None
    below: int | None = None


class AddressText(msgspec.Struct, frozen=True):
    """The text occurs in this address field."""

    field: AddressField
    text: str


class SubjectText(msgspec.Struct, frozen=True):
    """The text occurs in the subject."""

    text: str


class HeaderText(msgspec.Struct, frozen=True):
    """A field of this name (lower case) contains the text; the empty text asks for the field's presence."""

    name: str
    text: str


class BodyText(msgspec.Struct, frozen=True):
    """The text occurs in the body."""

    text: str


class AnyText(msgspec.Struct, frozen=True):
    """The text occurs in the header or the body."""

    text: str


class Filter(msgspec.Struct, frozen=True):
    """The keys stored under this name (RFC 5466 §3.1)."""

    name: str


class Fuzzy(msgspec.Struct, frozen=True):
    """A text key under FUZZY; of `All`, that FUZZY was said of nothing that can be fuzzy (RFC 6203 §3)."""

    term: "SubjectText | AddressText | HeaderText | BodyText | AnyText | All"


Leaf: TypeAlias = (
    All
    | Nothing
    | Flags
    | Keyword
    | Recent
    | Messages
    | Uids
    | ModSeq
    | ObjectId
    | DateRange
    | Within
    | Size
    | AddressText
    | SubjectText
    | HeaderText
    | BodyText
    | AnyText
    | Filter
    | Fuzzy
)
Criterion: TypeAlias = And | Or | Not | Leaf
