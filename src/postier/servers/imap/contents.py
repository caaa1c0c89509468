"""FETCH items that are octets of the message: BODY[...], BINARY[...], RFC822.

Not here: cutting sections (`mime.sections`), response lines (`imap.fetch`). Source: RFC 9051 §6.4.5.1, §7.5.2. Invariants: no
more than about `BATCH_BYTES` of small messages, or one large message, is held at a time; a message whose content cannot be
read does not keep the others from the client.
"""

from collections.abc import Iterator, Sequence

import msgspec
import structlog

from postier.imap import fetch_items
from postier.imap.fetch import UnknownEncodingError, render_message
from postier.imap.fetch_items import FetchItems, Partial, Section
from postier.imap.view import Chosen
from postier.mailbox.reading import Column
from postier.mime import sections
from postier.mime.headers import split_header
from postier.mime.part import Part, load_parts
from postier.mime.sections import SectionSpec, SectionText
from postier.mime.structure import parse_message
from postier.servers.imap import downgrading
from postier.servers.imap.columns import fetch_rows, stored_columns
from postier.servers.imap.connection import Connection
from postier.servers.imap.portions import portions, read_values
from postier.store.blobs import BlobId
from postier.store.transaction import Store, StoreError
from postier.store.uid_ranges import UidRange

LOG = structlog.get_logger()
PORTION = 500  # messages whose rows are read at a time
BATCH_BYTES = 256 << 10
BATCH_MESSAGES = 50

_TEXTS = {
    fetch_items.SectionText.WHOLE: SectionText.CONTENT,
    fetch_items.SectionText.HEADER: SectionText.HEADER,
    fetch_items.SectionText.HEADER_FIELDS: SectionText.HEADER_FIELDS,
    fetch_items.SectionText.HEADER_FIELDS_NOT: SectionText.HEADER_FIELDS_NOT,
    fetch_items.SectionText.TEXT: SectionText.TEXT,
    fetch_items.SectionText.MIME: SectionText.MIME,
}
_MORE = (Column.BLOB_ID, Column.SIZE_BYTES, Column.HEADER_BYTES)


class Sent(msgspec.Struct, frozen=True):
    """How many messages were sent, and how many could not be read."""

    sent: int
    unreadable: int


class Content:
    """One message's octets, for `render_message`; its structure is looked at only when a part is asked for.

    Without `parts`, which is what is stored of it, it is read from the octets.
    """

    __slots__ = ("_header_bytes", "_parts", "_raw", "_root")

    def __init__(self, raw: bytes, header_bytes: int, parts: bytes) -> None:
        self._raw = raw
        self._header_bytes = header_bytes
        self._parts = parts
        self._root: Part | None = None

    def octets(self, section: Section, partial: Partial | None) -> bytes | None:
        """See `imap.fetch.SectionSource`."""
        raw, start, end = self._raw, 0, self._header_bytes
        match section:
            case Section((), fetch_items.SectionText.WHOLE):
                end = len(raw)
            case Section((), fetch_items.SectionText.HEADER):
                pass
            case Section((), fetch_items.SectionText.TEXT):
                start, end = end, len(raw)
            case Section(
                (), fetch_items.SectionText.HEADER_FIELDS | fetch_items.SectionText.HEADER_FIELDS_NOT
            ):
                negate = section.text is fetch_items.SectionText.HEADER_FIELDS_NOT
                found: bytes | None = sections.header_fields(raw[:end], section.fields, negate=negate)
                return _cut(found, partial)
            case _:
                spec = SectionSpec(section.part, _TEXTS[section.text], section.fields)
                return _cut(sections.section_bytes(raw, self._structure(), spec), partial)
        if partial is not None:
            start, end = min(start + partial.start, end), min(start + partial.start + partial.count, end)
        return raw[start:end]

    def decoded(self, section: Section, partial: Partial | None) -> bytes | None:
        """See `imap.fetch.SectionSource`."""
        return _cut(self._binary(section), partial)

    def decoded_size(self, section: Section) -> int:
        """See `imap.fetch.SectionSource`."""
        return len(self._binary(section) or b"")

    def _binary(self, section: Section) -> bytes | None:
        try:
            return sections.binary_bytes(self._raw, self._structure(), section.part)
        except sections.UnknownEncodingError:
            raise UnknownEncodingError from None

    def _structure(self) -> Part:
        if self._root is None:
            self._root = load_parts(self._parts) if self._parts else parse_message(self._raw).root
        return self._root


