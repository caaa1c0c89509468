"""`postier serve` as its users meet it: starts that can't be, an orderly end, a reload, a worker that crashes."""

import asyncio
import contextlib
import os
import shutil
import signal
import ssl
import subprocess
import sys

import pytest

from tests.certificate_authority import Authority
from tests.crash.load import ImapClient
from tests.crash.node import (
    PASSWORD,
    SOUND,
    children,
    configuration_text,
    free_ports,
    letter,
    listener,
    needs_root,
    populate,
    stored,
    verify,
)
from tests.server_process import ServerProcess
from tests.servers.mail_client import LIMIT_S, MailClient

pytestmark = pytest.mark.xdist_group("crash")

SENDER = "s@elsewhere.test"
LETTER = letter("1@x", b"hello\r\n")
MANY = 16  # connections, of which each worker gets some


class Node:
    """A configuration with accounts, its ports, the server that is to be started, and clients that are closed in the end."""

    def __init__(self, folder, stack):
        self.smtp, self.submission, self.imap, self.unused = free_ports(4)
        self.configuration = folder / "postier.toml"
        self.text = configuration_text(self.smtp, self.submission, self.unused, self.unused)
        self.text += listener("imap", self.imap)
        self.configuration.write_text(self.text)
        self.server = ServerProcess(self.configuration)
        self._stack = stack

    async def dial(self):
        client = await MailClient.dial(self.smtp)
        self._stack.push_async_callback(client.close)
        return client

    async def greeted(self):
        """An SMTP client that has said EHLO."""
        client = await self.dial()
        await client.greet()
        return client

    async def send(self, number):
        """One letter from a new client; the reply."""
        client = await self.greeted()
        return await client.mail(SENDER, "u1@alpha.test", letter=letter(f"{number}@x", b"hello\r\n"))

    async def reading(self):
        """An IMAP client that has opened its INBOX, and the connection's ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.imap)
        self._stack.callback(writer.close)
        client = ImapClient(reader, writer)
        await client.say(f"LOGIN u1@alpha.test {PASSWORD}".encode())
        await client.say(b"SELECT INBOX")
        return reader, writer

    async def other(self, text):
        """What a second server with this configuration says, and its exit code."""
        path = self.configuration.with_name("other.toml")
        path.write_text(text)
        return await refused_start(path)


@pytest.fixture
async def node(tmp_path):
    async with contextlib.AsyncExitStack() as stack:
        made = Node(tmp_path, stack)
        await populate(made.configuration)
        yield made
        if made.server.has_started:
            await made.server.kill()


async def refused_start(configuration):
    """What a server that can't start says, and its exit code."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "postier",
        "serve",
        "--config",
        str(configuration),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": "src"},
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert out == b""
    assert b"Traceback" not in err
    return process.returncode, err.decode()


async def line_of(reader):
    async with asyncio.timeout(LIMIT_S):
        return await reader.readline()


async def test_an_unknown_key_names_the_nearest(node):
    text = node.text.replace("retry_first_s", "retry_frist_s")
    code, err = await node.other(text)
    assert code == 1
    assert "delivery.retry_frist_s" in err
    assert "retry_first_s" in err.replace("delivery.retry_frist_s", "")
    line = text[: text.index("retry_frist_s")].count("\n") + 1
    assert f":{line}" in err


@pytest.fixture
def read_only_data(node):
    """The data folder, on a file system that can't be written."""
    needs_root("a read-only file system is mounted, which")
    data = node.configuration.parent / "data"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(data)], check=True)
    yield data
    subprocess.run(["umount", str(data)], check=True)


@pytest.mark.mounts
async def test_a_data_folder_that_is_not_writable_is_named(node, read_only_data):
    code, err = await refused_start(node.configuration)
    assert code == 1
    assert f"data folder {read_only_data} is not writable (Read-only file system)" in err


async def test_a_second_server_on_the_same_data_is_refused_and_the_first_goes_on(node):
    await node.server.start()
    text = node.text
    for port, free in zip((node.smtp, node.submission, node.imap), free_ports(3), strict=True):
        text = text.replace(f":{port}", f":{free}")
    code, err = await node.other(text)
    assert code == 1
    assert f"in use by another server, process {node.server.pid}" in err
    assert (await node.send(1)).startswith("250 ")
    assert await node.server.stop() == 0


async def test_the_port_of_another_server_is_named(node):
    await node.server.start()
    code, err = await node.other('data = "elsewhere"\n' + node.text)
    assert code == 1
    assert f"127.0.0.1:{node.smtp} (smtp): the port is in use by another program" in err
    assert await node.server.stop() == 0


