from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.address import Address
from postier.mime.address_list import MAX_ADDRESSES, Group, Mailbox, parse_address_list
from postier.mime.nstring import address_structures

M = Mailbox


@pytest.mark.parametrize(
    ("value", "entries"),
    [
        (b"", ()),
        (b"a@b", (M(None, b"a", b"b"),)),
        (b" a@b , c@d ", (M(None, b"a", b"b"), M(None, b"c", b"d"))),
        (b"Joe Q. Public <john.q.public@example.com>", (M(b"Joe Q. Public", b"john.q.public", b"example.com"),)),
        (b'"Joe \\"Q\\" Public" <j@e>', (M(b'Joe "Q" Public', b"j", b"e"),)),
        (b'"A, B" <a@b>, C <c@d>', (M(b"A, B", b"a", b"b"), M(b"C", b"c", b"d"))),
        (b"<a@b>", (M(None, b"a", b"b"),)),
        (b"=?utf-8?q?J=C3=B6rg?=  M <a@b>", (M(b"=?utf-8?q?J=C3=B6rg?= M", b"a", b"b"),)),
        (b'"john doe"@x.test', (M(None, b"john doe", b"x.test"),)),
        (b"john . doe @ x . test", (M(None, b"john.doe", b"x.test"),)),
        (b"Joe john . doe @ x . test", (M(b"Joe", b"john.doe", b"x.test"),)),
        (b"<john . doe @ x . test>", (M(None, b"john.doe", b"x.test"),)),
        (b"<@r1,@r2:a@b>", (M(None, b"a", b"b", b"@r1,@r2"),)),
        (b"a@b (Old Style)", (M(b"Old Style", b"a", b"b"),)),
        (b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", (M(b"Pete", b"pete", b"silly.test"),)),
        (b"A Group:Ed Jones <joe@where.test>,joe@w.test;", (Group(b"A Group", (M(b"Ed Jones", b"joe", b"where.test"), M(None, b"joe", b"w.test"))),)),
        (b"Undisclosed recipients:;", (Group(b"Undisclosed recipients", ()),)),
        (b"g:a@b", (Group(b"g", (M(None, b"a", b"b"),)),)),
        (b"a@b; c@d", (M(None, b"a", b"b"), M(None, b"c", b"d"))),
        (b"<a@b> <c@d>", (M(None, b"a", b"b"), M(None, b"c", b"d"))),
        (b"A <a@b, c@d", (M(b"A", b"a", b"b"), M(None, b"c", b"d"))),
        (b"John Doe john@x.test", (M(b"John Doe", b"john", b"x.test"),)),
        (b"Only Name", (M(b"Only Name", b"", b""),)),
        (b"root", (M(None, b"root", b""),)),
        (b",, ,", ()),
        (b"<>", ()),
        (b"a@[127.0.0.1]", (M(None, b"a", b"[127.0.0.1]"),)),
        (b"a@b@c", (M(None, b"a@b", b"c"),)),
        (b'"unclosed <a@b>', (M(b"unclosed <a@b>", b"", b""),)),
        (b"J\xc3\xb6rg <j\xc3\xb6rg@x>", (M(b"J\xc3\xb6rg", b"j\xc3\xb6rg", b"x"),)),
    ],
)  # fmt: skip
def test_forms(value: bytes, entries: tuple[Mailbox | Group, ...]) -> None:
    assert parse_address_list(value).entries == entries


def test_limit_of_addresses() -> None:
    at_limit = b"a@b," * MAX_ADDRESSES
    assert parse_address_list(at_limit).is_truncated is False
    assert len(parse_address_list(at_limit).entries) == MAX_ADDRESSES
    for more in (b"a@b", b"a (c) @b"):
        over = parse_address_list(at_limit + more)
        assert (len(over.entries), over.is_truncated) == (MAX_ADDRESSES, True)
    group = parse_address_list(b"g:" + at_limit + b"x@y;")
    assert group.is_truncated
    assert len(group.mailboxes) == MAX_ADDRESSES


def test_text_of_a_mailbox() -> None:
    mailbox = parse_address_list(b"=?utf-8?q?J=C3=B6rg?= <joerg@alpha.test>").mailboxes[0]
    assert (mailbox.name, mailbox.address) == ("Jörg", "joerg@alpha.test")
    assert mailbox.addr_spec() == Address("joerg", "alpha.test")
    assert parse_address_list(b'"a b"@x.test').mailboxes[0].addr_spec() == Address("a b", "x.test")
    assert parse_address_list(b'"a@b"@x.test').mailboxes[0].address == '"a@b"@x.test'
    # RFC 2047 §5 (3): no encoded word in an addr-spec
    assert (
        parse_address_list(b"=?utf-8?q?ceo=40bank.test?=@evil.test")
        .mailboxes[0]
        .address.startswith("=?utf-8?q?")
    )
    assert parse_address_list(b"root").mailboxes[0].addr_spec() is None
    assert parse_address_list(b"g:a@b,c@d;, e@f").mailboxes[1].address == "c@d"


def test_imap_form() -> None:
    value = b'"A \\"q\\"" <@r:a@b>, g:c@d;, J\xc3\xb6 <e@f>, Name Only'
    assert address_structures(parse_address_list(value)) == (
        b'(("A \\"q\\"" "@r" "a" "b")(NIL NIL "g" NIL)(NIL NIL "c" "d")(NIL NIL NIL NIL)'
        b'({3}\r\nJ\xc3\xb6 NIL "e" "f")("Name Only" NIL "" ""))'
    )
    assert address_structures(parse_address_list(b"")) == b"NIL"


@given(st.binary(max_size=200))
def test_any_octets_give_a_list(value: bytes) -> None:
    for mailbox in parse_address_list(value).mailboxes:
        assert mailbox.name is not None
        assert mailbox.address is not None
        mailbox.addr_spec()


_NAMES = st.from_regex(r"[A-Za-z]{1,8}( [A-Za-z]{1,8})?", fullmatch=True)
_ADDRESSES = st.from_regex(r"[a-z0-9]{1,8}(\.[a-z0-9]{1,8})?@[a-z]{1,8}\.test", fullmatch=True)


@given(
    people=st.lists(st.tuples(st.one_of(st.just(""), _NAMES), _ADDRESSES), max_size=8),
    is_quoted=st.booleans(),
)
def test_agrees_with_the_standard_library(*, people: list[tuple[str, str]], is_quoted: bool) -> None:
    quote = '"' if is_quoted else ""
    value = ", ".join([f"{quote}{name}{quote} <{address}>" if name else address for name, address in people])
    found = [(mailbox.name, mailbox.address) for mailbox in parse_address_list(value.encode()).mailboxes]
    assert found == ([] if not people else getaddresses([value]))


def test_hostile_lists_are_linear() -> None:
    for piece in (b"(", b'"', b"<", b"a:", b"@", b"\\", b"[", b"a ", b"a\t", b";", b"<@"):
        parse_address_list(piece * 60_000)
