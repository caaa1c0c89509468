"""A GET, or a POST of a form, at a URL that the operator configured: the keys of an issuer, its word on a token.

Not here: URLs that strangers wrote (`https_get`, which dials public addresses only), what the answers mean. Sources: RFC
9110 §4.2, RFC 9112 as far as needed, RFC 7662 §4 (the certificate MUST be checked). Invariants: exactly that host, port and
target are asked, redirects are not followed, only status 200 counts; plain HTTP goes to literal loopback addresses and nowhere
else; answer and time are bounded.
"""

import asyncio
import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from postier.dns.ask import Answering
from postier.mailauth.names import host_name
from postier.mailauth.questions import AddressQuestion
from postier.tls.client import checking_context
from postier.tls.https_get import Fault, GetError, Target, exchange

SERVICE_TIMEOUT_S = 10.0  # somebody waits for his login meanwhile
MAX_URL_CHARACTERS = 512
_TARGET = re.compile(r"/[!-~]*")


class ServiceUrl(msgspec.Struct, frozen=True):
    """A URL taken apart; `is_plain` is http on loopback."""

    host: str
    port: int
    target: str
    is_plain: bool

    @property
    def authority(self) -> str:
        """Host and port as they stand in a Host field (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(is_plain=self.is_plain) else f"{host}:{self.port}"


class Form(msgspec.Struct, frozen=True):
    """The body of a POST and the value of its Authorization field."""

    body: bytes
    authorization: str

    def __repr__(self) -> str:
        return "Form()"  # tokens and secrets are in it


def service_url(text: str) -> ServiceUrl:
    """Read a URL; raises ValueError with what is wrong with it."""
    if len(text) > MAX_URL_CHARACTERS:
        raise ValueError(f"it is longer than {MAX_URL_CHARACTERS} characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("it is no URL") from None
    is_plain = parts.scheme == "http"
    if not is_plain and parts.scheme != "https":
        raise ValueError("it does not begin with https://")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("it may have no user and no fragment")
    host = _literal(parts.hostname or "") or host_name(parts.hostname or "")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if host is None or port == 0 or not _TARGET.fullmatch(target):
        raise ValueError("its host, port or path is none")
    if is_plain and not _is_loopback(host):
        raise ValueError(
            "http:// is for 127.0.0.1 and [::1] only: whoever listens on the way could log in as anybody"
        )
    return ServiceUrl(host, port or _default_port(is_plain=is_plain), target, is_plain)


class ConfiguredService:
    """One URL. `authorities`: roots to trust instead of the system's."""

    def __init__(
        self,
        url: ServiceUrl,
        resolver: Answering,
        *,
        accept: str,
        limit_octets: int,
        authorities: Path | None = None,
        timeout_s: float = SERVICE_TIMEOUT_S,
    ) -> None:
        self._url = url
        self._resolver = resolver
        self._accept = accept
        self._limit_octets = limit_octets
        self._authorities = authorities
        self._timeout_s = timeout_s

    async def ask(self, form: Form | None = None) -> bytes:
        """What it answers to a GET, or to the form by POST. Raises GetError."""
        url = self._url
        try:
            context = None if url.is_plain else checking_context(self._authorities)
        except OSError as error:  # ssl's own are among them
            raise GetError(Fault.CERTIFICATE, f"{self._authorities}: {error}") from error
        target = Target(url.host, url.target, self._accept, self._limit_octets, url.port)
        file = await exchange(
            target, await self._addresses(), self._request(form), context, timeout_s=self._timeout_s
        )
        return file.octets

    async def _addresses(self) -> list[str]:
        host = self._url.host
        if _literal(host) is not None:
            return [host]
        questions = [AddressQuestion(host, 4), AddressQuestion(host, 6)]
        try:
            async with asyncio.timeout(self._timeout_s):
                answers = await self._resolver.query_all(questions)
        except TimeoutError:
            raise GetError(Fault.NETWORK, f"no DNS server tells the address of {host}") from None
        addresses = [str(address) for answer in answers for address in answer.records]
        if not addresses:
            raise GetError(Fault.NETWORK, f"{host} has no address")
        return addresses

    def _request(self, form: Form | None) -> bytes:
        url = self._url
        method = "GET" if form is None else "POST"
        head = (
            f"{method} {url.target} HTTP/1.1\r\nHost: {url.authority}\r\nAccept: {self._accept}\r\n"
            "User-Agent: Postier\r\nConnection: close\r\n"
        )
        if form is None:
            return f"{head}\r\n".encode("ascii")
        fields = (
            f"Authorization: {form.authorization}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(form.body)}\r\n\r\n"
        )
        return f"{head}{fields}".encode("ascii") + form.body


def _default_port(*, is_plain: bool) -> int:
    return 80 if is_plain else 443


def _literal(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    literal = _literal(host)
    return literal is not None and ipaddress.ip_address(literal).is_loopback
