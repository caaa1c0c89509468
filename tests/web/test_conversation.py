"""HTTP over real connections: one request, one answer, end; bounds in size and time."""

import asyncio
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest

from postier.servers.listener import ConnectionLimits, Listener
from postier.store.transaction import StoreUnavailableError
from postier.web.conversation import HttpConversation
from postier.web.metrics import MetricsSite
from postier.web.request import MAX_HEAD_OCTETS
from postier.web.response import Response
from tests.servers.mail_client import LIMIT_S
from tests.servers.smtp_server import loopback_socket, until


class Echo:
    async def answer(self, request):
        if request.path == "/fault":
            raise ZeroDivisionError
        if request.path == "/away":
            raise StoreUnavailableError("away")
        return Response(HTTPStatus.OK, f"{request.host} {request.path}\n".encode())


@asynccontextmanager
async def served(site, limits=ConnectionLimits()):  # noqa: B008
    bound = loopback_socket()
    listener = Listener([bound], HttpConversation("http", site, None, 5), limits)
    port = bound.getsockname()[1]
    async with asyncio.TaskGroup() as tasks:
        await listener.start(tasks)
        yield port, listener
        listener.stop_accepting()
        await listener.finish(asyncio.get_running_loop().time() + LIMIT_S)


async def asked(port, *pieces):
    """All that is answered to these octets, sent piece by piece."""
    async with asyncio.timeout(LIMIT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        answer = await reader.read()
        writer.close()
    return answer


def status(answer):
    return int(answer.split(b" ", 2)[1])


async def test_a_page():
    async with served(Echo()) as (port, _):
        answer = await asked(port, b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nContent-Length: 10\r\nConnection: close\r\n" in head
        assert body == b"a.test /x\n"
        octets = b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n"
        assert await asked(port, *[octets[at : at + 1] for at in range(len(octets))]) == answer
        assert await asked(port, octets.replace(b"GET", b"HEAD")) == head + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 405),
        (b"nonsense\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * MAX_HEAD_OCTETS, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * (MAX_HEAD_OCTETS - 27) + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * (MAX_HEAD_OCTETS - 28) + b"\r\n\r\n", 200),
    ],
)
async def test_what_is_answered_otherwise(octets, code):
    async with served(Echo()) as (port, _):
        assert status(await asked(port, octets)) == code


async def test_a_fault_is_a_500_and_the_next_is_served():
    async with served(Echo()) as (port, _):
        assert status(await asked(port, b"GET /fault HTTP/1.1\r\nHost: a\r\n\r\n")) == 500
        assert status(await asked(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")) == 200


async def test_who_says_nothing_is_told_so_and_let_go():
    async with served(Echo()) as (port, listener):
        async with asyncio.timeout(LIMIT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await until(lambda: listener.connections)
            for stream in tuple(listener._streams):
                stream.expire_if_late(asyncio.get_running_loop().time() + 21)
            assert status(await reader.read()) == 408
            writer.close()


async def test_too_many_are_refused():
    async with served(Echo(), ConnectionLimits(1, 1)) as (port, listener):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: listener.connections)
        assert status(await asked(port)) == 503
        writer.close()
        assert await reader.read() == b""


async def test_the_page_of_metrics():
    async def page():
        return b"postier_x 1\n"

    async with served(MetricsSite(page)) as (port, _):
        answer = await asked(port, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"Content-Type: text/plain; version=0.0.4" in answer
        assert answer.endswith(b"\r\n\r\npostier_x 1\n")
        assert status(await asked(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")) == 404


async def test_a_store_that_does_not_answer_is_no_fault_of_the_page():
    async with served(Echo()) as (port, _):
        assert status(await asked(port, b"GET /away HTTP/1.1\r\nHost: a.test\r\n\r\n")) == 503
