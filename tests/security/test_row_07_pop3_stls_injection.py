"""SECURITY 7: what came in plaintext after STLS is dropped, and nobody is logged in by it."""

import ssl

from postier.tls.certificates import CertificateFiles
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.servers.imap.served import ADDRESSES, PASSWORD
from tests.servers.pop3_server import Pop3Server


async def test_commands_around_stls_are_forgotten(sqlite_store, tmp_path):
    authority = Authority(tmp_path)
    tls = ServerTls(Service.POP3, [CertificateFiles(*authority.issue("mx", "mx.alpha.test"))])
    async with Pop3Server(sqlite_store, tls=tls, is_tls_available=True) as server:
        client = await server.connect()
        client.send(f"USER {ADDRESSES[0]}\r\nSTLS\r\nUSER {ADDRESSES[0]}\r\nPASS {PASSWORD}\r\nSTAT\r\nNO")
        assert await client.line() == b"+OK and the password?"
        assert await client.line() == b"+OK begin TLS"
        context = ssl.create_default_context(cafile=str(authority.file))
        await client.writer.start_tls(context, server_hostname="mx.alpha.test")
        assert await client.ask(f"PASS {PASSWORD}") == b"-ERR say USER first"
        assert await client.ask("STAT") == b"-ERR log in first"
