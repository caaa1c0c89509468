"""SEARCH criteria as a SQL condition over `entry e` and `email m`.

Not here: criteria that need a message's content (`search`). Source: RFC 9051 §6.4.4. Invariants: what is compiled decides
exactly as `imap.search_match` would; both engines decide alike: texts are stored case-folded and compared with folded
patterns, and no condition is ever NULL, so NOT of it is exact. The criteria are bound (`imap.search_algebra.bind`). No recursion.
"""

import re
from collections.abc import Sequence

import msgspec

from postier.imap.search import (
    AddressField,
    AddressText,
    All,
    And,
    Criterion,
    DateField,
    DateRange,
    Flags,
    HeaderText,
    Leaf,
    ModSeq,
    Not,
    Nothing,
    ObjectId,
    Or,
    Size,
    SubjectText,
    Uids,
)
from postier.imap.search_algebra import leaves

MAX_SQL_LEAVES = 200  # in one statement; the rest is decided in Python
MAX_SQL_RANGES = 100  # of one set of UIDs
MAX_PATTERN = 1_000  # characters; SQLite refuses patterns of 50,000 octets

_ADDRESS_COLUMNS = {
    AddressField.FROM: "m.search_from",
    AddressField.TO: "m.search_to",
    AddressField.CC: "m.search_cc",
    AddressField.BCC: "m.search_bcc",
}
_HEADER_COLUMNS = {
    "from": "m.search_from",
    "to": "m.search_to",
    "cc": "m.search_cc",
    "bcc": "m.search_bcc",
    "subject": "m.search_subject",
}
_MESSAGE_ID_TEXT = re.compile(r"<?([!-'*-;=?-~]{1,998})>?")  # ASCII without blanks, brackets and comments
_LIKE_SPECIAL = re.compile(r"[\\%_]")


class Condition(msgspec.Struct, frozen=True):
    """SQL that is true or false, and its parameters."""

    sql: str
    params: tuple[int | str, ...] = ()

    @property
    def needs_email(self) -> bool:
        """Whether `email m` must be joined."""
        return "m." in self.sql


TRUE, FALSE = Condition("1 = 1"), Condition("1 = 0")


def compile_criterion(criterion: Criterion) -> tuple[Condition, Criterion]:
    """(a condition that every match fulfils, what is left to decide of those that do).

    Nothing is left (`All`) if the condition alone decides.
    """
    terms = criterion.terms if isinstance(criterion, And) else (criterion,)
    conditions: list[Condition] = []
    left: list[Criterion] = []
    room = MAX_SQL_LEAVES
    for term in terms:
        all_leaves = [*leaves(term)]
        if len(all_leaves) <= room and all(_leaf(leaf) is not None for leaf in all_leaves):
            room -= len(all_leaves)
            conditions.append(_compiled(term))
        else:
            left.append(term)
            conditions.append(_narrowing(term))
    condition = _together([each for each in conditions if each is not TRUE], "AND") if conditions else TRUE
    return condition, (And(tuple(left)) if len(left) > 1 else left[0] if left else All())


def _compiled(term: Criterion) -> Condition:
    pending: list[tuple[Criterion, bool]] = [(term, False)]
    done: list[Condition] = []
    while pending:
        node, is_ready = pending.pop()
        match node:
            case And(terms) | Or(terms) if is_ready:
                parts = done[-len(terms) :]
                del done[-len(terms) :]
                done.append(_together(parts, "AND" if isinstance(node, And) else "OR"))
            case And(terms) | Or(terms):
                pending.append((node, True))
                pending.extend((each, False) for each in reversed(terms))
            case Not() if is_ready:
                inner = done.pop()
                done.append(Condition(f"NOT ({inner.sql})", inner.params))
            case Not(inner_term):
                pending += [(node, True), (inner_term, False)]
            case _:
                leaf = _leaf(node)
                assert leaf is not None, "the caller asked before"
                done.append(leaf)
    return done.pop()


def both(one: Condition, other: Condition) -> Condition:
    """The condition that both hold."""
    return _together((one, other), "AND")


