"""Headers in UTF-8 made ASCII: what is shown stays, what cannot be written goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime import encoded_words
from postier.mime.address_list import parse_address_list
from postier.mime.headers import split_header
from postier.mime.params import parse_content_type, parse_disposition
from postier.mime.structure import parse_message
from postier.mime.surrogate import NOBODY, needs_surrogate, surrogate, surrogate_of

LETTER = (
    "From: Grün <grün@alpha.test>\r\n"
    'To: Frau Müller\r\n <carole@beta.test>, bob@bücher.test, "Plain" <d@delta.test>\r\n'
    "Subject: Grüße aus\r\n Köln\r\n"
    "Message-ID: <grün@alpha.test>\r\n"
    "X-Plain: stays\r\n as it is\r\n"
    'Content-Type: text/plain; charset=utf-8; name="Übersicht.txt"\r\n'
    "Content-Disposition: attachment; filename=Übersicht.txt; size=3\r\n"
    "\r\nKörper\r\n"
).encode()


def test_each_field():
    written = surrogate(LETTER, split_header(LETTER).end)
    header_octets = split_header(written).end
    header, body = written[:header_octets], written[header_octets:]
    assert header.isascii()
    assert header.endswith(b"\r\n\r\n")
    assert body == "Körper\r\n".encode()
    section = split_header(written)
    assert section.end == header_octets
    (sender,) = parse_address_list(section.first(b"from")).mailboxes
    assert (sender.name, sender.address) == ("Grün grün@alpha.test", NOBODY)
    to = parse_address_list(section.first(b"to")).mailboxes
    assert [(each.name, each.address) for each in to] == [
        ("Frau Müller", "carole@beta.test"),
        ("bob@bücher.test", NOBODY),
        ("Plain", "d@delta.test"),
    ]
    assert encoded_words.decode(section.first(b"subject")) == "Grüße aus Köln"
    assert section.first(b"message-id") is None
    assert b"X-Plain: stays\r\n as it is\r\n" in header
    encoded = b"utf-8''%C3%9Cbersicht.txt"
    assert parse_content_type(section.first(b"content-type")).params == (
        (b"charset", b"utf-8"),
        (b"name*", encoded),
    )
    assert parse_disposition(section.first(b"content-disposition")).params == (
        (b"filename*", encoded),
        (b"size", b"3"),
    )


@pytest.mark.parametrize(
    ("header", "needs"),
    [
        (b"Subject: x\r\n\r\n", False),
        ("Subject: ü\r\n\r\n".encode(), True),
        (b"Subject: \xfc\r\n\r\n", False),
    ],
)
def test_what_needs_it(header, needs):
    assert needs_surrogate(header) is needs


FIELDS = st.sampled_from(
    ["From", "To", "Subject", "Content-Type", "Content-Disposition", "X-Other", "Comments"]
)


@given(st.lists(st.tuples(FIELDS, st.text(max_size=40)), max_size=6), st.binary(max_size=20))
def test_any_utf8_header_becomes_ascii_and_the_body_stays(fields, body):
    text = "".join(f"{name}: {value}\r\n" for name, value in fields).replace("\ud800", "")
    content = text.encode("utf-8", "replace") + b"\r\n" + body
    end = split_header(content).end
    written = surrogate(content, end)
    if written is not None:
        header_octets = split_header(written).end
        assert written[:header_octets].isascii()
        assert written[header_octets:] == content[end:]
    else:
        assert not needs_surrogate(content[:end])


WITHIN = (
    "Subject: plain\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    '--b\r\nContent-Type: text/plain; charset=utf-8; name="ü.txt"\r\nContent-Description: ü\r\n\r\nü\r\n'
    "--b\r\nContent-Type: message/global\r\nX-Plain: stays\r\n\r\n"
    "From: Grün <grün@alpha.test>\r\nSubject: innen ü\r\n\r\nü\r\n--b--\r\nü\r\n"
).encode()


def surrogate_within(content):
    return surrogate_of(content, parse_message(content).root)


def test_the_headers_of_parts_and_of_enclosed_letters():
    made = surrogate_within(WITHIN)
    root = parse_message(made).root
    headers = [made[part.header_start : part.body_start] for part in root.walk()]
    assert all(header.isascii() for header in headers)
    text, enclosed = root.children
    assert text.filename == "ü.txt"
    assert text.description is None  # RFC 6858 §2.4
    assert (enclosed.media_type, enclosed.is_message) == ("message/rfc822", True)
    assert b"X-Plain: stays\r\n" in headers[2]
    assert NOBODY.encode() in headers[3]
    assert made.count("ü\r\n".encode()) == 3  # bodies and what stands between them
    assert surrogate_within(made) is None


def test_parts_are_looked_for_where_there_may_be_some():
    assert surrogate(WITHIN, split_header(WITHIN).end) == surrogate_within(WITHIN)
    plain = b"Subject: x\r\n\r\n" + WITHIN
    assert surrogate(plain, split_header(plain).end) is None


def test_what_needs_no_surrogate():
    assert surrogate_within(b"Subject: x\r\n\r\n\xc3\xbc") is None
    assert surrogate_within(b"Subject: \xfc\r\n\r\nx") is None
    assert surrogate_within(b"") is None
    assert surrogate_within(LETTER) == surrogate(LETTER, split_header(LETTER).end)


pieces_of_letters = st.lists(
    st.sampled_from(
        [
            *WITHIN.splitlines(keepends=True),
            b"\r\n",
            b"--b\r\n",
            b"\xff: \xff\r\n",
            "ü: ü\r\n".encode(),
            b" ",
            b"\n",
        ]
    ),
    max_size=30,
).map(b"".join)


@given(pieces_of_letters | st.binary(max_size=200))
def test_any_octets_have_a_surrogate_or_need_none(content):
    root = parse_message(content).root
    made = surrogate_of(content, root)
    unreadable = any(
        not needs_surrogate(content[part.header_start : part.body_start]) for part in root.walk()
    )
    if made is not None and not unreadable:
        (first, *_) = root.walk()
        assert made[: split_header(made).end].isascii()
        assert made.endswith(content[max(part.body_end for part in root.walk()) :])
        assert first.header_start == 0
