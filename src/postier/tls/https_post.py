"""One POST over HTTPS, for TLS reports and nothing else.

Not here: what is posted (`mta.reports`), the GET of MTA-STS (`https`). Source: RFC 8460 §5.4, RFC 9112. Invariants: only
public addresses are dialled unless allowed, so that a record can't make us speak to our own network; the certificate is
checked; of the answer only the status line is read; nothing that the network does is raised.
"""

import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from postier.dns.ask import Answering
from postier.dns.ranges import is_public
from postier.mailauth.names import host_name
from postier.mailauth.questions import AddressQuestion
from postier.tls.client import checking_context

POST_TIMEOUT_S = 60.0
MAX_STATUS_OCTETS = 4_096
_SUCCESS = re.compile(rb"HTTP/1\.[01] 2\d\d(?: |\r?\n)")
_TARGET = re.compile(r"[!-~]*")


class HttpsPoster:
    """`authorities`: roots to trust instead of the system's."""

    def __init__(
        self,
        resolver: Answering,
        *,
        authorities: Path | None = None,
        allow_private_addresses: bool = False,
        timeout_s: float = POST_TIMEOUT_S,
    ) -> None:
        self._resolver = resolver
        self._authorities = authorities
        self._allow_private_addresses = allow_private_addresses
        self._timeout_s = timeout_s

    async def post(self, url: str, media_type: str, content: bytes) -> bool:
        """Whether the server answered with a success (2xx)."""
        try:
            parts = urlsplit(url)
            host, port = host_name(parts.hostname or ""), parts.port or 443
        except ValueError:
            return False
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if parts.scheme != "https" or host is None or not _TARGET.fullmatch(target):
            return False
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(host, port, target, media_type, content)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            structlog.get_logger().info("report-not-posted", url=url, problem=str(error) or "time-out")
            return False

    async def _post(self, host: str, port: int, target: str, media_type: str, content: bytes) -> bool:
        answers = await self._resolver.query_all([AddressQuestion(host, 4), AddressQuestion(host, 6)])
        addresses = [str(address) for answer in answers for address in answer.records]
        allowed = [one for one in addresses if self._allow_private_addresses or is_public(one)]
        if not allowed:
            return False
        reader, writer = await asyncio.open_connection(
            allowed[0],
            port,
            ssl=checking_context(self._authorities),
            server_hostname=host,
            limit=MAX_STATUS_OCTETS,
        )
        try:
            writer.write(
                b"POST %b HTTP/1.1\r\nHost: %b\r\nUser-Agent: Postier\r\nContent-Type: %b\r\n"
                b"Content-Length: %d\r\nConnection: close\r\n\r\n"
                % (target.encode(), _host_field(host, port), media_type.encode(), len(content))
            )
            writer.write(content)
            await writer.drain()
            return _SUCCESS.match(await reader.readuntil(b"\n")) is not None
        finally:
            writer.transport.abort()  # nothing more is wanted


def _host_field(host: str, port: int) -> bytes:
    return (host if port == 443 else f"{host}:{port}").encode()
