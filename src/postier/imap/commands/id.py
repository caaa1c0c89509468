"""ID: client and server introduce themselves.

Source: RFC 2971 §3.1, §3.3. Invariant: within the RFC's limits; unknown fields are kept.
"""

import msgspec

from postier.imap.mailbox_responses import MAX_ID_FIELD_BYTES, MAX_ID_VALUE_BYTES
from postier.imap.refusals import bad
from postier.imap.tokens import Cursor

MAX_FIELDS = 30  # RFC 2971 §3.3


class Id(msgspec.Struct, frozen=True):
    """Fields by name in lower case; empty for NIL. For the log only: never to be trusted."""

    tag: bytes
    fields: dict[str, str | None]


def parse(cursor: Cursor) -> Id:
    """`ID` SP (NIL / `(` field value … `)`)."""
    cursor.space()
    fields: dict[str, str | None] = {}
    if not cursor.try_keyword(b"NIL"):
        cursor.expect(b"(")
        while not cursor.take(b")"):
            if fields:
                cursor.space()
            field = cursor.string()
            cursor.space()
            value = cursor.nstring()
            if (
                len(field) > MAX_ID_FIELD_BYTES
                or len(value or b"") > MAX_ID_VALUE_BYTES
                or len(fields) >= MAX_FIELDS
            ):
                raise bad("ID exceeds the limits of RFC 2971")
            fields[field.decode("utf-8", "replace").lower()] = (
                None if value is None else value.decode("utf-8", "replace")
            )
    cursor.end()
    return Id(cursor.tag, fields)
