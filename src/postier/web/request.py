"""The head of an HTTP request as a value.

Not here: bodies (no page takes one), connections (`conversation`). Sources: RFC 9110, RFC 9112 §2-§3, §5. Invariants: any octets
give a Request or a Status; nothing that a client sends is looked at twice; obsolete and doubtful forms (bare CR, folded or
colon-less fields, two Hosts, a space before a colon) are refused, not guessed at.
"""

import re
from http import HTTPStatus
from urllib.parse import unquote

import msgspec

MAX_HEAD_OCTETS = 16_384
HEAD_END = b"\r\n\r\n"

_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) ([!-~]{1,8000}) HTTP/(\d)\.(\d)")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")
_ABSOLUTE = re.compile(r"https?://([^/?#]*)([^?#]*)", re.IGNORECASE)
_HOST = re.compile(r"([0-9A-Za-z.\-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")


class Request(msgspec.Struct, frozen=True):
    """A request: `path` decoded and without the query, `host` in lower case without port and final dot ("" if none)."""

    method: str
    path: str
    host: str


def parse_request(head: bytes) -> Request | HTTPStatus:
    """Read a head (up to and without its empty line); the status says what is wrong with it."""
    line, *fields = head.split(b"\r\n")
    start = _REQUEST_LINE.fullmatch(line)
    if start is None:
        return HTTPStatus.BAD_REQUEST
    method, target, major, minor = start[1].decode(), start[2].decode(), start[3], start[4]
    if major != b"1":
        return HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
    hosts = []
    for field in fields:
        found = _FIELD.fullmatch(field)
        if found is None:  # RFC 9112 §5.1, §5.2
            return HTTPStatus.BAD_REQUEST
        if found[1].lower() == b"host":
            hosts.append(found[2].decode("latin-1"))
    if len(hosts) > 1 or (not hosts and minor != b"0"):  # RFC 9112 §3.2
        return HTTPStatus.BAD_REQUEST
    host = hosts[0] if hosts else ""
    absolute = _ABSOLUTE.fullmatch(target.partition("?")[0].partition("#")[0])
    if absolute is not None:  # RFC 9112 §3.2.2: the target's host counts
        host, target = absolute[1], absolute[2] or "/"
    named = _HOST.fullmatch(host) if host else None
    if (host and named is None) or not target.startswith("/"):
        return HTTPStatus.BAD_REQUEST
    name = named[1].lower().removesuffix(".") if named is not None else ""
    return Request(method, unquote(target.partition("?")[0]), name)