async def send_contents(
    connection: Connection,
    chosen: Chosen,
    items: FetchItems,
    now_seen: Sequence[UidRange],
    *,
    newest_first: bool = False,
) -> Sent:
    r"""Send the messages; those of `now_seen` with their FLAGS, as \Seen is new (RFC 9051 §7.5.2)."""
    store, selected = connection.store, connection.opened()
    with_flags = items
    if now_seen:
        with_flags = items.with_column(fetch_items.Column.FLAGS)
        if connection.session.knows_modseq:  # RFC 7162 §3.2.4
            with_flags = with_flags.with_column(fetch_items.Column.UID).with_column(fetch_items.Column.MODSEQ)
    is_legacy = not connection.takes_raw_headers
    needs_parts = is_legacy or _needs_parts(items)
    columns = stored_columns(with_flags, *_MORE, *((Column.PARTS,) if needs_parts else ()))
    sent = unreadable = 0
    for portion in portions(chosen, PORTION, newest_first=newest_first):
        seqs, values = await read_values(store, selected, portion, columns)
        rows = await fetch_rows(connection, with_flags, seqs, values)
        if newest_first:
            rows, values = rows.turned(), {column: each[::-1] for column, each in values.items()}
        blob_ids, header_bytes = values[Column.BLOB_ID], values[Column.HEADER_BYTES]
        parts = values.get(Column.PARTS)
        for start, stop in _batches(values[Column.SIZE_BYTES]):
            contents = await _read(store, blob_ids[start:stop])
            for place, raw in enumerate(contents, start):
                if raw is None:
                    LOG.error("content-unreadable", account=str(connection.address), uid=rows.uids[place])
                    unreadable += 1
                    continue
                shown = with_flags if now_seen and _is_in(now_seen, rows.uids[place]) else items
                structure = parts[place] if parts else b""
                content = Content(raw, header_bytes[place], structure)
                if is_legacy:
                    made = downgrading.surrogate_content(
                        connection, rows.uids[place], raw, header_bytes[place], structure
                    )
                    if made is not None:
                        content = Content(made, split_header(made).end, b"")
                connection.send_all(render_message(shown, rows, place, content))
                sent += 1
            connection.progress = sent, len(chosen.uids)
            await connection.drain()
    connection.fetched += sent
    return Sent(sent, unreadable)


def _needs_parts(items: FetchItems) -> bool:
    return any(item.section.part or item.kind is not fetch_items.SectionKind.BODY for item in items.sections)


def _batches(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Places of messages that are read together."""
    start = octets = 0
    for place, size in enumerate(sizes):
        if place > start and (octets + size > BATCH_BYTES or place - start >= BATCH_MESSAGES):
            yield start, place
            start, octets = place, 0
        octets += size
    if start < len(sizes):
        yield start, len(sizes)


async def _read(store: Store, blob_ids: Sequence[BlobId]) -> list[bytes | None]:
    """Contents in order; None for what can't be read."""
    try:
        if len(blob_ids) > 1:
            return await store.read_blobs(blob_ids)
        return [await store.read_blob(blob_ids[0])]
    except (StoreError, KeyError):
        if len(blob_ids) > 1:
            return [content for blob_id in blob_ids for content in await _read(store, [blob_id])]
        return [None]


def _cut(data: bytes | None, partial: Partial | None) -> bytes | None:
    return data if data is None or partial is None else partial.cut(data)


def _is_in(ranges: Sequence[UidRange], uid: int) -> bool:
    return any(first <= uid <= last for first, last in ranges)
