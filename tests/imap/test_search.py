"""Search criteria: parsed, simplified, bound, split and matched; against a slow evaluation of the same text."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap import search_algebra
from postier.imap.flags import DELETED, SEEN
from postier.imap.refusals import PeerError
from postier.imap.search import (
    AddressField,
    AddressText,
    All,
    And,
    AnyText,
    BodyText,
    DateField,
    DateRange,
    Flags,
    HeaderText,
    Keyword,
    Messages,
    Not,
    Nothing,
    Or,
    Recent,
    Size,
    SubjectText,
    Uids,
    Within,
)
from postier.imap.search_algebra import Binding, Needs
from postier.imap.search_match import UnboundCriterionError, matches, predicate
from postier.imap.search_syntax import MAX_KEYS, MAX_NESTING, parse_program
from postier.imap.sets import parse_set
from postier.imap.tokens import Cursor

DAY = 86_400


def parse(text, *literals):
    return parse_program(Cursor(text, literals))


class Mail(msgspec.Struct):
    """A candidate whose texts are at hand; it counts how often its body is read."""

    uid: int = 1
    flags: int = 0
    modseq: int = 70
    email_id: int = 5
    thread_id: int = 4
    size_bytes: int = 100
    internal_s: int = 10 * DAY
    sent_s: int | None = 10 * DAY
    saved_s: int = 30 * DAY
    subject: str = "hello"
    bodies_read: int = 0

    def address_text(self, field):
        return {AddressField.FROM: "alice <alice@alpha.test>"}.get(field, "")

    def subject_text(self):
        return self.subject

    def header_texts(self, name):
        return {"subject": [self.subject], "x-empty": [""]}.get(name, [])

    def header_text(self):
        return f"subject: {self.subject}"

    def body_text(self):
        self.bodies_read += 1
        return "straße"


@pytest.mark.parametrize(
    ("text", "criterion"),
    [
        (b"ALL", All()),
        (b"seen", Flags(SEEN)),
        (b"UNSEEN DELETED", Flags(DELETED, SEEN)),
        (b"SEEN UNSEEN", Nothing()),
        (b"NEW", And((Flags(0, SEEN), Recent()))),
        (b"OLD", Not(Recent())),
        (b"NOT NOT SEEN", Flags(SEEN)),
        (b"NOT (SEEN DELETED)", Not(Flags(SEEN | DELETED))),
        (b"OR SEEN OR DELETED BODY x", Or((Flags(SEEN), Flags(DELETED), BodyText("x")))),
        (b"OR OR SEEN DELETED BODY x", Or((Flags(SEEN), Flags(DELETED), BodyText("x")))),
        (b"NOT OR NOT SEEN NOT DELETED", Not(Or((Flags(0, SEEN), Flags(0, DELETED))))),
        (b"(((SEEN)))", Flags(SEEN)),
        (b"1:3,5", Messages(parse_set(b"1:3,5"), is_uid=False)),
        (b"$", Messages(parse_set(b"$"), is_uid=False)),
        (b"UIDAFTER 7", Uids(((8, 2**32 - 1),))),
        (b"UIDAFTER 4294967295", Nothing()),
        (b"UIDBEFORE 7", Uids(((1, 6),))),
        (b"UIDBEFORE 1", Nothing()),
        (b"UID 7:*", Messages(parse_set(b"7:*"), is_uid=True)),
        (b"BEFORE 2-Jan-1970", DateRange(DateField.INTERNAL, None, DAY)),
        (b'ON "2-Jan-1970"', DateRange(DateField.INTERNAL, DAY, 2 * DAY)),
        (b"SINCE 2-Jan-1970", DateRange(DateField.INTERNAL, DAY, None)),
        (b"SENTBEFORE 2-Jan-1970", DateRange(DateField.SENT, None, DAY)),
        (b"SENTON 2-Jan-1970", DateRange(DateField.SENT, DAY, 2 * DAY)),
        (b"SENTSINCE 2-Jan-1970", DateRange(DateField.SENT, DAY, None)),
        (b"LARGER 5 SMALLER 9", And((Size(above=5), Size(below=9)))),
        (b"OLDER 60", Within(60, is_younger=False)),
        (b"YOUNGER 60", Within(60, is_younger=True)),
        (b'FROM "Al \\"x\\""', AddressText(AddressField.FROM, 'al "x"')),
        (
            b"TO a CC b BCC c",
            And(tuple(AddressText(AddressField(f), t) for f, t in (("to", "a"), ("cc", "b"), ("bcc", "c")))),
        ),
        (b"SUBJECT X", SubjectText("x")),
        (b'SUBJECT ""', All()),
        (b"HEADER Message-ID <a@b>", HeaderText("message-id", "<a@b>")),
        (b'HEADER X-Empty ""', HeaderText("x-empty", "")),
        (b"TEXT x BODY y", And((AnyText("x"), BodyText("y")))),
        (b"KEYWORD $Junk", Keyword("$Junk")),
        (b"UNKEYWORD $Junk", Not(Keyword("$Junk"))),
        (b"ANSWERED UNANSWERED", Nothing()),
        (b"DRAFT FLAGGED UNDRAFT", Nothing()),
        (b"UNFLAGGED UNDELETED UNDRAFT", Flags(0, 4 | 8 | 16)),
        (b"RECENT", Recent()),
    ],
)
def test_keys(text, criterion):
    assert parse(text) == criterion


def test_texts_are_folded_and_may_be_literals():
    assert parse(b"BODY {7}\r\n", b"STRASSE") == BodyText("strasse")
    assert parse(b"BODY {7}\r\n UNSEEN", "Straße".encode()) == And((Flags(0, SEEN), BodyText("strasse")))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"FOO",
        b"()",
        b"(SEEN",
        b"SEEN)",
        b"SEEN ",
        b"SEEN  DELETED",
        b"NOT",
        b"OR SEEN",
        b"BEFORE 31-Feb-2024",
        b'ON "1-Jan-2024',
        b"LARGER x",
        b"LARGER 9223372036854775808",
        b"OLDER 0",
        b"UIDAFTER 0",
        b"UIDBEFORE 1:2",
        b"UID",
        b"KEYWORD \\Seen",
        b'KEYWORD "x"',
        b"HEADER x",
        b"0",
        b"1:4294967296",
    ],
)
def test_malformed(text):
    with pytest.raises(PeerError):
        parse(text)


def test_text_that_is_not_utf8():
    for key in (b"BODY", b"HEADER"):
        with pytest.raises(PeerError):
            parse(key + b" {1}\r\n x", b"\xff")


def test_nesting_has_a_limit_and_chains_have_none():
    deep = MAX_NESTING - 1
    assert parse(b"(" * deep + b"SEEN" + b")" * deep) == Flags(SEEN)
    with pytest.raises(PeerError, match="nested"):
        parse(b"(" * (deep + 1) + b"SEEN" + b")" * (deep + 1))
    with pytest.raises(PeerError, match="nested"):
        parse(b"NOT OR SEEN " * MAX_NESTING + b"SEEN")
    chain = b" ".join(b"OR HEADER Message-ID %d" % n for n in range(1000)) + b" SEEN"
    assert len(parse(chain).terms) == 1001
    assert parse(b"NOT " * 1000 + b"SEEN") == Flags(SEEN)


def test_key_limit():
    parse(b"SEEN " * (MAX_KEYS - 1) + b"SEEN")
    with pytest.raises(PeerError, match="Too many"):
        parse(b"SEEN " * MAX_KEYS + b"SEEN")


def bound(text, **how):
    ranges = lambda numbers, is_uid: numbers.resolve(100 if is_uid else 10)  # noqa: E731
    return search_algebra.bind(parse(text), Binding(how.pop("keywords", ()), ranges, **how))


def test_what_another_has_seen_is_a_set_of_uids():
    binding = Binding((), lambda numbers, is_uid: (), seen=((2, 4),))
    assert search_algebra.bind(parse(b"SEEN"), binding) == Uids(((2, 4),))
    assert search_algebra.bind(parse(b"UNSEEN"), binding) == Not(Uids(((2, 4),)))
    assert search_algebra.bind(parse(b"UNSEEN DELETED"), binding) == And(
        (Flags(DELETED), Not(Uids(((2, 4),))))
    )
    assert search_algebra.bind(parse(b"SEEN"), Binding((), lambda numbers, is_uid: (), seen=())) == Nothing()


def test_bind():
    assert bound(b"KEYWORD $JUNK", keywords=("a", "$junk")) == Flags(1 << 6)
    assert bound(b"KEYWORD x") == Nothing()
    assert bound(b"UNKEYWORD x") == All()
    assert bound(b"RECENT", recent_from=50) == Uids(((50, 2**32 - 1),))
    assert bound(b"RECENT") == Nothing()
    assert bound(b"OLD") == All()
    assert bound(b"1:5 UID 4:*") == Uids(((4, 5),))
    assert bound(b"OR 1:5 4:7") == Uids(((1, 7),))
    assert bound(b"OLDER 60", now_s=100) == DateRange(DateField.INTERNAL, None, 41)
    assert bound(b"YOUNGER 60", now_s=100) == DateRange(DateField.INTERNAL, 40, None)
    assert bound(b"OR RECENT SEEN") == Flags(SEEN)
    assert bound(b"OR ALL SEEN") == All()
    assert bound(b"NOT (SEEN KEYWORD x)") == All()


def test_needs_and_split():
    criterion = parse(b"UNSEEN LARGER 5 SINCE 1-Jan-2024 SUBJECT x OR BODY y FROM z")
    assert search_algebra.needs(criterion) == (
        Needs.FLAGS | Needs.SIZE | Needs.INTERNAL_DATE | Needs.SUBJECT | Needs.BODY | Needs.ADDRESSES
    )
    columns = Needs.UID | Needs.FLAGS | Needs.SIZE | Needs.INTERNAL_DATE
    decided, left = search_algebra.split(criterion, columns)
    assert search_algebra.needs(decided) == Needs.FLAGS | Needs.SIZE | Needs.INTERNAL_DATE
    assert left == And((SubjectText("x"), Or((BodyText("y"), AddressText(AddressField.FROM, "z")))))
    assert search_algebra.split(Flags(SEEN), columns) == (Flags(SEEN), All())
    assert (
        search_algebra.needs(parse(b"TEXT x SENTON 1-Jan-2024 HEADER a b"))
        == Needs.HEADER | Needs.BODY | Needs.SENT_DATE
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"ALL", True),
        (b"UID 1 1", True),
        (b"UID 2", False),
        (b"SEEN", False),
        (b"UNSEEN", True),
        (b"ON 11-Jan-1970", True),
        (b"BEFORE 11-Jan-1970", False),
        (b"SENTSINCE 11-Jan-1970 SENTBEFORE 12-Jan-1970", True),
        (b"LARGER 100", False),
        (b"LARGER 99 SMALLER 101", True),
        (b"FROM ALICE", True),
        (b"TO alice", False),
        (b"SUBJECT ELL", True),
        (b"HEADER subject hell", True),
        (b'HEADER x-empty ""', True),
        (b'HEADER x-missing ""', False),
        (b"BODY stra", True),
        (b"TEXT hello TEXT stra", True),
        (b"TEXT nowhere", False),
        (b"NOT TEXT nowhere", True),
        (b"OR SEEN BODY STRA", True),
        (b"OR SEEN BODY nowhere", False),
        (b"NOT ALL", False),
    ],
)
def test_matches(text, found):
    assert matches(bound(text), Mail()) is found


def test_a_message_without_a_date_was_never_sent():
    assert not matches(parse(b"SENTBEFORE 1-Jan-2030"), Mail(sent_s=None))


def test_the_body_is_read_only_when_it_decides():
    mail = Mail()
    assert not matches(parse(b"BODY x SEEN"), mail)
    assert matches(parse(b"OR BODY x UNSEEN"), mail)
    assert mail.bodies_read == 0


def test_unbound_criteria_are_our_fault():
    for text in (b"KEYWORD x", b"RECENT", b"1", b"OLDER 1"):
        with pytest.raises(UnboundCriterionError):
            predicate(parse(text))


LEAF = st.sampled_from(
    [
        All(),
        Nothing(),
        Flags(1),
        Flags(0, 2),
        Flags(4, 8),
        Uids(((1, 3),)),
        Uids(((2, 5), (7, 7))),
        Size(above=50),
    ]
)
TREES = st.recursive(
    LEAF,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=12,
)


def slow(tree, mail):
    match tree:
        case And(terms):
            return all(slow(term, mail) for term in terms)
        case Or(terms):
            return any(slow(term, mail) for term in terms)
        case Not(term):
            return not slow(term, mail)
        case _:
            return matches(tree, mail)


@given(TREES, st.integers(0, 15), st.integers(1, 8), st.integers(0, 100))
def test_simplifying_and_splitting_change_no_answer(tree, flags, uid, size):
    mail = Mail(uid=uid, flags=flags, size_bytes=size)
    answer = slow(tree, mail)
    assert matches(tree, mail) is answer
    simple = search_algebra.simplify(tree)
    assert matches(simple, mail) is answer
    assert search_algebra.simplify(simple) == simple
    decided, left = search_algebra.split(tree, Needs.FLAGS | Needs.UID)
    assert (matches(decided, mail) and matches(left, mail)) is answer
    assert search_algebra.needs(decided) in (Needs.FLAGS | Needs.UID)


def test_trees_deeper_than_the_stack_are_no_trouble():
    tree = Flags(1)
    for _ in range(20_000):
        tree = Not(And((tree, Size(above=1))))
    simple = search_algebra.simplify(tree)
    assert search_algebra.needs(simple) == Needs.FLAGS | Needs.SIZE


def test_save_dates():
    mail = Mail(internal_s=0, saved_s=30 * DAY + 5)  # 31 January 1970
    for text in (
        b"SAVEDON 31-Jan-1970",
        b"SAVEDSINCE 31-Jan-1970",
        b"SAVEDBEFORE 1-Feb-1970",
        b"SAVEDATESUPPORTED",
    ):
        assert matches(parse(text), mail)
    for text in (b"SAVEDON 1-Jan-1970", b"SAVEDSINCE 1-Feb-1970", b"SAVEDBEFORE 31-Jan-1970"):
        assert not matches(parse(text), mail)
