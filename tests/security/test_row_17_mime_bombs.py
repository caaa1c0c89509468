"""SECURITY 17: depth, parts, header, addresses, parameters: each bounded, each in linear time."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postier.mime.address_list import parse_address_list
from postier.mime.dates import parse_date
from postier.mime.encoded_words import decode
from postier.mime.index import index_message, load_parts
from postier.mime.params import parse_content_type
from postier.mime.threads import base_subject

HEAD = b"From: a@b.test\r\nDate: 1 Jan 2026 00:00 +0000\r\n"


def nested(depth: int) -> bytes:
    return b"".join(
        [b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth)]
    )


BOMBS = {
    "nested multiparts": HEAD + nested(10_000),
    "nested messages": HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 10_000,
    "nested messages over a large text": HEAD
    + b"Content-Type: message/rfc822\r\n\r\n" * 100
    + b"\r\n"
    + b"x\r\n" * 500_000,
    "nested multiparts over a large text": HEAD + nested(99) + b"\r\n" + b"x\r\n" * 500_000,
    "many parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 100_000,
    "false delimiters": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--bx\r\n" * 300_000,
    "a megabyte of To": HEAD + b"To: " + b"a@b.test, " * 100_000 + b"\r\n\r\n",
    "a megabyte of odd To": HEAD + b"To: " + b"(a) a . b @ c , " * 60_000 + b"\r\n\r\n",
    "a megabyte of folded To": HEAD + b"To: " + b"a@b.test,\r\n " * 80_000 + b"\r\n\r\n",
    "many fields": HEAD + b"To: a@b\r\n" * 100_000 + b"\r\n",
    "continuations": HEAD + b"Content-Type: a/b" + b"; name*1*=x" * 100_000 + b"\r\n\r\n",
    "numbered continuations": HEAD
    + b"Content-Type: a/b"
    + b"".join([b";\r\n n*%d=x" % n for n in range(30_000)])
    + b"\r\n\r\n",
    "encoded words": HEAD + b"Subject: " + b"=?utf-8?q?x?= " * 20_000 + b"\r\n\r\n",
    "half encoded words": HEAD + b"Subject: " + b"=?utf-8?q?" * 20_000 + b"\r\n\r\n",
    "comments": HEAD + b"To: " + b"(" * 60_000 + b"\r\n\r\n",
    "references": HEAD + b"References: " + b"<a@b> " * 10_000 + b"\r\n\r\n",
    "replies": HEAD + b"Subject: " + b"Re: [x] " * 8_000 + b"\r\n\r\n",
    "no line end": HEAD + b"Subject: " + b"x" * 5_000_000,
    "only line ends": b"\r\n" * 1_000_000,
    "colons": b":" * 1_000_000,
    "names": b"a" * 1_000_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_bounded(name: str) -> None:
    raw = BOMBS[name]
    started = time.process_time()
    index = index_message(raw)
    assert time.process_time() - started < 2.0
    parts = list(load_parts(index.parts).walk())
    assert len(parts) <= 10_101
    assert max(part.path.count(".") for part in parts) <= 101
    assert len(index.references) <= 100


PIECES = [
    b";", b" ", b"a", b"=", b'"', b"\\", b"(", b")", b"<", b">", b"@", b",", b":", b".", b"*", b"'", b"%", b"[", b"]", b"?", b"=?",
    b"?=", b"\t", b"1", b"-", b"/", b"Re:", b"(fwd)", b"[fwd:", b"\r\n", b"\n", b"\r", b"\xff", b"a/b;", b"=?a?q?", b"n*0=",
]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map(b"".join))
def test_no_repeated_piece_is_worse_than_linear(piece: bytes) -> None:
    value = piece * (30_000 // len(piece))
    started = time.process_time()
    parse_content_type(b"a/b" + value)
    parse_address_list(value)
    parse_date(b"1 Jan 2026 " + value)
    decode(value)
    base_subject(value.decode("latin-1"))
    index_message(b"Content-Type: multipart/mixed; boundary=a\r\nTo: a\r\n\r\n" + value)
    assert time.process_time() - started < 1.0