async def test_sigterm_lets_a_letter_finish_and_says_goodbye_to_the_idle(node):
    await node.server.start()
    busy, leaving, idle = [await node.greeted() for _ in range(3)]
    for client in (busy, leaving):
        codes = await client.all(f"MAIL FROM:<{SENDER}>", "RCPT TO:<u1@alpha.test>", "DATA")
        assert codes == ["250", "250", "354"]
    waiting, _ = await node.reading()
    idling, writer = await node.reading()
    writer.write(b"z IDLE\r\n")
    assert (await line_of(idling)).startswith(b"+ ")

    busy.send(LETTER[:40])
    os.kill(node.server.pid, signal.SIGTERM)
    assert (await idle.hear()).startswith("421 4.3.2 ")
    assert await idle.has_ended()
    assert (await line_of(waiting)).startswith(b"* BYE ")
    assert (await line_of(idling)).startswith(b"* BYE ")
    await until_refused(node)

    busy.send(LETTER[40:] + b".\r\n")
    assert (await busy.hear()).startswith("250 ")
    assert (await busy.hear()).startswith("421 4.3.2 ")
    await leaving.close()  # gone in the middle of a letter: it is no letter
    assert await node.server.stop() == 0
    assert await stored(node.configuration) == {"1@x": {1}}
    assert await verify(node.configuration) == SOUND


async def test_sighup_reloads_certificates_and_limits_under_open_connections(node, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("one", "mx.alpha.test")
    text = node.text.replace(listener("smtp", node.smtp), listener("smtp", node.smtp, "starttls"))
    text = f'tls.certificate = "{certificate}"\ntls.key = "{key}"\n' + text
    node.configuration.write_text(text)
    await node.server.start()
    trusting = ssl.create_default_context(cafile=str(authority.file))
    old = await node.greeted()
    before = await shown_certificate(node, trusting)

    for new, path in zip(authority.issue("two", "mx.alpha.test"), (certificate, key), strict=True):
        shutil.copyfile(new, path)
    node.configuration.write_text(text.replace("[limits]", "[limits]\nmessage_size = 70000"))
    os.kill(node.server.pid, signal.SIGHUP)
    async with asyncio.timeout(LIMIT_S):
        seen = 0  # in a row: each worker has its own moment of it, and chance says which one accepts
        while seen < MANY:
            client = await node.dial()
            seen = seen + 1 if "SIZE 70000" in await client.greet() else 0
            await client.close()
    after = {await shown_certificate(node, trusting) for _ in range(MANY)}
    assert len(after) == 1
    assert before not in after
    assert (await old.mail(SENDER, "u1@alpha.test", letter=LETTER)).startswith("250 ")
    await old.close()

    certificate.write_text("no certificate")
    os.kill(node.server.pid, signal.SIGHUP)
    async with asyncio.timeout(LIMIT_S):
        while node.server.log.read_text().count("certificate not reloaded") < 2:  # one a worker
            await asyncio.sleep(0.02)
    assert await shown_certificate(node, trusting) in after
    assert await node.server.stop() == 0


async def until_refused(node):
    """Nobody listens any more, though a letter is still under way; the worker that said nothing yet is as quick."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                await node.dial()
            except ConnectionRefusedError:
                return


async def shown_certificate(node, context):
    """The certificate that a new connection is shown, after it was verified."""
    client = await node.greeted()
    assert (await client.say("STARTTLS")).startswith("220 ")
    await client.start_tls(context)
    certificate = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    await client.close()
    return certificate


async def test_a_crashed_worker_is_replaced_while_the_other_serves(node):
    await node.server.start()
    clients = [await node.greeted() for _ in range(MANY)]
    victim, survivor = children(node.server.pid)
    os.kill(victim, signal.SIGKILL)
    accepted = set()
    for number, client in enumerate(clients):
        if await client.say("NOOP"):
            content = letter(f"{number}@x", b"hello\r\n")
            assert (await client.mail(SENDER, "u1@alpha.test", letter=content)).startswith("250 ")
            accepted.add(f"{number}@x")
    assert accepted
    async with asyncio.timeout(LIMIT_S):
        while len(workers := children(node.server.pid)) < 2:
            await asyncio.sleep(0.02)
    assert survivor in workers
    assert victim not in workers
    for number in range(MANY, MANY + 4):
        assert (await node.send(number)).startswith("250 ")
        accepted.add(f"{number}@x")
    assert await node.server.stop() == 0
    assert accepted <= set(await stored(node.configuration))


async def test_a_server_that_crashed_starts_again_on_the_same_data_at_once(node):
    for number in range(2):
        await node.server.start()
        assert (await node.send(number)).startswith("250 ")
        await node.server.kill(alone=bool(number))
    assert set(await stored(node.configuration)) == {"0@x", "1@x"}
