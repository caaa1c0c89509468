import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.dkim.canonical import BodyKey, Canon
from postier.mailauth.dkim.signature import (
    MAX_SIGNED_NAMES,
    Problem,
    Refusal,
    Signature,
    parse_signature,
    without_value,
)
from postier.mailauth.letter import Field
from postier.mailauth.outcome import Outcome

NOW = 1_000_000
GOOD = {
    "v": "1",
    "a": "rsa-sha256",
    "d": "example.com",
    "s": "sel",
    "h": "From:To",
    "bh": "QUJD",
    "b": "REVG",
}


def parsed(**changes):
    tags = {name: value for name, value in (GOOD | changes).items() if value is not None}
    raw = ("DKIM-Signature: " + "; ".join(f"{name}={value}" for name, value in tags.items())).encode()
    return parse_signature(Field(b"dkim-signature", raw), NOW, 300)


def test_defaults():
    signature = parsed()
    assert isinstance(signature, Signature)
    assert (signature.header_canon, signature.body_key) == (Canon.SIMPLE, BodyKey(Canon.SIMPLE))
    assert (signature.identity, signature.headers) == ("@example.com", (b"from", b"to"))
    assert (signature.timestamp, signature.expires) == (None, None)
    assert signature.key_name == "sel._domainkey.example.com"
    assert signature.value == b"DEF"


def test_all_tags():
    signature = parsed(
        c="relaxed",
        d="EXAMPLE.com",
        i="joe=20@Sub.example.com",
        l="5",
        t="999999",
        x="1000001",
        q="other:dns/txt",
        z="From:x|y",
        unknown="?",
    )
    assert isinstance(signature, Signature)
    assert (signature.header_canon, signature.body_key) == (Canon.RELAXED, BodyKey(Canon.SIMPLE, "sha256", 5))
    assert (signature.domain, signature.identity) == ("example.com", "joe @sub.example.com")
    assert (signature.timestamp, signature.expires) == (999_999, 1_000_001)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"v": None}, Problem.SYNTAX),
        ({"v": "2"}, Problem.SYNTAX),
        ({"a": None}, Problem.SYNTAX),
        ({"a": "rsa-md5"}, Problem.UNSUPPORTED),
        ({"a": "rsa-sha1"}, Problem.WEAK_HASH),
        ({"b": None}, Problem.SYNTAX),
        ({"b": "!"}, Problem.SYNTAX),
        ({"b": ""}, Problem.SYNTAX),
        ({"b": "\u00e9"}, Problem.SYNTAX),
        ({"bh": None}, Problem.SYNTAX),
        ({"bh": "A"}, Problem.SYNTAX),
        ({"c": "nofws"}, Problem.UNSUPPORTED),
        ({"d": None}, Problem.SYNTAX),
        ({"d": "com"}, Problem.SYNTAX),
        ({"d": "a..test"}, Problem.SYNTAX),
        ({"d": "joe@a.test"}, Problem.SYNTAX),
        ({"s": None}, Problem.SYNTAX),
        ({"s": "a b"}, Problem.SYNTAX),
        ({"s": ".".join(["a" * 60] * 4)}, Problem.SYNTAX),
        ({"h": None}, Problem.SYNTAX),
        ({"h": "From::To"}, Problem.SYNTAX),
        ({"h": "From:"}, Problem.SYNTAX),
        ({"h": "Fr om:To"}, Problem.SYNTAX),
        ({"h": "From To"}, Problem.SYNTAX),
        ({"h": "From:To\x00"}, Problem.SYNTAX),
        ({"c": "relaxed/"}, Problem.UNSUPPORTED),
        ({"c": "/relaxed"}, Problem.UNSUPPORTED),
        ({"c": "relaxed / simple"}, Problem.UNSUPPORTED),
        ({"c": ""}, Problem.UNSUPPORTED),
        ({"q": ""}, Problem.UNSUPPORTED),
        ({"l": ""}, Problem.SYNTAX),
        ({"l": "9" * 77}, Problem.SYNTAX),
        ({"t": "1" * 13}, Problem.SYNTAX),
        ({"x": ""}, Problem.SYNTAX),
        ({"i": ""}, Problem.SYNTAX),
        ({"h": "To:Subject"}, Problem.NO_FROM),
        ({"h": ""}, Problem.NO_FROM),
        ({"i": "joe"}, Problem.SYNTAX),
        ({"i": "joe@example.org"}, Problem.FOREIGN_IDENTITY),
        ({"i": "joe@badexample.com"}, Problem.FOREIGN_IDENTITY),
        ({"l": "x"}, Problem.SYNTAX),
        ({"l": "-1"}, Problem.SYNTAX),
        ({"q": "dns/https"}, Problem.UNSUPPORTED),
        ({"t": "soon"}, Problem.SYNTAX),
        ({"t": "10", "x": "10"}, Problem.SYNTAX),
        ({"t": "1000301"}, Problem.NOT_YET),
        ({"x": "999699"}, Problem.EXPIRED),
        ({"t": "\u0661"}, Problem.SYNTAX),
    ],
)
def test_refusals(changes, problem):
    refusal = parsed(**changes)
    assert isinstance(refusal, Refusal)
    assert refusal.problem is problem
    assert refusal.words
    assert problem.outcome is not Outcome.PASS


