"""A whole server with two workers: what it serves by HTTP, the metrics and the MTA-STS policies."""

import asyncio
import contextlib
import urllib.request

import pytest
from click.testing import CliRunner

from postier.cli.root import root
from tests.crash.load import ImapClient
from tests.crash.node import PASSWORD, configuration_text, free_ports, letter, listener, populate
from tests.server_process import ServerProcess
from tests.servers.mail_client import MailClient

pytestmark = pytest.mark.xdist_group("crash")


async def test_letters_logins_and_unsigned_mail_are_counted(tmp_path):
    smtp, submission, imap, metrics, closed = free_ports(5)
    configuration = tmp_path / "postier.toml"
    text = configuration_text(smtp, submission, closed, closed)
    configuration.write_text(text + listener("imap", imap) + listener("metrics", metrics))
    await populate(configuration)
    async with contextlib.AsyncExitStack() as stack:
        server = ServerProcess(configuration)
        await server.start()
        stack.push_async_callback(server.kill)
        for number in range(4):
            client = await MailClient.dial(smtp)
            stack.push_async_callback(client.close)
            await client.greet()
            content = letter(f"{number}@x", b"hello\r\n")
            assert (await client.mail("s@elsewhere.test", "u1@alpha.test", letter=content)).startswith("250")
        client = await MailClient.dial(submission)
        stack.push_async_callback(client.close)
        await client.greet()
        assert (await client.login("u2@alpha.test", "wrong")).startswith("535")
        assert (await client.login("u2@alpha.test", PASSWORD)).startswith("235")
        content = letter("5@x", b"hello\r\n", sender="u2@alpha.test")  # the domain has no keys
        assert (await client.mail("u2@alpha.test", "u1@alpha.test", letter=content)).startswith("250")
        reader, writer = await asyncio.open_connection("127.0.0.1", imap)
        stack.callback(writer.close)
        await ImapClient(reader, writer).say(f"LOGIN u1@alpha.test {PASSWORD}".encode())

        for _ in range(3):  # whichever worker is asked
            page = await asyncio.to_thread(read, f"http://127.0.0.1:{metrics}/metrics")
            for line in (
                'postier_connections_total{protocol="smtp"} 4.0',
                'postier_connections_open{protocol="imap"} 1.0',
                'postier_messages_received_total{protocol="smtp",result="accepted"} 4.0',
                'postier_messages_received_total{protocol="submission",result="accepted"} 1.0',
                'postier_receive_seconds_count{protocol="smtp"} 4.0',
                "postier_message_bytes_count 5.0",
                'postier_verdicts_total{disposition="clean"} 4.0',
                'postier_logins_total{protocol="submission",result="wrong"} 1.0',
                'postier_logins_total{protocol="submission",result="accepted"} 1.0',
                'postier_logins_total{protocol="imap",result="accepted"} 1.0',
                'postier_unsigned_messages_total{domain="alpha.test"} 1.0',
                'postier_queue_recipients{state="waiting"} 0.0',
            ):
                assert line + "\n" in page, page
            assert "postier_store_commits_total" in page
        assert await server.stop() == 0


async def test_the_policy_of_a_domain_is_served(tmp_path):
    smtp, http, closed = free_ports(3)
    configuration = tmp_path / "postier.toml"
    configuration.write_text(
        configuration_text(smtp, free_ports(1)[0], closed, closed) + listener("http", http)
    )
    await populate(configuration)
    done = await asyncio.to_thread(
        CliRunner().invoke,
        root,
        ["domain", "mta-sts", "alpha.test", "--mode", "testing", "--config", str(configuration)],
    )
    assert done.exit_code == 0
    async with contextlib.AsyncExitStack() as stack:
        server = ServerProcess(configuration)
        await server.start()
        stack.push_async_callback(server.kill)
        request = urllib.request.Request(
            f"http://127.0.0.1:{http}/.well-known/mta-sts.txt", headers={"Host": "mta-sts.alpha.test"}
        )
        text = await asyncio.to_thread(read, request)
        assert text == "version: STSv1\r\nmode: testing\r\nmx: mx.alpha.test\r\nmax_age: 86400\r\n"
        assert await server.stop() == 0


def read(url: str | urllib.request.Request) -> str:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 (our own)
        return answer.read().decode()
