"""FETCH responses: in bulk from columns, or one message with its sections.

Not here: which messages and where their values come from. Source: RFC 9051 §7.5.2, §6.4.5. Invariants:
ENVELOPE, BODY and BODYSTRUCTURE come ready-made and well-formed from the index; everything else is written
here; section octets are passed on uncopied, as items of a list.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from postier.imap.bulk import row_blocks
from postier.imap.dates import internal_dates
from postier.imap.fetch_items import Column, FetchItems, Partial, Section, SectionItem, SectionKind
from postier.imap.quoting import literal8
from postier.imap.refusals import PeerError
from postier.imap.responses import UNKNOWN_CTE, Status


class FetchRows(msgspec.Struct, frozen=True):
    """The messages' values, column by column, all of one length; a column nobody asked for stays empty.

    With `uid_only` the lines are UIDFETCH lines and begin with the UIDs (RFC 9586 §3.3).
    """

    seqs: Sequence[int]
    uids: Sequence[int] = ()
    flags: Sequence[bytes] = ()  # texts, from `flags.FlagTexts`
    internal_s: Sequence[int] = ()  # Unix time
    sizes: Sequence[int] = ()
    envelopes: Sequence[bytes] = ()
    structures: Sequence[bytes] = ()
    bodies: Sequence[bytes] = ()
    modseqs: Sequence[int] = ()
    saved_s: Sequence[int] = ()  # Unix time
    previews: Sequence[bytes] = ()  # strings, quoted or literal
    email_ids: Sequence[int] = ()
    thread_ids: Sequence[int] = ()
    uid_only: bool = False

    @property
    def verb(self) -> bytes:
        """What the lines are called."""
        return b"UIDFETCH" if self.uid_only else b"FETCH"

    @property
    def numbers(self) -> Sequence[int]:
        """What the lines begin with."""
        return self.uids if self.uid_only else self.seqs

    def turned(self) -> "FetchRows":
        """The same in the opposite order."""
        values = msgspec.structs.asdict(self)
        columns = {name: value[::-1] for name, value in values.items() if not isinstance(value, bool)}
        return msgspec.structs.replace(self, **columns)


class SectionSource(Protocol):
    """Gives a message's octets."""

    def octets(self, section: Section, partial: Partial | None) -> bytes | None:
        """The section, cut to `partial` (`Partial.cut`); None: there is no such part."""

    def decoded(self, section: Section, partial: Partial | None) -> bytes | None:
        """The part without its transfer encoding, cut to `partial`; raises UnknownEncodingError."""

    def decoded_size(self, section: Section) -> int:
        """The size of `decoded` uncut, 0 without such a part; raises UnknownEncodingError."""


class UnknownEncodingError(PeerError):
    """BINARY of a part whose Content-Transfer-Encoding is unknown (RFC 9051 §7.5.2)."""

    def __init__(self) -> None:
        super().__init__("Unknown Content-Transfer-Encoding", status=Status.NO, code=UNKNOWN_CTE)


def column_blocks(items: FetchItems, rows: FetchRows) -> Iterator[bytes]:
    """All FETCH lines of messages whose items are all columns, to be written as they come, 500 lines each."""
    row = b"* %%d %b (%b)\r\n" % (rows.verb, b" ".join([column.value for column in items.columns]))
    return row_blocks(row, rows.numbers, *[_values(column, rows) for column in items.columns])


def render_columns(items: FetchItems, rows: FetchRows) -> bytes:
    """The same in one piece; for many messages with large columns `column_blocks` saves half the copying."""
    return b"".join(column_blocks(items, rows))


def render_message(items: FetchItems, rows: FetchRows, place: int, source: SectionSource) -> list[bytes]:
    """The FETCH response of the message at `place` of `rows`, in pieces to be written one after the other."""
    words = [b"* %d %b (" % (rows.numbers[place], rows.verb)]
    if items.columns:
        row = b" ".join([column.value for column in items.columns])
        one = [_values(column, rows, place) for column in items.columns]
        words.append(row % tuple(values[0] for values in one))
    for item in items.sections:
        if len(words) > 1:
            words.append(b" ")
        words += _section(item, source)
    words.append(b")\r\n")
    return words


def _values(column: Column, rows: FetchRows, place: int | None = None) -> Sequence[int] | Sequence[bytes]:
    """The values to format, of all rows or of one."""
    places = slice(None) if place is None else slice(place, place + 1)
    match column:
        case Column.UID:
            return rows.uids[places]
        case Column.FLAGS:
            return rows.flags[places]
        case Column.INTERNALDATE:
            return internal_dates(rows.internal_s[places])
        case Column.SIZE:
            return rows.sizes[places]
        case Column.ENVELOPE:
            return rows.envelopes[places]
        case Column.BODY:
            return rows.bodies[places]
        case Column.BODYSTRUCTURE:
            return rows.structures[places]
        case Column.MODSEQ:
            return rows.modseqs[places]
        case Column.PREVIEW:
            return rows.previews[places]
        case Column.SAVEDATE:
            return internal_dates(rows.saved_s[places])
        case Column.EMAILID:
            return rows.email_ids[places]
        case Column.THREADID:
            return rows.thread_ids[places]


def _section(item: SectionItem, source: SectionSource) -> list[bytes]:
    match item.kind:
        case SectionKind.BINARY_SIZE:
            return [b"%b %d" % (item.label, source.decoded_size(item.section))]
        case SectionKind.BINARY:
            data = source.decoded(item.section, item.partial)
            if data is not None and b"\0" in data:
                return [b"%b %b" % (item.label, literal8(data))]  # RFC 9051 §7.5.2
        case SectionKind.BODY:
            data = source.octets(item.section, item.partial)
            if data is not None and b"\0" in data:
                data = data.replace(b"\0", b"\x80")  # as `quoting.literal`
    if data is None:
        return [item.label + b" NIL"]
    return [b"%b {%d}\r\n" % (item.label, len(data)), data]
