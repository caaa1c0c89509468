"""SECURITY 37: a short MX record was read past its end. Every damaged record is a failed look-up, nothing else."""

import asyncio
import random
import struct

import pytest

from postier.dns.mx import RouteStatus, mail_hosts
from postier.dns.resolver import Resolver
from postier.mailauth.questions import (
    AddressQuestion,
    MxQuestion,
    PtrQuestion,
    Status,
    TlsaQuestion,
    TxtQuestion,
)
from tests.dns_responder import responder

MX, A, AAAA, TXT, PTR, TLSA, CNAME = 15, 1, 28, 16, 12, 52, 5
BAD = [
    (MxQuestion("a.test"), MX, b""),
    (MxQuestion("a.test"), MX, b"\0"),
    (MxQuestion("a.test"), MX, b"\0\x0a"),
    (MxQuestion("a.test"), MX, b"\0\x0a\x04mai"),
    (MxQuestion("a.test"), MX, b"\0\x0a\x3fmail"),
    (MxQuestion("a.test"), MX, b"\0\x0a\xc0"),
    (MxQuestion("a.test"), MX, b"\0\x0a\xc0\xff"),
    (MxQuestion("a.test"), MX, b"\0\x0a\xff\xff"),
    (MxQuestion("a.test"), MX, b"\0\x0a\x80\x01"),
    (MxQuestion("a.test"), MX, b"\0\x0a\0junk"),
    (AddressQuestion("a.test", 4), A, b"\1\2\3"),
    (AddressQuestion("a.test", 4), A, b"\1\2\3\4\5"),
    (AddressQuestion("a.test", 6), AAAA, bytes(15)),
    (TxtQuestion("a.test"), TXT, b""),
    (TxtQuestion("a.test"), TXT, b"\x05abc"),
    (PtrQuestion("192.0.2.1"), PTR, b"\x05abc"),
    (TlsaQuestion("a.test"), TLSA, b"\3\1"),
    (AddressQuestion("a.test", 4), CNAME, b"\xc0"),
]


def record(rdtype: int, rdata: bytes, *, size: int | None = None):
    """A responder that answers with one such record; `size` lies about its length."""

    def respond(query: bytes) -> list[bytes]:
        end = query.index(b"\0", 12) + 5
        head = query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:end]
        length = len(rdata) if size is None else size
        return [head + b"\xc0\x0c" + struct.pack("!HHIH", rdtype, 1, 60, length) + rdata]

    return respond


@pytest.mark.parametrize(("question", "rdtype", "rdata"), BAD)
async def test_a_damaged_record_is_a_failed_look_up(question, rdtype, rdata):
    async with responder(record(rdtype, rdata)) as server:
        resolver = Resolver([("127.0.0.1", server.port)], attempts=1)
        async with asyncio.timeout(1):
            assert (await resolver.query(question)).status is Status.SERVFAIL


@pytest.mark.parametrize("size", [0, 1, 3, 30, 65_535])
async def test_a_length_that_lies_is_a_failed_look_up(size):
    async with responder(record(MX, b"\0\x0a\x04mail\x04test\0", size=size)) as server:
        resolver = Resolver([("127.0.0.1", server.port)], attempts=1)
        assert (await resolver.query(MxQuestion("a.test"))).is_error


async def test_the_route_waits_and_nothing_falls_back_to_the_address():
    async with responder(record(MX, b"\0")) as server:
        route = await mail_hosts(
            "a.test", Resolver([("127.0.0.1", server.port)], attempts=1), random.Random(1)
        )
    assert route.status is RouteStatus.UNKNOWN
    assert not route.hosts
