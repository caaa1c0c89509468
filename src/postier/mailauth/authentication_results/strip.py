"""Removal of Authentication-Results fields that claim to be ours.

Source: RFC 8601 §5, §2.5. Invariants: every byte of the other fields stays as it was; a field whose authserv-id cannot be
read is removed, since a reader more tolerant than we are might take it for ours.
"""

import re

from postier.mailauth.authentication_results.field import parse, without_comments
from postier.mailauth.names import canonical

_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_NAMES = re.compile(r"[\w.\-]+")
_NAME = b"authentication-results"


def strip_ours(header: bytes, authserv_id: str) -> bytes:
    """The header block (or whole message) without fields that bear `authserv_id`, in any spelling of it."""
    end = header.find(b"\r\n\r\n")
    block, rest = (header, b"") if end < 0 else (header[:end], header[end:])
    if _NAME not in block.lower():
        return header
    ours = _folded(authserv_id)
    fields = _FIELD_END.split(block)
    kept = [field for field in fields if not _is_forged(field, ours)]
    if len(kept) == len(fields):
        return header
    if not kept and rest:
        return rest[2:]
    return b"\r\n".join(kept) + rest


def _is_forged(field: bytes, ours: str) -> bool:
    name, colon, value = field.partition(b":")
    if not colon or name.strip().lower() != _NAME:
        return False
    found = parse(value)
    if found is None or found.version != 1:  # RFC 8601 §5: unsupported versions from outside go too
        return True
    bare = without_comments(value.decode("utf-8", "replace")).partition(";")[0]
    # RFC 8601 §2.5: some add a substructure, such as "name/job"
    return ours in {_folded(found.authserv_id), *(_folded(word) for word in _NAMES.findall(bare))}


def _folded(name: str) -> str:
    """Comparable form: RFC 8601 §5 compares U-labels and A-labels as equal."""
    return canonical(name) or name.lower()
