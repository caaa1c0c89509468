"""An address field as an index keeps it: its addresses, what a client is shown of them, what they sort by.

Not here: the grammar (`address_list`). Source: RFC 9051 §7.5.2 (structures), RFC 5256 §3 (mailbox), RFC 5957 (display).
Mail comes again and again from and to the same people, so short fields that were read lately are remembered.
"""

from functools import lru_cache

import msgspec

from postier.mime import encoded_words
from postier.mime.address_list import EMPTY, AddressList, Mailbox, parse_address_list
from postier.mime.nstring import address_structures

MAX_KEPT_OCTETS = 512  # a longer field is a list of many people, and rarely the same twice
MAX_KEPT_FIELDS = 2_048


class AddressField(msgspec.Struct, frozen=True, gc=False):
    """One field: `structures` is IMAP syntax, `text` the whole field decoded, for search.

    `mailbox` is the local part of the first address, `display` its name or address; a group has its name for both.
    """

    addresses: AddressList
    structures: bytes
    text: str
    mailbox: str
    display: str


ABSENT = AddressField(EMPTY, b"NIL", "", "", "")


def read_address_field(value: bytes | None) -> AddressField:
    """Read an unfolded field; None is one that is not there."""
    if value is None:
        return ABSENT
    return _remembered(value) if len(value) <= MAX_KEPT_OCTETS else _read(value)


def _read(value: bytes) -> AddressField:
    addresses = parse_address_list(value)
    mailbox, display = _sort_keys(addresses)
    return AddressField(
        addresses, address_structures(addresses), encoded_words.decode(value), mailbox, display
    )


_remembered = lru_cache(MAX_KEPT_FIELDS)(_read)


def _sort_keys(addresses: AddressList) -> tuple[str, str]:
    if not addresses.entries:
        return "", ""
    first = addresses.entries[0]
    if not isinstance(first, Mailbox):  # RFC 5957 §3.1: a group sorts by its name
        return first.name, first.name
    return encoded_words.undecoded(first.local), first.name or first.address
