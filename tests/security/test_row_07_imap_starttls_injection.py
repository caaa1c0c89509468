"""SECURITY 7: what came in plaintext after STARTTLS is dropped, and nobody is logged in by it."""

import ssl

from postier.tls.certificates import CertificateFiles
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.servers.imap.served import PASSWORD, Served


async def test_commands_behind_starttls_are_dropped(sqlite_store, tmp_path):
    authority = Authority(tmp_path)
    tls = ServerTls(Service.IMAP, [CertificateFiles(*authority.issue("mx", "mx.alpha.test"))])
    async with Served(sqlite_store, tmp_path, tls=tls, has_starttls=True) as served:
        client = await served.connect()
        login = f'b LOGIN alice@alpha.test "{PASSWORD}"\r\n'
        client.send(f"a STARTTLS\r\n{login}c NOOP\r\nd APPEND INBOX {{5+}}\r\n")
        assert await client.line() == b"a OK Begin TLS negotiation now"
        context = ssl.create_default_context(cafile=str(authority.file))
        await client.writer.start_tls(context, server_hostname="mx.alpha.test")
        client.send("e STATUS INBOX (MESSAGES)\r\n")
        assert await client.line() == b"e BAD STATUS is not allowed before login"
