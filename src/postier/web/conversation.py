"""HTTP/1.1 over one connection: one request, one answer, end.

Not here: accepting and limits (`servers.listener`, which this is a `Conversation` of), the pages (a `Site`). Sources: RFC 9112.
Invariants: the head is bounded in size and time; a request body is never read, so nothing can hide in one; a fault in a page
is a 500 and is logged by the listener, a store that does not answer a 503.
"""

import ssl
from http import HTTPStatus
from typing import Protocol

import structlog

from postier.store.transaction import StoreError
from postier.tls.server import ServerTls
from postier.tls.stream import Stream, StreamExpiredError
from postier.web.request import HEAD_END, MAX_HEAD_OCTETS, Request, parse_request
from postier.web.response import Response, failure, written

HEAD_S = 20.0
ANSWER_S = 60.0


class Site(Protocol):
    """What is served."""

    async def answer(self, request: Request) -> Response:
        """The answer to a GET or HEAD."""
        ...


class HttpConversation:
    """The `Conversation` of one listener."""

    def __init__(self, name: str, site: Site, tls: ServerTls | None, handshake_s: float) -> None:
        self.name = name
        self.handshake_s = handshake_s
        self._site = site
        self._tls = tls

    @property
    def begins_with_tls(self) -> bool:
        """See `Conversation`."""
        return self._tls is not None

    async def converse(self, stream: Stream) -> None:
        """See `Conversation`."""
        if self._tls is not None:
            try:
                await stream.begin_with_tls(self._tls.context, self.handshake_s)
            except (OSError, ssl.SSLError) as error:
                structlog.get_logger().info(
                    "tls-failed", peer=stream.peer_ip, error=str(error) or repr(error)
                )
                return
        stream.expire_in(HEAD_S)
        try:
            head = await _head(stream)
        except StreamExpiredError:
            stream.write(written(failure(HTTPStatus.REQUEST_TIMEOUT)))
            return
        if head is None:
            return
        stream.expire_in(ANSWER_S)
        request = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if head == b"" else parse_request(head)
        if isinstance(request, HTTPStatus):
            stream.write(written(failure(request)))
            return
        stream.write(written(await self._answer(stream, request), without_body=request.method == "HEAD"))
        await stream.drain()

    async def _answer(self, stream: Stream, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return failure(HTTPStatus.METHOD_NOT_ALLOWED)
        try:
            return await self._site.answer(request)
        except StoreError as error:
            structlog.get_logger().warning("page-not-served", path=request.path, error=str(error))
            return failure(HTTPStatus.SERVICE_UNAVAILABLE)
        except Exception:
            stream.write(written(failure(HTTPStatus.INTERNAL_SERVER_ERROR)))
            raise

    def refuse(self, stream: Stream, why: str) -> None:  # noqa: ARG002 (a conversation's signature)
        """See `Conversation`."""
        if self._tls is None:
            stream.write(written(failure(HTTPStatus.SERVICE_UNAVAILABLE)))

    def say_goodbye(self, stream: Stream) -> None:
        """See `Conversation`: a request that has not come is not waited for."""
        stream.expire_in(0)


async def _head(stream: Stream) -> bytes | None:
    """The head of the request; None when the peer has left, b"" when it is too long. Raises StreamExpiredError."""
    came = bytearray()
    while len(came) < MAX_HEAD_OCTETS + len(HEAD_END):
        octets = await stream.read()
        if not octets:
            return None
        seen = max(0, len(came) - len(HEAD_END))
        came += octets
        end = came.find(HEAD_END, seen)
        if 0 <= end <= MAX_HEAD_OCTETS:
            return bytes(came[:end]) or b"\r\n"
    return b""
