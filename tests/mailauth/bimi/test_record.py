import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.bimi.record import (
    MAX_SELECTOR,
    MAX_URL,
    BimiError,
    is_bimi,
    local_part_selector,
    parse_record,
    parse_selector,
    parse_selector_field,
    parse_url,
    record_name,
)


def test_a_record():
    record = parse_record(
        b"v=BIMI1; l=https://logo.example.com:8443/a/b.svg?x=1; a=https://example.com/v.pem;"
    )
    assert (record.location.host, record.location.port) == ("logo.example.com", 8443)
    assert record.location.target == "/a/b.svg?x=1"
    assert record.evidence.text == "https://example.com/v.pem"
    assert (record.avatar, record.uses_local_part, record.is_declined) == ("brand", False, False)


def test_preferences_and_unknown_tags():
    record = parse_record(b"v=BIMI1;lps=true;avp=personal;new=x;l=https://example.com")
    assert (record.uses_local_part, record.avatar, record.location.target) == (True, "personal", "/")
    assert parse_record(b"v=BIMI1;l=;avp=Brand").avatar == ""


def test_a_declination():
    assert parse_record(b"v=BIMI1; l=; a=;").is_declined
    assert parse_record(b"v=BIMI1; l=;").is_declined


@pytest.mark.parametrize(
    "text",
    [
        b"v=BIMI1",
        b"v=BIMI1; a=https://example.com/v.pem",
        b"v=BIMI1; l=http://example.com/a.svg",
        b"v=BIMI1; l=https://example.com/a.png",
        b"v=BIMI1; l=https://example.com/a.JPEG?x.svg",
        b"v=BIMI1; l=https://example.com/a.svg,https://example.com/b.svg",
        b"v=BIMI1; l=https://192.0.2.1/a.svg",
        b"v=BIMI1; l=https://localhost/a.svg",
        b"v=BIMI1; l=https://me@example.com/a.svg",
        b"v=BIMI1; l=https://example.com/a.svg#x",
        b"v=BIMI1; l=https://example.com:0/a.svg",
        b"v=BIMI1; l=https://example.com:65536/a.svg",
        b"v=BIMI1; l=https://example.com/a b",
        b"v=BIMI1; l=; l=",
        b"v=BIMI1; l=; lps=yes",
        b"v=BIMI1; l=; nothing",
        b"v=BIMI1; l=https://b\xfccher.test/a.svg",
    ],
)
def test_malformed(text):
    with pytest.raises(BimiError):
        parse_record(text)


@pytest.mark.parametrize("text", [b"v=BIMI2; l=", b"v=bimi1; l=", b"l=; v=BIMI1", b"v=BIMI10; l=", b""])
def test_no_record(text):
    assert not is_bimi(text)


def test_the_longest_address():
    url = "https://example.com/" + "a" * (MAX_URL - 20)
    assert parse_url(url).text == url
    assert parse_url(url + "a") is None


def test_names_and_selectors():
    assert record_name("default", "example.com") == "default._bimi.example.com"
    assert record_name("a" * 64, "example.com") is None
    assert parse_selector("Brand-1.x") == "brand-1.x"
    assert parse_selector("a" * MAX_SELECTOR) is not None
    assert parse_selector("a" * (MAX_SELECTOR + 1)) is None
    assert [parse_selector(text) for text in ("", ".", "a.", "-a", "a b", "_a")] == [None] * 6


@pytest.mark.parametrize(
    ("value", "selector"),
    [
        (b" v=BIMI1; s=Brand;", "brand"),
        (b" v=BIMI1;\r\n s=a.b", "a.b"),
        (b" s=brand; v=BIMI1", None),
        (b" v=BIMI2; s=brand", None),
        (b" v=BIMI1", None),
        (b" v=BIMI1; s=a; s=b", None),
        (b" v=BIMI1; s=\xff", None),
    ],
)
def test_the_selector_of_a_message(value, selector):
    assert parse_selector_field(value) == selector


@pytest.mark.parametrize(
    ("local", "selector"),
    [
        ("News.Letter_1+tag", "news-letter-1"),
        ("a._b", "a-b"),
        ("-._a_.-", "a"),
        ("a--b", "a--b"),
        ("a" * 63, "a" * 63),
        ("a" * 64, None),
        ("a!b", None),
        ("+x", None),
        ("", None),
        ("bücher", None),
    ],
)
def test_the_selector_of_a_local_part(local, selector):
    assert local_part_selector(local) == selector


@given(st.binary())
def test_any_bytes(octets):
    for text in (octets, b"v=BIMI1;" + octets, b"v=BIMI1; l=https://" + octets):
        try:
            record = parse_record(text)
        except BimiError:
            continue
        assert record.location is None or record.location.text.isascii()
    parse_selector_field(octets)


@given(st.text())
def test_any_local_part(text):
    selector = local_part_selector(text)
    assert selector is None or record_name(selector, "example.com") is not None
