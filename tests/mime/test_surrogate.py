"""Headers in UTF-8 made ASCII: what is shown stays, what cannot be written goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime import encoded_words
from postier.mime.address_list import parse_address_list
from postier.mime.headers import split_header
from postier.mime.params import parse_content_type, parse_disposition
from postier.mime.surrogate import NOBODY, needs_surrogate, surrogate

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
    written, header_octets = surrogate(LETTER)
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
    written, header_octets = surrogate(content)
    assert written[:header_octets].isascii()
    assert written[header_octets:] == content[end:]
