"""Reading a search program: `[CHARSET x] key *(SP key)`.

Not here: the tree (`search`), RETURN options (`commands.search`). Source: RFC 9051 §6.4.4, §9
search-program; RFC 3501 §9; RFC 5032; RFC 5466; RFC 6203; RFC 9738. Invariant: one loop with its own stack, at most MAX_NESTING deep; a
chain of OR or of NOT, which clients write by the hundred, takes one place on it.
"""

from collections.abc import Callable

from postier.imap.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, parse_flags
from postier.imap.object_ids import EMAIL, THREAD, number_of
from postier.imap.refusals import bad
from postier.imap.search import (
    AddressField,
    AddressText,
    All,
    AnyText,
    BodyText,
    Criterion,
    DateField,
    DateRange,
    Filter,
    Flags,
    HeaderText,
    Keyword,
    Messages,
    ModSeq,
    Nothing,
    ObjectId,
    Recent,
    Size,
    SubjectText,
    Uids,
    Within,
)
from postier.imap.search_algebra import conjunction, disjunction, fuzzed, negation
from postier.imap.sets import MAX_NUMBER
from postier.imap.tokens import Cursor
from postier.mime.collation import search_fold

MAX_NESTING = 50
MAX_KEYS = 5000

_DAY_S = 86_400


def parse_program(cursor: Cursor) -> Criterion:
    """The keys up to the end of the command; raises PeerError."""
    stack = [_Frame(b"")]
    keys = 0
    while True:
        keys += 1
        if keys > MAX_KEYS:
            raise bad("Too many search keys")
        found = _open_or_leaf(cursor, stack)
        if len(stack) > MAX_NESTING:
            raise bad("Search keys are nested too deeply")
        if found is None:
            continue
        finished = _complete(cursor, stack, found)
        if finished is not None:
            return finished


class _Frame:
    """A key that waits for other keys: `(`, NOT, OR, or the program itself."""

    __slots__ = ("kind", "terms", "wanted")

    def __init__(self, kind: bytes, wanted: int = 0) -> None:
        self.kind = kind
        self.wanted = wanted
        self.terms: list[Criterion] = []


def _open_or_leaf(cursor: Cursor, stack: list[_Frame]) -> Criterion | None:
    """Read one key; None when it opened a frame (or lengthened the one on top) and another key must follow."""
    top = stack[-1]
    if cursor.take(b"("):
        stack.append(_Frame(b"("))
        return None
    if cursor.peek() in _SET_START:
        return Messages(cursor.sequence_set(), is_uid=False)
    name = cursor.keyword()
    if name == b"NOT":
        cursor.space()
        if top.kind == b"NOT":
            stack.pop()  # NOT NOT
        else:
            stack.append(_Frame(b"NOT", 1))
        return None
    if name == b"FUZZY":  # RFC 6203 §3
        cursor.space()
        if top.kind != b"FUZZY":
            stack.append(_Frame(b"FUZZY", 1))
        return None
    if name == b"OR":
        cursor.space()
        if top.kind == b"OR":
            top.wanted += 1  # OR a OR b c, and OR OR a b c, are one Or of three
        else:
            stack.append(_Frame(b"OR", 2))
        return None
    key = _KEYS.get(name)
    if key is None:
        raise bad(f"Unknown search key {name[:40].decode('ascii')}")
    return key(cursor)


def _complete(cursor: Cursor, stack: list[_Frame], found: Criterion) -> Criterion | None:
    """Give a finished key to the frames that wait for it; the whole tree when the program ends here."""
    while True:
        top = stack[-1]
        top.terms.append(found)
        match top.kind:
            case b"NOT":
                found = negation(found)
            case b"FUZZY":
                found = fuzzed(found)
            case b"OR" if len(top.terms) == top.wanted:
                found = disjunction(top.terms)
            case b"(" if cursor.take(b")"):
                found = conjunction(top.terms)
            case b"" if not cursor.peek():
                return conjunction(top.terms)
            case _:
                cursor.space()
                return None
        stack.pop()


