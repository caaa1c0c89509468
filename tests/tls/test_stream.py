"""`tls.stream`: a connection that begins with TLS, on both loops; the rest is tested through the servers."""

import asyncio
import socket

import pytest
import uvloop

from postier.tls.certificates import CertificateFiles
from postier.tls.server import ServerTls, Service
from postier.tls.stream import Stream
from tests.certificate_authority import NOW, Authority
from tests.tls_handshake import trusting

LIMIT_S = 10


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop])
def run(request):
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner.run


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def tls(authority):
    files = CertificateFiles(*authority.issue("mx", "mx.alpha.test"))
    return ServerTls(Service.SUBMISSION, [files], now=NOW.timestamp)


async def accept(dial, serve):
    """Run `dial(port)`, and `serve(stream)` on the connection that comes of it."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(dial(listening.getsockname()[1]))
            accepted, _ = await loop.sock_accept(listening)
            accepted.setblocking(False)
            await serve(Stream(loop, accepted))


def test_a_hello_that_came_before_the_task_is_not_lost(run, authority, tls):
    trusted = trusting(authority.file)

    async def dial(port):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=trusted, server_hostname="mx.alpha.test"
        )
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"again"
        writer.close()
        await writer.wait_closed()

    async def serve(stream):
        assert stream.peer_ip == "127.0.0.1"
        await hello_here(stream._socket)
        facts = await stream.begin_with_tls(tls.context, LIMIT_S)
        assert facts.version() == "TLSv1.3"
        assert await stream.read() == b"hello"
        stream.write(b"again")
        while not stream.is_ended:
            await stream._wait()
        stream.close()

    run(accept(dial, serve))


async def hello_here(sock):
    """Wait until something has come; it stays unread."""
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sock, came.set)
    await came.wait()
    loop.remove_reader(sock)


async def knock(port):
    """Connect, say nothing, and wait until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


def test_it_can_be_closed_before_the_handshake(run):
    async def serve(stream):
        stream.close()
        stream.close()
        assert stream._socket.fileno() == -1

    run(accept(knock, serve))


def test_abort_ends_a_handshake_under_way(run, tls):
    async def serve(stream):
        asyncio.get_running_loop().call_soon(stream.abort)
        with pytest.raises(OSError):
            await stream.begin_with_tls(tls.context, LIMIT_S)
        stream.close()

    run(accept(knock, serve))


def test_an_interruption_before_the_wait_is_not_lost(run, authority, tls):
    trusted = trusting(authority.file)

    async def dial(port):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=trusted, server_hostname="mx.alpha.test"
        )
        assert await reader.readexactly(2) == b"go"
        writer.write(b"hello")
        await reader.read()
        writer.close()
        await writer.wait_closed()

    async def serve(stream):
        await stream.begin_with_tls(tls.context, LIMIT_S)
        stream.interrupt()  # while its task does something else
        assert await stream.read_or_wake() is None
        stream.write(b"go")
        assert await stream.read_or_wake() == b"hello"  # it counts once
        stream.close()

    run(accept(dial, serve))
