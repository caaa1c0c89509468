r"""Message flags: system flags and keywords, as names and as bits of one integer.

Not here: which keywords a mailbox has (the store's table, given here as an ordered tuple). Source: RFC 9051
§2.3.2, §9 flag; RFC 3501 §2.3.2 for \Recent. Invariants: system flags are bits 0 to 4, the keyword at place
n of the tuple is bit 5 + n; names compare without case; \Recent is never stored.
"""

import re
from collections.abc import Iterable

import msgspec

from postier.imap.refusals import bad, no
from postier.imap.responses import LIMIT

SEEN, ANSWERED, FLAGGED, DELETED, DRAFT = 1, 2, 4, 8, 16
FIRST_KEYWORD_BIT = 5
MAX_KEYWORDS = 57  # in one mailbox: 62 bits, which a signed 64-bit column holds
MAX_KEYWORD_BYTES = 128
MAX_FLAGS_NAMED = 100  # in one command
MAX_CACHED_TEXTS = 4096

SYSTEM_FLAGS = (
    (SEEN, "\\Seen"),
    (ANSWERED, "\\Answered"),
    (FLAGGED, "\\Flagged"),
    (DELETED, "\\Deleted"),
    (DRAFT, "\\Draft"),
)
_SYSTEM_BITS = {name.upper().encode(): bit for bit, name in SYSTEM_FLAGS}
SYSTEM_MASK = SEEN | ANSWERED | FLAGGED | DELETED | DRAFT

_KEYWORD = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")  # RFC 9051 §9 flag-keyword: an atom


class FlagList(msgspec.Struct, frozen=True):
    """Flags as a command named them: bits of system flags, keywords without repeats in their first spelling."""

    system: int = 0
    keywords: tuple[str, ...] = ()


def parse_flags(text: bytes) -> FlagList:
    r"""Flags separated by single spaces; empty text is no flags. Raises PeerError.

    \Recent is dropped: it is not the client's to set, but clients that copy flags between servers send it.
    """
    if not text:
        return FlagList()
    names = text.split(b" ", MAX_FLAGS_NAMED)
    if len(names) > MAX_FLAGS_NAMED:
        raise no(f"At most {MAX_FLAGS_NAMED} flags in one command", LIMIT)
    system = 0
    keywords: dict[bytes, str] = {}
    for name in names:
        folded = name.upper()
        bit = _SYSTEM_BITS.get(folded)
        if bit is not None:
            system |= bit
        elif _KEYWORD.fullmatch(name):
            if len(name) > MAX_KEYWORD_BYTES:
                raise no(f"A keyword has at most {MAX_KEYWORD_BYTES} characters", LIMIT)
            keywords.setdefault(folded, name.decode("ascii"))
        elif folded != b"\\RECENT":
            raise bad(f"Invalid flag {name[:40].decode('ascii', 'replace')!r}")
    return FlagList(system, tuple(keywords.values()))


def keyword_bits(names: Iterable[str], keywords: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """The bits of the names that the mailbox knows, and the names that it does not know yet."""
    places = {keyword.upper(): place for place, keyword in enumerate(keywords)}
    bits = 0
    unknown = []
    for name in names:
        place = places.get(name.upper())
        if place is None:
            unknown.append(name)
        else:
            bits |= 1 << (FIRST_KEYWORD_BIT + place)
    return bits, tuple(unknown)


def flag_names(bits: int, keywords: tuple[str, ...]) -> list[str]:
    """The names of the flags that are set."""
    names = [name for bit, name in SYSTEM_FLAGS if bits & bit]
    rest = bits >> FIRST_KEYWORD_BIT
    if rest:
        names += [keyword for place, keyword in enumerate(keywords) if rest >> place & 1]
    return names


def flags_text(bits: int, keywords: tuple[str, ...]) -> bytes:
    r"""The flags as they stand between the parentheses of FLAGS: `\Seen $Junk`."""
    return " ".join(flag_names(bits, keywords)).encode("ascii")


def all_flags(keywords: tuple[str, ...]) -> bytes:
    """Every flag of a mailbox, as text for FLAGS and PERMANENTFLAGS."""
    return flags_text(SYSTEM_MASK | ((1 << len(keywords)) - 1) << FIRST_KEYWORD_BIT, keywords)


class FlagTexts(dict[int, bytes]):
    r"""Bits -> text for one keyword table: `map(texts.__getitem__, bits)` renders many messages at C speed.

    `is_recent` puts \Recent first (IMAP4rev1 sessions only).
    """

    __slots__ = ("_is_recent", "_keywords")

    def __init__(self, keywords: tuple[str, ...], *, is_recent: bool = False) -> None:
        super().__init__()
        self._keywords = keywords
        self._is_recent = is_recent

    def __missing__(self, bits: int) -> bytes:
        if len(self) >= MAX_CACHED_TEXTS:
            self.clear()
        text = flags_text(bits, self._keywords)
        if self._is_recent:
            text = b"\\Recent " + text if text else b"\\Recent"
        self[bits] = text
        return text
