import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.dmarc.author import MAX_AUTHORS, author_of
from postier.mailauth.letter import split_fields


def author(*values):
    return author_of(split_fields(b"".join(b"From: " + value + b"\r\n" for value in values)))


@pytest.mark.parametrize(
    "value",
    [
        b"alice@example.com",
        b"<alice@EXAMPLE.com>",
        b"Alice <alice@example.com>",
        b'"Alice, the \\"first\\"" <alice@example.com>',
        b"Alice (me @ home <x@y.test>) <alice@example.com> (a (nested) one)",
        b'(5" and [) alice@example.com',  # RFC 5322 §3.2.2: within a comment neither begins anything
        b"(\\) (\\\\) \\() <alice@example.com>",
        b"=?utf-8?q?Al=C3=AFce?= <alice@example.com>",
        b'"alice@evil.test" <alice@example.com>',
        b'"quoted local"@example.com',
        b"alice@example.com.",
        b"Alice\r\n\t<alice@example.com>",
        b"<@relay.test:alice@example.com>",
        b"Team: alice@example.com, bob@example.com;",
        b"alice@example.com, bob@example.com",
        b"alice @ example.com",
        b"Alice <alice@example.com>, <>",
    ],
)
def test_one_domain(value):
    assert author(value) == author_of(split_fields(b"From: a@example.com\r\n"))


def test_u_labels():
    assert author("a@b\u00fccher.test".encode()).domains == ("xn--bcher-kva.test",)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (b"", "no address"),
        (b"Undisclosed:;", "no address"),
        (b"Alice", "cannot be read"),
        (b"alice@", "cannot be read"),
        (b"alice@a..test", "cannot be read"),
        (b"alice@[192.0.2.1]", "cannot be read"),
        (b"alice@example.com <bob@other.test> x", "cannot be read"),
        (b"<alice@example.com> <bob@other.test>", "cannot be read"),
        (b"<alice@example.com", "cannot be read"),
        (b"alice@example.com bob@other.test", "cannot be read"),
        (b"alice@example.com@other.test", "cannot be read"),
        (b"alice@example.com\x00", "cannot be read"),
        (b"a b@example.com", "cannot be read"),
        (b"\xff@example.com", "not UTF-8"),
        (b"alice@example.com, bob@other.test", "2 domains"),
        (b"x" * 17_000, "too long"),
        (b",".join([b"a@example.com"] * (MAX_AUTHORS + 1)), "too many"),
        (b"(unclosed a@example.com", "no address"),
        (b'"unclosed a@example.com', "cannot be read"),
    ],
)
def test_problems(value, problem):
    assert problem in author(value).problem


def test_missing_and_repeated_from():
    assert author().problem == "the message has no From"
    found = author(b"a@example.com", b"b@example.com")
    assert found.problem == "the message has 2 From fields"
    assert found.domains == ("example.com",)


@given(st.binary())
def test_any_bytes(value):
    found = author(value.replace(b"\r\n", b""))
    assert found.problem or len(found.domains) == 1


@pytest.mark.parametrize("unit", [b"(", b")", b"<", b'"', b"\\", b"a@", b",", b":", b"[", b" ", b'"\\'])
def test_linear_time(unit):
    start = time.process_time()
    author((unit * 16_000)[:16_000])
    assert time.process_time() - start < 0.5
