"""What is answered to a request. Source: RFC 9112 §4. Invariant: every answer says its length and closes the connection."""

from http import HTTPStatus

import msgspec

TEXT = "text/plain; charset=utf-8"


class Response(msgspec.Struct, frozen=True):
    """A whole answer."""

    status: HTTPStatus
    body: bytes
    content_type: str = TEXT
    fields: tuple[tuple[str, str], ...] = ()


def failure(status: HTTPStatus) -> Response:
    """The status in words."""
    fields = (("Allow", "GET, HEAD"),) if status is HTTPStatus.METHOD_NOT_ALLOWED else ()  # RFC 9110 §15.5.6
    return Response(status, f"{status.phrase}\n".encode(), TEXT, fields)


def written(response: Response, *, without_body: bool = False) -> bytes:
    """The octets of an answer; `without_body` for HEAD."""
    lines = [
        f"HTTP/1.1 {response.status.value} {response.status.phrase}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
        "Connection: close",
        "X-Content-Type-Options: nosniff",
        *(f"{name}: {value}" for name, value in response.fields),
    ]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head if without_body else head + response.body
