"""One GET over HTTPS for a small public file: the policy of MTA-STS, a logo of BIMI and its certificate.

Not here: what the file means. It is no HTTP client for other uses: no redirects, no cookies, no compression, one request a
connection. Sources: RFC 8461 §3.3, RFC 9110 and RFC 9112 as far as needed. Invariants: the certificate is checked
against the host; only status 200 counts; body, headers and time are bounded; only public addresses are dialled unless
allowed.
"""

import asyncio
import enum
import re
import ssl
from pathlib import Path

import msgspec

from postier.dns.ask import Answering
from postier.dns.ranges import is_public
from postier.mailauth.questions import AddressQuestion
from postier.tls.client import checking_context

TIMEOUT_S = 60.0  # RFC 8461 §3.3 suggests one minute
MAX_HEAD_OCTETS = 16_384
_STATUS = re.compile(rb"HTTP/1\.[01] 200(?: |\r?\n)")
_TYPE = re.compile(rb"(?im)^content-type:[ \t]*([!-:<-~]+)")
_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d{1,10})[ \t]*\r?$")
_CHUNKED = re.compile(rb"(?im)^transfer-encoding:[ \t]*chunked[ \t]*\r?$")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")


class Fault(enum.Enum):
    """Why a file could not be had."""

    NETWORK = "network"  # no address, no connection, no proper answer, no time
    CERTIFICATE = "certificate"
    STATUS = "status"
    TOO_LARGE = "too large"


class GetError(Exception):
    """The file could not be had; the text says why."""

    def __init__(self, fault: Fault, why: str) -> None:
        super().__init__(why)
        self.fault = fault


class Target(msgspec.Struct, frozen=True):
    """What to fetch: the path and query at a host, and at most how many octets."""

    host: str
    path: str
    accept: str
    limit_octets: int
    port: int = 443


class File(msgspec.Struct, frozen=True):
    """What came: the media type in lower case ("" without one) and the octets."""

    media_type: str
    octets: bytes


async def get(
    target: Target,
    resolver: Answering,
    *,
    authorities: Path | None = None,
    allow_private_addresses: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> File:
    """Fetch a file; `authorities` are roots to trust instead of the system's. Raises GetError."""
    host = target.host
    answers = await resolver.query_all([AddressQuestion(host, 4), AddressQuestion(host, 6)])
    addresses = [str(address) for answer in answers for address in answer.records]
    allowed = [one for one in addresses if allow_private_addresses or is_public(one)]
    if not allowed:
        raise GetError(Fault.NETWORK, f"{host} has no address" + (" that is public" if addresses else ""))
    request = (
        f"GET {target.path} HTTP/1.1\r\nHost: {host}\r\nAccept: {target.accept}\r\n"
        "User-Agent: Postier\r\nConnection: close\r\n\r\n"
    )
    return await exchange(
        target, allowed, request.encode("ascii"), checking_context(authorities), timeout_s=timeout_s
    )


async def exchange(
    target: Target, addresses: list[str], request: bytes, context: ssl.SSLContext | None, *, timeout_s: float
) -> File:
    """One request, sent to the first address that accepts a connection; without a context in plain. Raises GetError."""
    host = target.host
    try:
        async with asyncio.timeout(timeout_s):
            return await _exchange(target, addresses, request, context)
    except ssl.SSLCertVerificationError as error:
        raise GetError(Fault.CERTIFICATE, f"{host}: {error.verify_message}") from error
    except TimeoutError as error:
        raise GetError(Fault.NETWORK, f"{host} took over {timeout_s:g} s") from error
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise GetError(Fault.NETWORK, f"{host}: {error}") from error


async def _exchange(
    target: Target, addresses: list[str], request: bytes, context: ssl.SSLContext | None
) -> File:
    named = target.host if context is not None else None
    for address in addresses:
        try:
            reader, writer = await asyncio.open_connection(
                address, target.port, ssl=context, server_hostname=named, limit=MAX_HEAD_OCTETS
            )
            break
        except ssl.SSLError:
            raise
        except OSError:
            if address == addresses[-1]:
                raise
    try:
        writer.write(request)
        await writer.drain()
        return await _read_file(reader, target)
    finally:
        writer.transport.abort()  # nothing more is wanted; no wait for the peer's goodbye


async def _read_file(reader: asyncio.StreamReader, target: Target) -> File:
    head = await reader.readuntil(b"\r\n\r\n")
    if not _STATUS.match(head):  # RFC 8461 §3.3: redirects are not followed
        line = head.partition(b"\r\n")[0].decode("ascii", "replace")[:60]
        raise GetError(Fault.STATUS, f"{target.host} answered {line!r}")
    found = _TYPE.search(head)
    media_type = found[1].decode("ascii").lower() if found is not None else ""
    return File(media_type, await _read_body(reader, head, target))


async def _read_body(reader: asyncio.StreamReader, head: bytes, target: Target) -> bytes:
    if _CHUNKED.search(head):
        return await _read_chunks(reader, target)
    length = _LENGTH.search(head)
    if length is not None:
        return await reader.readexactly(_within(int(length[1]), target))
    body = bytearray()
    while octets := await reader.read(target.limit_octets):
        body += octets
        _within(len(body), target)
    return bytes(body)


async def _read_chunks(reader: asyncio.StreamReader, target: Target) -> bytes:
    """RFC 9112 §7.1, trailers ignored."""
    body = bytearray()
    while True:
        line = _CHUNK_SIZE.fullmatch(await reader.readuntil(b"\r\n"))
        if line is None:
            raise GetError(Fault.NETWORK, f"{target.host} sends broken chunks")
        size = int(line[1], 16)
        if size == 0:
            return bytes(body)
        _within(len(body) + size, target)
        body += await reader.readexactly(size)
        await reader.readexactly(2)


def _within(octets: int, target: Target) -> int:
    if octets > target.limit_octets:
        raise GetError(Fault.TOO_LARGE, f"what {target.host} serves is over {target.limit_octets} octets")
    return octets