@pytest.mark.parametrize(
    ("identity", "read"),
    [
        ("@example.com", "@example.com"),
        ("joe@example.com", "joe@example.com"),
        ("@a.b.Example.com", "@a.b.example.com"),
        ("joe\r\n @exam\r\n\tple.com", "joe@example.com"),  # RFC 6376 §2.11: folds are not part of it
        ("=22a=20b=3B=22@example.com", '"a b;"@example.com'),
        ("joe=40home@example.com", "joe@home@example.com"),
        ("joe=4@example.com", "joe=4@example.com"),
        ("j=C3=B6@example.com", "j??@example.com"),  # shown in ASCII
    ],
)
def test_identities(identity, read):
    assert parsed(i=identity).identity == read


@pytest.mark.parametrize(
    ("listed", "names"),
    [
        ("From", (b"from",)),
        ("From : To\r\n :\r\n\tSubject", (b"from", b"to", b"subject")),
        ("from:FROM:from", (b"from", b"from", b"from")),
        ("X-\u00e9:From", ("x-\u00e9".encode(), b"from")),
        ("From:dkim-signature", (b"from", b"dkim-signature")),
    ],
)
def test_lists_of_names(listed, names):
    assert parsed(h=listed).headers == names


def test_numbers_have_the_widths_of_the_text():
    assert parsed(l="9" * 76).body_key.length == int("9" * 76)
    assert parsed(t="000000000001", x="9" * 12).expires == int("9" * 12)


def test_clock_skew():
    assert isinstance(parsed(t="1000300"), Signature)
    assert isinstance(parsed(x="999700"), Signature)


def test_number_of_names_is_bounded():
    assert isinstance(parsed(h=":".join(["From"] * MAX_SIGNED_NAMES)), Signature)
    assert isinstance(parsed(h=":".join(["From"] * (MAX_SIGNED_NAMES + 1))), Refusal)


def test_u_labels():  # RFC 8616 §5
    signature = parsed(d="b\u00fccher.test", i="@b\u00fccher.test")
    assert signature.key_name == "sel._domainkey.xn--bcher-kva.test"


def test_not_utf8():
    refusal = parse_signature(Field(b"dkim-signature", b"DKIM-Signature: v=1; b=\xff"), NOW, 300)
    assert refusal.problem is Problem.SYNTAX


@pytest.mark.parametrize(
    ("raw", "bare"),
    [
        (b"DKIM-Signature: v=1; b=abc; bh=x", b"DKIM-Signature: v=1; b=; bh=x"),
        (b"DKIM-Signature: b=a\r\n bc;bh=x", b"DKIM-Signature: b=;bh=x"),
        (b"DKIM-Signature: bh=x;\r\n\tb = abc ", b"DKIM-Signature: bh=x;\r\n\tb ="),
        (b"DKIM-Signature: bh=b=; a=1", b"DKIM-Signature: bh=b=; a=1"),
    ],
)
def test_without_value(raw, bare):
    assert without_value(raw) == bare


@given(st.binary())
def test_any_bytes(value):
    for raw in (value, b"v=1; a=rsa-sha256; d=a.test; s=s; h=from; bh=QQ==; b=QQ==;" + value):
        assert isinstance(
            parse_signature(Field(b"dkim-signature", b"DKIM-Signature:" + raw), NOW, 300), Signature | Refusal
        )
