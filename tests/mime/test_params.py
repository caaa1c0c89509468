import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.comments import comment_end, without_comments
from postier.mime.header_lines import parameter
from postier.mime.params import (
    MAX_PARAMETERS,
    parameter_text,
    parse_content_type,
    parse_disposition,
    parse_parameters,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"text/plain", ("text", "plain", ())),
        (b"TEXT/Plain; Charset=UTF-8", ("text", "plain", ((b"charset", b"UTF-8"),))),
        (b'a/b; c="d;e\\"f"; g=h', ("a", "b", ((b"c", b'd;e"f'), (b"g", b"h")))),
        (b"text/plain (x/y; z) ; charset = utf-8 (c)", ("text", "plain", ((b"charset", b"utf-8"),))),
        (b"a/b;;; c=d;", ("a", "b", ((b"c", b"d"),))),
        (b"a/b; name=my file.txt; x", ("a", "b", ((b"name", b"my file.txt"),))),
        (b'a/b; c="unclosed', ("a", "b", ((b"c", b"unclosed"),))),
        (b"a/b; c=1; c=2", ("a", "b", ((b"c", b"1"),))),
        (b"a/b; c=", ("a", "b", ((b"c", b""),))),
        (b"text", None),
        (b"", None),
        (b"text/", None),
        (b'multipart/mixed;boundary="a b"', ("multipart", "mixed", ((b"boundary", b"a b"),))),
        # RFC 2231 §3, §4.1 (eid590)
        (b'm/e; url*0="ftp://"; URL*1="x/y"', ("m", "e", ((b"url", b"ftp://x/y"),))),
        (b"a/b; t*1=b; t*0=a; t*3=d", ("a", "b", ((b"t", b"ab"),))),
        (
            b"a/b; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
            ("a", "b", ((b"title*", b"utf-8'en'This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it%21"),)),
        ),
        (b"a/b; f*=iso-8859-1''caf%E9; f=cafe", ("a", "b", ((b"f*", b"utf-8''caf%C3%A9"), (b"f", b"cafe")))),
        (b"a/b; f*=plain", ("a", "b", ((b"f*", b"utf-8''plain"),))),
        (b"a/b; f*x*=y", ("a", "b", ((b"f*x*", b"y"),))),
    ],
)  # fmt: skip
def test_content_type(value: bytes, expected: object) -> None:
    found = parse_content_type(value)
    assert (None if found is None else (found.type, found.subtype, found.params)) == expected


def test_disposition() -> None:
    found = parse_disposition(b'ATTACHMENT; filename="x.txt"')
    assert found is not None
    assert (found.name, found.params) == ("attachment", ((b"filename", b"x.txt"),))
    assert parse_disposition(b'"quoted"') is None


def test_limit_of_parameters() -> None:
    at_limit = b"".join([b"; p%d=x" % n for n in range(MAX_PARAMETERS)])
    assert len(parse_parameters(at_limit)) == MAX_PARAMETERS
    assert len(parse_parameters(at_limit + b"; more=x")) == MAX_PARAMETERS


@pytest.mark.parametrize(("params", "text"), [
    (((b"filename", b"a.txt"),), "a.txt"), (((b"filename", b"=?utf-8?q?caf=C3=A9?="),), "café"),
    (((b"filename", b"b"), (b"filename*", b"utf-8''caf%C3%A9")), "café"), (((b"filename", b"caf\xe9"),), "café"),
    (((b"name", b"x"),), None), (((b"filename*", b"utf-8''a%0Ab"),), "a b"),
])  # fmt: skip
def test_parameter_text(params: tuple[tuple[bytes, bytes], ...], text: str | None) -> None:
    assert parameter_text(params, "filename") == text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=150))
def test_what_is_written_is_read(value: str) -> None:
    found = parse_parameters("".join(parameter("filename", value)).encode())
    assert parameter_text(found, "filename") == value or "=?" in value


@given(st.binary(max_size=200))
def test_any_octets_give_parameters(value: bytes) -> None:
    parse_content_type(b"a/b;" + value)
    parse_content_type(value)
    parse_disposition(value)


def test_comments() -> None:
    assert without_comments(b'a (b (c) \\) d) "(kept)" e') == b'a   "(kept)" e'
    assert without_comments(b"a (unclosed") == b"a  "
    assert without_comments(b"(a\\") == b" "
    assert comment_end(b"(a(b)c)d", 0) == 7
    assert without_comments(b"\\(a(b)") == b"\\(a "


def test_hostile_parameters_are_linear() -> None:
    parse_parameters(b"; name*0*=x" * 10_000)
    parse_parameters(b"; a" * 100_000)
    parse_parameters(b"; " * 100_000)  # from a real letter
    parse_parameters(b";" * 100_000)
    parse_parameters(b';a="' + b"\\" * 100_001)
    without_comments(b"(" * 100_000)
    without_comments(b'"(' * 100_000)
    without_comments(b"()" * 50_000)
