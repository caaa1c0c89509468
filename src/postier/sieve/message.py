"""The message as a script sees it: a working copy over what the caller has, read as late as possible.

Not here: tests. Source: RFC 5228 §2.4.2.2, §2.7.2; RFC 5293 §7 (tests see the changed header). The caller's side is
`MessageSource`: the store can give size and header from its index and read the body only when a test asks.
Invariants: nothing given is changed; names of fields are lower case; values are unfolded, decoded, without white space
around them; what is no UTF-8 stands as surrogates only in raw bodies.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from postier.mime import encoded_words
from postier.mime.address_list import parse_address_list
from postier.mime.headers import split_header, unfold
from postier.mime.part import Part
from postier.mime.structure import parse


class MessageSource(Protocol):
    """A message somewhere."""

    @property
    def size(self) -> int:
        """Octets of the whole message."""

    def header(self) -> bytes:
        """The header section, with or without the empty line."""

    def raw(self) -> bytes:
        """The whole message."""

    def root(self) -> Part:
        """Its structure (`mime.structure.parse`, or as the index keeps it)."""


class RawMessage:
    """A message in memory."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._root: Part | None = None

    @property
    def size(self) -> int:
        """Its length."""
        return len(self._raw)

    def header(self) -> bytes:
        """Where the header ends is found by who reads it."""
        return self._raw

    def raw(self) -> bytes:
        """The octets."""
        return self._raw

    def root(self) -> Part:
        """The structure, found at the first call."""
        if self._root is None:
            self._root = parse(self._raw)
        return self._root


class AddressValue(msgspec.Struct, frozen=True, gc=False):
    """An address of a field; `local` and `domain` are None when it is not valid (RFC 5228 §2.7.4)."""

    whole: str
    local: str | None = None
    domain: str | None = None


Entry = tuple[bytes, bytes, bytes]  # lines as they stand, name in lower case, value still folded

_NO_ENTRIES: list[Entry] = []