def _text(cursor: Cursor) -> str:
    raw = cursor.astring()
    try:
        return search_fold(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise bad("Search text is not UTF-8") from None


_Key = Callable[[Cursor], Criterion]


def _fixed(criterion: Criterion) -> _Key:
    return lambda _cursor: criterion


def _spaced(read: _Key) -> _Key:
    def key(cursor: Cursor) -> Criterion:
        cursor.space()
        return read(cursor)

    return key


def _address(field: AddressField) -> _Key:
    def read(cursor: Cursor) -> Criterion:
        text = _text(cursor)
        return AddressText(field, text) if text else All()

    return _spaced(read)


def _texts(kind: type[SubjectText] | type[BodyText] | type[AnyText]) -> _Key:
    def read(cursor: Cursor) -> Criterion:
        text = _text(cursor)
        return kind(text) if text else All()  # RFC 9051 §6.4.4: the empty string is a substring

    return _spaced(read)


def _header(cursor: Cursor) -> Criterion:
    try:
        name = cursor.astring().decode("ascii").lower()
    except UnicodeDecodeError:
        raise bad("Header field name is not ASCII") from None
    cursor.space()
    return HeaderText(name, _text(cursor))


def _filter(cursor: Cursor) -> Criterion:
    name = cursor.atom()
    if b"/" in name:  # RFC 5466 §4 filter-name
        raise bad("Invalid filter name")
    return Filter(name.decode("ascii"))


def _keyword(cursor: Cursor) -> Criterion:
    flags = parse_flags(cursor.atom())
    if len(flags.keywords) != 1:
        raise bad("Invalid keyword")
    return Keyword(flags.keywords[0])


def _mod_sequence(cursor: Cursor) -> Criterion:
    """RFC 7162 §7 search-modsequence; there is one mod-sequence for all of a message, so the entry is read and ignored."""
    if cursor.peek() == b'"':
        if not cursor.string().startswith(b"/flags/"):
            raise bad("Unknown metadata item")
        cursor.space()
        if cursor.keyword() not in {b"ALL", b"PRIV", b"SHARED"}:
            raise bad("Unknown type of metadata item")
        cursor.space()
    return ModSeq(cursor.number())


def _uid_after(cursor: Cursor) -> Criterion:
    uid = cursor.nz_number()
    return Uids(((uid + 1, MAX_NUMBER),)) if uid < MAX_NUMBER else Nothing()


def _uid_before(cursor: Cursor) -> Criterion:
    uid = cursor.nz_number()
    return Uids(((1, uid - 1),)) if uid > 1 else Nothing()


def _object_id(kind: bytes) -> _Key:
    def read(cursor: Cursor) -> Criterion:
        number = number_of(cursor.astring(), kind)
        return Nothing() if number is None else ObjectId(kind == THREAD, number)

    return _spaced(read)


def _dates(of: DateField, *, has_start: bool, has_end: bool) -> _Key:
    def read(cursor: Cursor) -> Criterion:
        day = cursor.date()
        if not has_start:
            return DateRange(of, None, day)  # BEFORE: not the day itself
        return DateRange(of, day, day + _DAY_S if has_end else None)

    return _spaced(read)


_SET_START = frozenset([b"%d" % digit for digit in range(10)] + [b"*", b"$"])

_KEYS: dict[bytes, _Key] = {
    b"ALL": _fixed(All()),
    b"ANSWERED": _fixed(Flags(ANSWERED)),
    b"BCC": _address(AddressField.BCC),
    b"BEFORE": _dates(DateField.INTERNAL, has_start=False, has_end=True),
    b"BODY": _texts(BodyText),
    b"CC": _address(AddressField.CC),
    b"DELETED": _fixed(Flags(DELETED)),
    b"DRAFT": _fixed(Flags(DRAFT)),
    b"EMAILID": _object_id(EMAIL),
    b"FILTER": _spaced(_filter),
    b"FLAGGED": _fixed(Flags(FLAGGED)),
    b"FROM": _address(AddressField.FROM),
    b"HEADER": _spaced(_header),
    b"KEYWORD": _spaced(_keyword),
    b"LARGER": _spaced(lambda cursor: Size(above=cursor.number())),
    b"MODSEQ": _spaced(_mod_sequence),
    b"NEW": _fixed(conjunction([Recent(), Flags(0, SEEN)])),  # RFC 3501 §6.4.4
    b"OLD": _fixed(negation(Recent())),  # RFC 3501 §6.4.4
    b"OLDER": _spaced(lambda cursor: Within(cursor.nz_number(), is_younger=False)),  # RFC 5032 §2
    b"ON": _dates(DateField.INTERNAL, has_start=True, has_end=True),
    b"RECENT": _fixed(Recent()),  # RFC 3501 §6.4.4
    b"SEEN": _fixed(Flags(SEEN)),
    b"SAVEDATESUPPORTED": _fixed(All()),  # RFC 8514 §4.3
    b"SAVEDBEFORE": _dates(DateField.SAVED, has_start=False, has_end=True),
    b"SAVEDON": _dates(DateField.SAVED, has_start=True, has_end=True),
    b"SAVEDSINCE": _dates(DateField.SAVED, has_start=True, has_end=False),
    b"SENTBEFORE": _dates(DateField.SENT, has_start=False, has_end=True),
    b"SENTON": _dates(DateField.SENT, has_start=True, has_end=True),
    b"SENTSINCE": _dates(DateField.SENT, has_start=True, has_end=False),
    b"SINCE": _dates(DateField.INTERNAL, has_start=True, has_end=False),
    b"SMALLER": _spaced(lambda cursor: Size(below=cursor.number())),
    b"SUBJECT": _texts(SubjectText),
    b"TEXT": _texts(AnyText),
    b"THREADID": _object_id(THREAD),
    b"TO": _address(AddressField.TO),
    b"UID": _spaced(lambda cursor: Messages(cursor.sequence_set(), is_uid=True)),
    b"UIDAFTER": _spaced(_uid_after),  # RFC 9738 §3.2
    b"UIDBEFORE": _spaced(_uid_before),  # RFC 9738 §3.2
    b"UNANSWERED": _fixed(Flags(0, ANSWERED)),
    b"UNDELETED": _fixed(Flags(0, DELETED)),
    b"UNDRAFT": _fixed(Flags(0, DRAFT)),
    b"UNFLAGGED": _fixed(Flags(0, FLAGGED)),
    b"UNKEYWORD": _spaced(lambda cursor: negation(_keyword(cursor))),
    b"UNSEEN": _fixed(Flags(0, SEEN)),
    b"YOUNGER": _spaced(lambda cursor: Within(cursor.nz_number(), is_younger=True)),  # RFC 5032 §2
}
