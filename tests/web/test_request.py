"""Heads of requests: what is read, what is refused, and that any octets give one or the other."""

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.web.request import Request, parse_request


@pytest.mark.parametrize(
    ("head", "request_"),
    [
        (b"GET / HTTP/1.1\r\nHost: X.Test.", Request("GET", "/", "x.test")),
        (
            b"HEAD /a%20b?c=d HTTP/1.1\r\nhost:  x.test:8080 \r\nAccept: */*",
            Request("HEAD", "/a b", "x.test"),
        ),
        (b"GET /m HTTP/1.0", Request("GET", "/m", "")),
        (b"GET https://y.test/p HTTP/1.1\r\nHost: x.test", Request("GET", "/p", "y.test")),
        (b"GET http://y.test HTTP/1.1\r\nHost: x.test", Request("GET", "/", "y.test")),
        (b"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80", Request("GET", "/", "[2001:db8::1]")),
        (b"POST / HTTP/1.1\r\nHost: x", Request("POST", "/", "x")),
    ],
)
def test_a_request(head, request_):
    assert parse_request(head) == request_


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET /",
        b"GET  / HTTP/1.1\r\nHost: x",
        b"GET / HTTP/1.1",  # RFC 9112 §3.2: without Host
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: x",
        b"GET / HTTP/1.1\r\nHost : x",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded",
        b"GET / HTTP/1.1\r\nHost: x\rA: b",
        b"GET / HTTP/1.1\r\nHost: x/y",
        b"GET / HTTP/1.1\r\nHost: x\r\nno colon",
        b"GET / HTTP/1.1\nHost: x",
        b"OPTIONS * HTTP/1.1\r\nHost: x",
        b"GET /\xff HTTP/1.1\r\nHost: x",
    ],
)
def test_what_is_refused(head):
    assert parse_request(head) is HTTPStatus.BAD_REQUEST


def test_another_version():
    assert parse_request(b"GET / HTTP/2.0\r\nHost: x") is HTTPStatus.HTTP_VERSION_NOT_SUPPORTED


@given(st.binary(max_size=300))
def test_any_octets(octets):
    for head in (
        octets,
        b"GET / HTTP/1.1\r\nHost: x\r\n" + octets,
        b"GET " + octets + b" HTTP/1.1\r\nHost: x",
    ):
        assert isinstance(parse_request(head), Request | HTTPStatus)
