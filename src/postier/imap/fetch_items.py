"""What a FETCH asks for, as values.

Not here: reading it (`fetch_syntax`), answering it (`fetch`). Source: RFC 9051 §6.4.5, §6.4.5.1; RFC 3501
§6.4.5 (RFC822 items); RFC 7162 §3.1.4 (MODSEQ); RFC 8970 §3 (PREVIEW); RFC 8514
§4.2 (SAVEDATE); RFC 8474 §5.3. Invariant: no item occurs twice.
"""

import enum

import msgspec

from postier.imap.quoting import astring


class Column(enum.Enum):
    """Items answered from the index alone; the value is how one is written in a FETCH response."""

    UID = b"UID %d"
    FLAGS = b"FLAGS (%b)"
    INTERNALDATE = b"INTERNALDATE %b"
    SIZE = b"RFC822.SIZE %d"
    ENVELOPE = b"ENVELOPE %b"
    BODY = b"BODY %b"
    BODYSTRUCTURE = b"BODYSTRUCTURE %b"
    MODSEQ = b"MODSEQ (%d)"
    PREVIEW = b"PREVIEW %b"
    SAVEDATE = b"SAVEDATE %b"
    EMAILID = b"EMAILID (M%d)"
    THREADID = b"THREADID (T%d)"


class SectionText(enum.Enum):
    """Which octets of a message or part."""

    WHOLE = b""  # the message, or a part's body in its transfer encoding
    HEADER = b"HEADER"
    HEADER_FIELDS = b"HEADER.FIELDS"
    HEADER_FIELDS_NOT = b"HEADER.FIELDS.NOT"
    TEXT = b"TEXT"
    MIME = b"MIME"


class Section(msgspec.Struct, frozen=True):
    """RFC 9051 §6.4.5.1: the part's numbers from the outside in, then what of it; `fields` for HEADER.FIELDS only."""

    part: tuple[int, ...] = ()
    text: SectionText = SectionText.WHOLE
    fields: tuple[bytes, ...] = ()

    def label(self) -> bytes:
        """The section between the brackets, as the response names it."""
        words = b".".join([b"%d" % number for number in self.part])
        if self.text is not SectionText.WHOLE:
            words = b"%b.%b" % (words, self.text.value) if words else self.text.value
        if self.fields:
            words += b" (%b)" % b" ".join(map(astring, self.fields))
        return words


class Partial(msgspec.Struct, frozen=True):
    """`<start.count>`."""

    start: int
    count: int

    def cut(self, data: bytes) -> bytes:
        """These octets of the section; empty beyond its end (RFC 9051 §6.4.5)."""
        return data[self.start : self.start + self.count]


class SectionKind(enum.Enum):
    """How a section is answered."""

    BODY = b"BODY"
    BINARY = b"BINARY"
    BINARY_SIZE = b"BINARY.SIZE"


class SectionItem(msgspec.Struct, frozen=True):
    """An item answered from the message's octets; `label` is its whole name in the response."""

    kind: SectionKind
    section: Section
    label: bytes
    partial: Partial | None = None
    sets_seen: bool = False


class FetchItems(msgspec.Struct, frozen=True):
    """All items of a FETCH; the response has the columns first, in order, then the sections."""

    columns: tuple[Column, ...] = ()
    sections: tuple[SectionItem, ...] = ()

    @property
    def sets_seen(self) -> bool:
        r"""Whether answering sets \Seen (in a mailbox that is not read-only)."""
        return any(item.sets_seen for item in self.sections)

    @property
    def is_columns_only(self) -> bool:
        """Whether the index alone answers it: `fetch.render_columns` is enough."""
        return not self.sections

    @property
    def needs_octets(self) -> bool:
        """Whether the message's own octets are read."""
        return bool(self.sections)

    @property
    def needs_flags(self) -> bool:
        """Whether flags are read."""
        return Column.FLAGS in self.columns

    @property
    def needs_internal_date(self) -> bool:
        """Whether INTERNALDATE is read."""
        return Column.INTERNALDATE in self.columns

    @property
    def needs_size(self) -> bool:
        """Whether RFC822.SIZE is read."""
        return Column.SIZE in self.columns

    @property
    def needs_envelope(self) -> bool:
        """Whether ENVELOPE is read."""
        return Column.ENVELOPE in self.columns

    @property
    def needs_structure(self) -> bool:
        """Whether BODYSTRUCTURE is read, for BODY too (`body_structure.without_extensions`)."""
        return Column.BODYSTRUCTURE in self.columns or Column.BODY in self.columns

    def also(self, others: "FetchItems") -> "FetchItems":
        """The same and what of the others is not among them."""
        return FetchItems(
            tuple(dict.fromkeys([*self.columns, *others.columns])),
            tuple(dict.fromkeys([*self.sections, *others.sections])),
        )

    def with_column(self, column: Column) -> "FetchItems":
        r"""The same and one more, such as FLAGS when answering sets \Seen; UID goes first."""
        if column in self.columns:
            return self
        columns = (column, *self.columns) if column is Column.UID else (*self.columns, column)
        return FetchItems(columns, self.sections)
