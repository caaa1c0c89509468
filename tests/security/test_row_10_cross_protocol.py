"""SECURITY 10: a browser that was made to speak to us is cut off at its first line."""

import pytest

from postier.smtp.events import Refused
from postier.smtp.settings import SessionSettings
from tests.smtp.transcripts import Owner

REQUESTS = [
    b"GET / HTTP/1.1\r\n",
    b"POST /x HTTP/1.1\r\nHost: mx.test\r\n\r\nEHLO c\r\nMAIL FROM:<a@b.test>\r\n",
    b"HEAD / HTTP/1.0\r\n",
    b"OPTIONS * HTTP/1.1\r\n",
    b"CONNECT x:25 HTTP/1.1\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
]


@pytest.mark.parametrize("step", [None, 1])
@pytest.mark.parametrize("request_octets", REQUESTS, ids=repr)
def test_http_and_tls_are_cut_off(request_octets, step):
    owner = Owner(SessionSettings("mx.test"))
    owner.greet()
    owner.out = b""
    for at in range(0, len(request_octets), step or len(request_octets)):
        owner.feed(request_octets[at : at + (step or len(request_octets))])
    assert owner.out == b"421 4.7.0 This is a mail server\r\n"
    assert owner.session.is_closed
    assert [type(event) for event in owner.events] == [Refused]
    assert owner.session.close_reason is not None
    assert owner.session.close_reason.name == "foreign-protocol"
