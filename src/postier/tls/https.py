"""One GET over HTTPS, for the policy file of MTA-STS and nothing larger.

Not here: what the file means (`mailauth.mta_sts`), when it is fetched (`sts`); it is no HTTP client for other uses: no
redirects, no cookies, no compression, one request a connection. Sources: RFC 8461 §3.3, RFC 9110 and RFC 9112 as far as
needed. Invariants: the certificate is checked against the policy host (RFC 8461 §3.3); only status 200 and text/plain
count; body, headers and time are bounded; only public addresses are dialled unless allowed.
"""

import asyncio
import re
import ssl
from pathlib import Path
from typing import Protocol

from postier.dns.ask import Answering
from postier.dns.ranges import is_public
from postier.mailauth.mta_sts import MAX_POLICY_OCTETS
from postier.mailauth.questions import AddressQuestion
from postier.tls.client import checking_context
from postier.tls.policy import TlsResult

TIMEOUT_S = 60.0  # RFC 8461 §3.3 suggests one minute
MAX_HEAD_OCTETS = 16_384
_STATUS = re.compile(rb"HTTP/1\.[01] 200(?: |\r?\n)")
_TEXT = re.compile(rb"(?im)^content-type:[ \t]*text/plain[ \t]*(?:;|\r?$)")
_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d{1,10})[ \t]*\r?$")
_CHUNKED = re.compile(rb"(?im)^transfer-encoding:[ \t]*chunked[ \t]*\r?$")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")


class FetchError(Exception):
    """The policy could not be had; `result` is its name in a TLS report."""

    def __init__(self, result: TlsResult, why: str) -> None:
        super().__init__(why)
        self.result = result


class PolicySource(Protocol):
    """Where the text of a policy comes from."""

    async def fetch(self, domain: str) -> bytes:
        """The policy file of the domain; raises FetchError."""
        ...


class HttpsSource:
    """The policy host `mta-sts.` of each domain, by HTTPS. `authorities`: roots to trust instead of the system's."""

    def __init__(
        self,
        resolver: Answering,
        *,
        authorities: Path | None = None,
        port: int = 443,
        allow_private_addresses: bool = False,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._resolver = resolver
        self._authorities = authorities
        self._port = port
        self._allow_private_addresses = allow_private_addresses
        self._timeout_s = timeout_s

    async def fetch(self, domain: str) -> bytes:
        """The policy file; raises FetchError."""
        host = f"mta-sts.{domain}"
        failed = TlsResult.STS_POLICY_FETCH_ERROR
        answers = await self._resolver.query_all([AddressQuestion(host, 4), AddressQuestion(host, 6)])
        addresses = [str(address) for answer in answers for address in answer.records]
        allowed = [one for one in addresses if self._allow_private_addresses or is_public(one)]
        if not allowed:
            raise FetchError(failed, f"{host} has no address" + (" that is public" if addresses else ""))
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._get(host, allowed)
        except ssl.SSLCertVerificationError as error:
            raise FetchError(TlsResult.STS_WEBPKI_INVALID, f"{host}: {error.verify_message}") from error
        except TimeoutError as error:
            raise FetchError(failed, f"{host} took over {self._timeout_s:g} s") from error
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise FetchError(failed, f"{host}: {error}") from error

    async def _get(self, host: str, addresses: list[str]) -> bytes:
        """The body from the first address that accepts a connection."""
        context = checking_context(self._authorities)
        for address in addresses:
            try:
                reader, writer = await asyncio.open_connection(
                    address, self._port, ssl=context, server_hostname=host, limit=MAX_HEAD_OCTETS
                )
                break
            except ssl.SSLError:
                raise
            except OSError:
                if address == addresses[-1]:
                    raise
        try:
            writer.write(
                b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: %b\r\nAccept: text/plain\r\n"
                b"User-Agent: Postier\r\nConnection: close\r\n\r\n" % host.encode("ascii")
            )
            await writer.drain()
            return await _read_body(reader, host)
        finally:
            writer.transport.abort()  # nothing more is wanted; no wait for the peer's goodbye


async def _read_body(reader: asyncio.StreamReader, host: str) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if not _STATUS.match(head):  # RFC 8461 §3.3: redirects are not followed
        line = head.partition(b"\r\n")[0].decode("ascii", "replace")[:60]
        raise FetchError(TlsResult.STS_POLICY_FETCH_ERROR, f"{host} answered {line!r}")
    if not _TEXT.search(head):  # RFC 8461 §3.2
        raise FetchError(TlsResult.STS_POLICY_INVALID, f"{host} does not serve text/plain")
    if _CHUNKED.search(head):
        return await _read_chunks(reader, host)
    length = _LENGTH.search(head)
    if length is not None:
        return await reader.readexactly(_within(int(length[1]), host))
    body = bytearray()
    while octets := await reader.read(MAX_POLICY_OCTETS):
        body += octets
        _within(len(body), host)
    return bytes(body)


async def _read_chunks(reader: asyncio.StreamReader, host: str) -> bytes:
    """RFC 9112 §7.1, trailers ignored."""
    body = bytearray()
    while True:
        line = _CHUNK_SIZE.fullmatch(await reader.readuntil(b"\r\n"))
        if line is None:
            raise FetchError(TlsResult.STS_POLICY_FETCH_ERROR, f"{host} sends broken chunks")
        size = int(line[1], 16)
        if size == 0:
            return bytes(body)
        _within(len(body) + size, host)
        body += await reader.readexactly(size)
        await reader.readexactly(2)


def _within(octets: int, host: str) -> int:
    if octets > MAX_POLICY_OCTETS:
        raise FetchError(
            TlsResult.STS_POLICY_INVALID, f"the policy of {host} is over {MAX_POLICY_OCTETS} octets"
        )
    return octets
