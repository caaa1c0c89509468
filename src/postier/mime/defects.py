"""What can be wrong with a letter, as a closed set of names; a defect is noted, never raised.

Not here: what to do about one (that is the defence's or the transfer agent's decision).
"""

from enum import StrEnum


class Defect(StrEnum):
    """A fault met while reading a message; the value is what is stored and shown."""

    HEADER_TOO_LONG = "header-too-long"
    TOO_MANY_FIELDS = "too-many-fields"
    FIELD_TOO_LONG = "field-too-long"
    HEADER_NOT_ENDED = "header-not-ended"  # a line that is no field stands where the empty line should
    BOUNDARY_MISSING = "boundary-missing"  # multipart without (usable) boundary parameter
    NO_PARTS = "no-parts"  # multipart whose boundary never occurs
    END_MISSING = "end-missing"  # multipart without closing delimiter
    TOO_DEEP = "too-deep"
    TOO_MANY_PARTS = "too-many-parts"
    TOO_COSTLY = "too-costly"  # nested so that scanning it would not be linear
    CONTENT_TYPE_INVALID = "content-type-invalid"
    ENCODED_COMPOSITE = (
        "encoded-composite"  # RFC 2045 §6.4 forbids base64/QP around multipart and message/rfc822
    )
    DUPLICATE_FIELD = "duplicate-field"  # a field that RFC 5322 §3.6 allows once
    DUPLICATE_FROM = "duplicate-from"  # several From fields: each reader shows another author
    FROM_MISSING = "from-missing"
    DATE_INVALID = "date-invalid"
    TOO_MANY_ADDRESSES = "too-many-addresses"
    BARE_LINE_END = "bare-line-end"  # LF without CR in the header section