def _together(parts: Sequence[Condition], word: str) -> Condition:
    """Joined in pairs, so that the depth of the expression is the logarithm of their number (SQLite's limit: 1,000)."""
    if not parts:
        return TRUE
    level = [*parts]
    while len(level) > 1:
        paired = [
            Condition(f"({one.sql} {word} {other.sql})", one.params + other.params)
            for one, other in zip(level[::2], level[1::2], strict=False)
        ]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def _leaf(leaf: Leaf) -> Condition | None:
    """The condition of one key, or None if columns can't decide it."""
    match leaf:
        case All():
            return TRUE
        case Nothing():
            return FALSE
        case Flags(set_bits, clear_bits):
            return Condition("(e.flags & ?) = ?", (set_bits | clear_bits, set_bits))
        case Uids(ranges):
            return _uids(ranges)
        case ModSeq(at_least):
            return Condition("e.modseq >= ?", (at_least,))
        case ObjectId(is_thread, number):
            return Condition("m.thread_id = ?" if is_thread else "e.email_id = ?", (number,))
        case DateRange(of, start_s, end_s):
            return _dates(of, start_s, end_s)
        case Size(above, below):
            bounds = [("e.size_bytes > ?", above), ("e.size_bytes < ?", below)]
            return _together([Condition(sql, (bound,)) for sql, bound in bounds if bound is not None], "AND")
        case SubjectText(text):
            return _text("m.search_subject", text)
        case AddressText(field, text):
            return _text(_ADDRESS_COLUMNS[field], text)
        case HeaderText(name, text) if text and name in _HEADER_COLUMNS:
            return _text(_HEADER_COLUMNS[name], text)
        case _:
            return None


def _narrowing(term: Criterion) -> Condition:
    """A condition that a term which columns can't decide implies."""
    match term:
        case HeaderText("message-id", text) if (found := _MESSAGE_ID_TEXT.fullmatch(text)) is not None:
            # What clients ask after APPEND; the field itself is read of the few that are left.
            pattern = _pattern(found[1])
            return Condition("(m.message_id = '' OR lower(m.message_id) LIKE ? ESCAPE '\\')", (pattern,))
        case Uids(ranges) if ranges:
            return Condition("e.uid BETWEEN ? AND ?", (ranges[0][0], ranges[-1][1]))
        case _:
            return TRUE


def _uids(ranges: Sequence[tuple[int, int]]) -> Condition | None:
    if len(ranges) > MAX_SQL_RANGES:
        return None
    if not ranges:
        return FALSE
    whole = Condition("e.uid BETWEEN ? AND ?", (ranges[0][0], ranges[-1][1]))
    if len(ranges) == 1:
        return whole
    parts = _together([Condition("e.uid BETWEEN ? AND ?", each) for each in ranges], "OR")
    return _together([whole, parts], "AND")  # the first bounds the scan of the key


def _dates(of: DateField, start_s: int | None, end_s: int | None) -> Condition:
    # A SENT date is the clock of its own zone (RFC 9051 §6.4.4: disregarding time and timezone).
    is_sent = of is DateField.SENT
    column = {
        DateField.INTERNAL: "e.received_at",
        DateField.SENT: "m.sent_at + m.sent_zone_minutes * 60000000",
        DateField.SAVED: "e.saved_at",
    }[of]
    parts = [Condition("m.sent_at IS NOT NULL")] if is_sent else []
    if start_s is not None:
        parts.append(Condition(f"{column} >= ?", (start_s * 1_000_000,)))
    if end_s is not None:
        parts.append(Condition(f"{column} < ?", (end_s * 1_000_000,)))
    return _together(parts, "AND")


def _text(column: str, text: str) -> Condition | None:
    if not text:
        return TRUE
    if len(text) > MAX_PATTERN:
        return None
    if not _is_storable(text):
        return FALSE
    return Condition(f"{column} LIKE ? ESCAPE '\\'", (_pattern(text),))


def _is_storable(text: str) -> bool:
    """Whether a column can hold the text: PostgreSQL refuses NUL, both refuse half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def _pattern(text: str) -> str:
    return "%" + _LIKE_SPECIAL.sub(r"\\\g<0>", text) + "%"
