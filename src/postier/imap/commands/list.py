"""LIST with its extended syntax, and LSUB.

Not here: matching patterns (`list_patterns`), LIST lines (`mailbox_responses`). Source: RFC 9051 §6.3.9, §9
list; RFC 5258 §3, §6 (several patterns); RFC 5819; RFC 8440; RFC 9590; RFC 6154 §5.2; RFC 3501 §6.3.9 (LSUB). Invariants: names
are decoded; a pattern that cannot be a name is left out, so it matches nothing (RFC 9051 §6.3.9).
"""

import enum

import msgspec

from postier.imap.commands.metadata import parse_entries
from postier.imap.commands.status import StatusItem, parse_status_items
from postier.imap.list_patterns import MAX_PATTERN_CHARS, MAX_PATTERNS
from postier.imap.mailbox_names import decode_utf7
from postier.imap.refusals import PeerError, bad
from postier.imap.tokens import Cursor


class ListSelect(enum.Flag):
    """Selection options (RFC 9051 §6.3.9.1)."""

    SUBSCRIBED = enum.auto()
    REMOTE = enum.auto()
    RECURSIVEMATCH = enum.auto()
    SPECIAL_USE = enum.auto()


class ListReturn(enum.Flag):
    """Return options without arguments (RFC 9051 §6.3.9.2)."""

    SUBSCRIBED = enum.auto()
    CHILDREN = enum.auto()
    SPECIAL_USE = enum.auto()
    MYRIGHTS = enum.auto()  # RFC 8440


class List(msgspec.Struct, frozen=True):
    """LIST, or LSUB (which is `select=SUBSCRIBED`, answered with LSUB lines)."""

    tag: bytes
    reference: str
    patterns: tuple[str, ...]
    select: ListSelect = ListSelect(0)
    returns: ListReturn = ListReturn(0)
    status_items: tuple[StatusItem, ...] = ()
    entries: tuple[str, ...] = ()  # of METADATA
    is_extended: bool = False
    is_lsub: bool = False

    @property
    def asks_delimiter(self) -> bool:
        """Whether it is `LIST "" ""`, a question for the hierarchy delimiter (basic syntax only)."""
        return not self.is_extended and self.patterns == ("",)

    @property
    def child_info(self) -> tuple[str, ...]:
        """The criteria that CHILDINFO names when RECURSIVEMATCH was asked for (RFC 9051 §6.3.9.6)."""
        if ListSelect.RECURSIVEMATCH not in self.select:
            return ()
        base = (ListSelect.SUBSCRIBED, "SUBSCRIBED"), (ListSelect.SPECIAL_USE, "SPECIAL-USE")
        return tuple(name for option, name in base if option in self.select)


_SELECTS = {b"SUBSCRIBED": ListSelect.SUBSCRIBED, b"REMOTE": ListSelect.REMOTE}
_SELECTS |= {b"RECURSIVEMATCH": ListSelect.RECURSIVEMATCH, b"SPECIAL-USE": ListSelect.SPECIAL_USE}
_RETURNS = {b"SUBSCRIBED": ListReturn.SUBSCRIBED, b"CHILDREN": ListReturn.CHILDREN}
_RETURNS |= {b"SPECIAL-USE": ListReturn.SPECIAL_USE, b"MYRIGHTS": ListReturn.MYRIGHTS}


def parse(cursor: Cursor) -> List:
    """`LIST` [SP selection options] SP reference SP pattern(s) [SP `RETURN (…)`]."""
    cursor.space()
    select, is_extended = ListSelect(0), False
    if cursor.peek() == b"(":
        is_extended = True
        for option in cursor.items(lambda: _option(cursor, _SELECTS), may_be_empty=True):
            select |= option
        cursor.space()
        if ListSelect.RECURSIVEMATCH in select and not select & (
            ListSelect.SUBSCRIBED | ListSelect.SPECIAL_USE
        ):
            raise bad("RECURSIVEMATCH needs another selection option")  # RFC 9051 §6.3.9.1
    reference = _name(cursor, cursor.astring())
    cursor.space()
    if cursor.peek() == b"(":
        is_extended = True
        raw = cursor.items(cursor.list_mailbox)
        if len(raw) > MAX_PATTERNS:
            raise bad("Too many patterns")
    else:
        raw = [cursor.list_mailbox()]
    returns = ListReturn(0)
    status_items: tuple[StatusItem, ...] = ()
    entries: tuple[str, ...] = ()
    if cursor.take(b" "):
        is_extended = True
        returns, status_items, entries = _return_options(cursor)
    cursor.end()
    if ListSelect.SUBSCRIBED in select:
        returns |= ListReturn.SUBSCRIBED  # RFC 9051 §6.3.9.1
    if ListSelect.SPECIAL_USE in select:
        returns |= ListReturn.SPECIAL_USE
    patterns = _patterns(cursor, reference, raw)
    if is_extended:
        patterns = tuple(filter(None, patterns))  # RFC 9051 §6.3.9: empty names are ignored
    return List(cursor.tag, reference or "", patterns, select, returns, status_items, entries, is_extended)


def parse_lsub(cursor: Cursor) -> List:
    """`LSUB` SP reference SP pattern."""
    cursor.space()
    reference = _name(cursor, cursor.astring())
    cursor.space()
    patterns = _patterns(cursor, reference, [cursor.list_mailbox()])
    cursor.end()
    return List(cursor.tag, reference or "", patterns, ListSelect.SUBSCRIBED, is_lsub=True)


def _option(cursor: Cursor, options: dict[bytes, ListSelect]) -> ListSelect:
    option = options.get(cursor.keyword())
    if option is None:
        raise bad("Unknown LIST selection option")  # RFC 9051 §6.3.9
    return option


def _return_options(cursor: Cursor) -> tuple[ListReturn, tuple[StatusItem, ...], tuple[str, ...]]:
    if cursor.keyword() != b"RETURN":
        raise bad("Expected RETURN")
    cursor.space()
    returns, status_items, entries = ListReturn(0), dict[StatusItem, None](), dict[str, None]()

    def option() -> None:
        nonlocal returns
        name = cursor.keyword()
        if name == b"STATUS":  # RFC 5819 §2
            cursor.space()
            status_items.update(dict.fromkeys(parse_status_items(cursor)))
        elif name == b"METADATA":  # RFC 9590 §3
            cursor.space()
            entries.update(dict.fromkeys(parse_entries(cursor)))
        elif name in _RETURNS:
            returns |= _RETURNS[name]
        else:
            raise bad("Unknown LIST return option")

    cursor.items(option, may_be_empty=True)
    return returns, tuple(status_items), tuple(entries)


def _patterns(cursor: Cursor, reference: str | None, raw: list[bytes]) -> tuple[str, ...]:
    if reference is None:
        return ()
    names = (_name(cursor, text) for text in raw)
    return tuple(
        name for name in names if name is not None and len(reference) + len(name) <= MAX_PATTERN_CHARS
    )


def _name(cursor: Cursor, raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8") if cursor.utf8 else decode_utf7(raw)
    except (PeerError, UnicodeDecodeError):
        return None
