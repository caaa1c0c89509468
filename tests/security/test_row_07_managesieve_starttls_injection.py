"""SECURITY 7: what came in plaintext after STARTTLS is dropped, and nobody is logged in by it."""

import base64
import ssl

from postier.tls.certificates import CertificateFiles
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.servers.imap.served import ADDRESSES, PASSWORD
from tests.servers.managesieve_server import ManageSieveServer


async def test_commands_behind_starttls_are_forgotten(sqlite_store, tmp_path):
    authority = Authority(tmp_path)
    tls = ServerTls(Service.MANAGESIEVE, [CertificateFiles(*authority.issue("mx", "mx.alpha.test"))])
    async with ManageSieveServer(sqlite_store, tls=tls, is_tls_available=True) as server:
        client = await server.connect()
        secret = base64.b64encode(f"\0{ADDRESSES[0]}\0{PASSWORD}".encode()).decode()
        client.send(f'STARTTLS\r\nAUTHENTICATE "PLAIN" "{secret}"\r\nLISTSCRIPTS\r\nPUTSCRIPT "a" {{5+}}\r\n')
        assert await client.line() == b'OK "begin TLS"'
        context = ssl.create_default_context(cafile=str(authority.file))
        await client.writer.start_tls(context, server_hostname="mx.alpha.test")
        assert (await client.answer())[-1] == b"OK"
        assert await client.ask("LISTSCRIPTS") == [b'NO "log in first"']
