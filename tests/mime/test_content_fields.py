import pytest

from postier.mime.content_fields import MAX_LANGUAGES, TEXT, ContentFields
from postier.mime.headers import split_header


def read(raw: bytes) -> ContentFields:
    return ContentFields(split_header(raw + b"\r\n"), TEXT)


def test_defaults() -> None:
    content = read(b"Subject: x\r\n")
    assert (content.type, content.encoding, content.disposition, content.is_valid) == (
        TEXT,
        "7bit",
        None,
        True,
    )


def test_the_first_of_a_repeated_field_counts() -> None:
    content = read(b"Content-ID: <1>\r\nContent-ID: <2>\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n")
    assert (content.content_id, content.type.subtype) == (b"<1>", "b")


@pytest.mark.parametrize(
    ("value", "encoding"),
    [(b"BASE64", "base64"), (b" (c) 8bit ;", "8bit"), (b"", "7bit"), (b"x-\xff", "x-\ufffd")],
)
def test_encoding(value: bytes, encoding: str) -> None:
    assert read(b"Content-Transfer-Encoding: %b\r\n" % value).encoding == encoding


def test_limit_of_languages() -> None:
    at_limit = b"Content-Language: " + b",".join([b"x%d" % n for n in range(MAX_LANGUAGES)])
    assert len(read(at_limit + b"\r\n").language) == MAX_LANGUAGES
    assert len(read(at_limit + b",more\r\n").language) == MAX_LANGUAGES
