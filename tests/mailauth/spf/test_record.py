import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.outcome import Outcome
from postier.mailauth.spf.record import Kind, Record, RecordError, is_spf, parse_record


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"v=spf1", True),
        (b"V=SPF1 -all", True),
        (b"v=spf10 -all", False),
        (b" v=spf1", False),
        (b"v=spf1\t-all", False),
        (b"", False),
    ],
)
def test_version(text, found):
    assert is_spf(text) is found


def test_a_whole_record():
    record = parse_record(
        b"v=spf1 ip4:192.0.2.9/24 ~A:a.test/24//64 ?mx -include:x.test exists:%{ir}.x.test ptr +all exp=e.test a:never.test"
    )
    assert isinstance(record, Record)
    kinds = [directive.kind for directive in record.directives]
    assert kinds == [Kind.IP4, Kind.A, Kind.MX, Kind.INCLUDE, Kind.EXISTS, Kind.PTR, Kind.ALL]
    ip4, a = record.directives[:2]
    assert (ip4.network, ip4.mask) == (0xC0000200, 0xFFFFFF00)
    assert (a.qualifier, a.prefix_4, a.prefix_6) == (Outcome.SOFTFAIL, 24, 64)
    assert record.explanation is not None


def test_all_voids_redirect_in_any_order():
    assert parse_record(b"v=spf1 redirect=x.test all").redirect is None
    assert parse_record(b"v=spf1 redirect=x.test").redirect is not None


@pytest.mark.parametrize(
    "terms",
    [
        "all:", "all/8", "al", "-", "include", "include:", "include:x.test/24", "exists", "exists/24", "ptr:", "ptr/24",
        "a:", "a/", "a/33", "a//129", "a/032", "a:x.test:8080", "a:123", "mx//", "a/24/64", "ip4", "ip4:", "ip4:1.2.3", "ip4:1.2.3.4/33",
        "ip4:1.2.3.4/", "ip4:1.2.3.4//32", "ip4:01.2.3.4", "ip4:1.2.3.4/00", "ip4:::1", "ip6:1.2.3.4", "ip6:::1/129", "ip6:::1/", "ip6:fe80::1%eth0",
        "redirect=", "redirect=a.test redirect=a.test", "exp=a.test exp=b.test", "-exp=a.test", "exp=%{c}.test", "=x", "1a=x", "foo=%", "foo=a\x7fb",
        "a:a\x00.test", "exp=test", "a:\x80.test",
    ],
)  # fmt: skip
def test_syntax_errors(terms):
    assert isinstance(parse_record(f"v=spf1 {terms} -all".encode("latin-1")), RecordError)


@pytest.mark.parametrize(
    "terms",
    [
        "",
        "  ",
        "foo=",
        "moo.2-x=%{d}:/",
        "ALL",
        "all=x",
        "a/0",
        "mx//0",
        "ip6:::ffff:1.2.3.4/96",
        "a:foo:bar/baz.test",
    ],
)
def test_accepted(terms):
    assert isinstance(parse_record(f"v=spf1 {terms}".encode()), Record)


@given(st.binary())
def test_any_bytes(text):
    assert isinstance(parse_record(b"v=spf1 " + text), Record | RecordError)