class Message:
    """The working copy of one run."""

    __slots__ = (
        "_addresses",
        "_before_enclosing",
        "_by_name",
        "_composed",
        "_entries",
        "_is_changed",
        "_is_enclosed",
        "_part_entries",
        "_raw",
        "_source",
        "_texts",
        "_values",
        "protected",
    )

    def __init__(self, source: MessageSource) -> None:
        self._source = source
        self._entries: list[Entry] | None = None
        self._by_name: dict[bytes, list[Entry]] | None = None
        self._values: dict[str, list[str]] = {}
        self._addresses: dict[str, list[AddressValue]] = {}
        self._part_entries: dict[str, list[Entry]] = {}
        self._is_changed = False
        self._is_enclosed = False
        self._before_enclosing: bytes | None = None
        self._raw: tuple[bytes, Part] | None = None  # as it is after `replace` or `enclose`
        self._composed: bytes | None = None
        self._texts: dict[tuple[int, str], str] = {}
        self.protected: set[bytes] = set()  # fields that scripts may not touch any more (RFC 5703 §5)

    @property
    def size(self) -> int:
        """Octets of the message, without what `editheader` did (`content` has that)."""
        return self._source.size if self._raw is None else len(self._raw[0])

    @property
    def entries(self) -> list[Entry]:
        """The fields of the header, as they are now."""
        if self._entries is None:
            octets = self._source.header() if self._raw is None else self._raw[0]
            self._entries = list(split_header(octets).entries)
        return self._entries

    def named(self, name: str) -> list[Entry]:
        """The fields of a name in lower case."""
        index = self._by_name
        if index is None:
            index = self._by_name = {}
            for entry in self.entries:
                index.setdefault(entry[1], []).append(entry)
        return index.get(name.encode("utf-8", "replace"), _NO_ENTRIES)

    def values(self, name: str) -> list[str]:
        """The values of all fields of a name in lower case."""
        found = self._values.get(name)
        if found is None:
            found = [field_text(value) for _, _, value in self.named(name)]
            self._values[name] = found
        return found

    def addresses(self, name: str) -> list[AddressValue]:
        """The addresses in all fields of a name in lower case, groups opened."""
        found = self._addresses.get(name)
        if found is None:
            found = [address for _, _, value in self.named(name) for address in addresses_in(value)]
            self._addresses[name] = found
        return found

    def raw(self) -> bytes:
        """The message with its structure as it is now, but the header as it was."""
        return self._source.raw() if self._raw is None else self._raw[0]

    def root(self) -> Part:
        """The structure of `raw`."""
        return self._source.root() if self._raw is None else self._raw[1]

    def part_entries(self, part: Part) -> list[Entry]:
        """The fields of a part; those of the whole message as they are now."""
        root = self.root()
        if part is root:
            return self.entries
        place = f"{part.header_start}"
        found = self._part_entries.get(place)
        if found is None:
            found = list(split_header(self.raw(), part.header_start, part.body_start).entries)
            self._part_entries[place] = found
        return found

    def change_entries(self, entries: list[Entry]) -> None:
        """Take a new header."""
        self._entries = entries
        self._by_name = None
        self._values.clear()
        self._addresses.clear()
        self._composed = None
        self._is_changed = True

    def change_raw(self, raw: bytes) -> None:
        """Take a new message."""
        self._raw = (raw, parse(raw))
        self._entries = None
        self._by_name = None
        self._values.clear()
        self._addresses.clear()
        self._part_entries.clear()
        self._composed = None
        self._is_changed = True
        self._texts.clear()

    def enclose(self, raw: bytes) -> None:
        """Take a message that holds the old one; `content_for_redirect` stays without it (RFC 5703 §6)."""
        if not self._is_enclosed:
            self._before_enclosing = self.content()
            self._is_enclosed = True
        self.change_raw(raw)

    def content(self) -> bytes | None:
        """The message as it is now; None when nothing was changed."""
        return self.octets() if self._is_changed else None

    def octets(self) -> bytes:
        """The message as it is now; put together once for each change."""
        raw = self.raw()
        if self._entries is None or not self._is_changed:
            return raw
        if self._composed is None:
            body = raw[split_header(raw).end :]
            lines = b"".join([_ended(lines) for lines, _, _ in self._entries])
            self._composed = lines + b"\r\n" + body
        return self._composed

    @property
    def pending_octets(self) -> int:
        """How much `octets` would have to write."""
        return self.size if self._is_changed and self._composed is None else 0

    def text(self, part: Part, way: str, read: Callable[[], str]) -> str:
        """What `read` makes of a part in one way, made once."""
        key = (part.header_start, way)
        found = self._texts.get(key)
        if found is None:
            found = self._texts[key] = read()
        return found

    def content_for_redirect(self) -> bytes | None:
        """The message without what encloses it."""
        return self._before_enclosing if self._is_enclosed else self.content()


def field_text(value: bytes) -> str:
    """The text of a folded value (RFC 5228 §2.7.2)."""
    return encoded_words.decode(unfold(value)).strip()


def addresses_in(value: bytes) -> list[AddressValue]:
    """The addresses of a folded value. What is none is one that is not valid, as it stands (RFC 5228 §2.7.4)."""
    plain = unfold(value)
    mailboxes = parse_address_list(plain).mailboxes
    found: list[AddressValue] = []
    for mailbox in mailboxes:
        if mailbox.domain and mailbox.local:
            local = encoded_words.undecoded(mailbox.local)
            domain = encoded_words.undecoded(mailbox.domain)
            found.append(AddressValue(mailbox.address, local, domain))
        else:
            found.append(AddressValue(mailbox.address or encoded_words.undecoded(mailbox.display or b"")))
    if len(found) > 1 or (found and found[0].domain is not None):
        return found
    whole = encoded_words.undecoded(plain).strip()
    # Neither a group without members nor a comment is an address; an empty field has an empty one
    return [AddressValue(whole)] if found or whole in ("", "<>") else []


def _ended(lines: bytes) -> bytes:
    return lines if lines.endswith(b"\n") else lines + b"\r\n"
