"""`dns.tlsa`: good records, records with a wrong digest, and messages broken otherwise."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.dns import wire
from postier.mailauth.dane import Tlsa, usable
from postier.mailauth.questions import Status
from tests.dns_responder import reply

QUERY = wire.make_query(wire.wire_name("_25._tcp.a.test"), 52)
GOOD = b"\3\1\1" + b"\xab" * 32
SHORT = b"\3\1\1" + b"\xab" * 31


def response(*records: bytes, extra: bytes = b"") -> bytes:
    head = b"\x12\x34\x81\x80" + struct.pack("!HHHH", 1, len(records) + bool(extra), 0, 0) + QUERY.question
    return (
        head
        + b"".join(b"\xc0\x0c" + struct.pack("!HHIH", 52, 1, 60, len(one)) + one for one in records)
        + extra
    )


def test_a_wrong_digest_is_kept_as_it_is():
    found = wire.read_response(response(GOOD, SHORT), QUERY.question)
    assert found.status is Status.FOUND
    assert found.records == (Tlsa(3, 1, 1, b"\xab" * 32), Tlsa(3, 1, 1, b"\xab" * 31))
    assert usable(found.records) == found.records[:1]
    assert (found.ttl_s, found.owner) == (60, "_25._tcp.a.test")


def test_an_alias_is_followed():
    octets = reply(
        b"\x12\x34" + QUERY.octets, "_25._tcp.a.test. 30 CNAME b.test.", f"b.test. 60 TLSA 3 1 1 {'ab' * 32}"
    )
    found = wire.read_response(octets, QUERY.question)
    assert (found.owner, found.ttl_s, len(found.records)) == ("b.test", 30, 1)


def test_none_is_nodata():
    assert wire.read_response(response(), QUERY.question).status is Status.NODATA


@pytest.mark.parametrize(
    "octets",
    [response(b"\3\1"), response(GOOD)[:-1], response(SHORT, extra=b"\xc0\x0c\0\x01\0\1\0\0\0\0\0\2ab")],
)
def test_what_is_broken_otherwise_is_malformed(octets):
    with pytest.raises(wire.MalformedResponseError):
        wire.read_response(octets, QUERY.question)


@given(st.data())
def test_a_damaged_response_is_a_response_or_malformed(data):
    octets = bytearray(response(GOOD, SHORT))
    for _ in range(4):
        octets[data.draw(st.integers(2, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = wire.read_response(bytes(octets), QUERY.question)
    except wire.MalformedResponseError:
        return
    assert all(isinstance(record, Tlsa) for record in found.records)
