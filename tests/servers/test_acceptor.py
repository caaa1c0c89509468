"""Connections that begin with TLS: served, turned away at a limit, ended while shaking hands; a shortage pauses only."""

import asyncio
import socket

import structlog
from structlog.testing import CapturingLogger

from postier.servers.acceptor import Acceptor
from postier.servers.listener import ConnectionLimits
from postier.smtp.settings import Role
from tests.servers.mail_client import MailClient
from tests.servers.smtp_server import PASSWORD, until


async def test_submission_that_begins_with_tls_takes_a_login(start_embedded):
    node = await start_embedded(role=Role.SUBMISSION, implicit=True)
    client = await node.dial(tls=True)
    offer = await client.greet()
    assert "AUTH" in offer
    assert "STARTTLS" not in offer
    assert (await client.login("alice@alpha.test", PASSWORD)).startswith("235 ")


async def test_many_at_once_are_all_served(start_embedded):
    node = await start_embedded(implicit=True)
    clients = await asyncio.gather(*(node.dial(tls=True) for _ in range(40)))
    for client in clients:
        assert (await client.hear()).startswith("220 ")


async def test_connections_in_their_handshake_count(start_embedded):
    node = await start_embedded(implicit=True, limits=ConnectionLimits(connections_per_ip=2))
    silent = [await node.dial() for _ in range(2)]
    assert await (await node.dial()).has_ended()
    assert node.listener.connections == 2
    await node.stop(grace_s=0)
    for client in silent:
        assert await client.has_ended()
    await node.is_idle()


async def test_a_shortage_pauses_and_does_not_end_accepting():
    loop, log = asyncio.get_running_loop(), CapturingLogger()
    broken = socket.socket()
    broken.bind(("127.0.0.1", 0))
    acceptor = Acceptor(broken, lambda _: None, structlog.wrap_logger(log, processors=[]))
    broken.shutdown(socket.SHUT_RDWR)  # now accept() raises, and the socket is ready for ever
    await until(lambda: log.calls)
    assert acceptor._pause.when() > loop.time()
    acceptor.close()
    assert log.calls[0].method_name == "error"
    assert acceptor._pause.cancelled()


async def test_a_closed_acceptor_takes_nobody():
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    acceptor = Acceptor(listening, lambda _: None, structlog.get_logger())
    acceptor.close()
    acceptor.close()
    try:
        await MailClient.dial(port)
    except ConnectionRefusedError:
        return
    raise AssertionError
