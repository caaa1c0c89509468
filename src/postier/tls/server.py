"""The server's side of TLS for one service: certificates chosen by name, ALPN, tickets, reload while running.

Not here: when a connection starts TLS (the protocols), nor how long a handshake may take (the listener, but the
constant is here). Sources: RFC 9325 (versions and ciphers), RFC 8996, RFC 6066 §3 (SNI), RFC 7301 (ALPN), RFC 5929.
Invariants: `context` is one object for the life of the service, so a listener keeps it over reloads; a reload swaps
all or nothing per certificate and never leaves the service without one; each service has tickets of its own; a client
that offers protocols and none of ours is turned away (SECURITY 10, ALPACA), one that offers none is served.
"""

import enum
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from postier.tls import hello
from postier.tls.certificates import (
    Certificate,
    CertificateError,
    CertificateFiles,
    CertificateProblem,
    load_certificate,
)

HANDSHAKE_TIMEOUT_S = 30.0  # for the listeners: from the first octet to the finished handshake
_NO_APPLICATION_PROTOCOL = 120  # RFC 7301 §3.2
_HANDSHAKE_FAILURE = 40
_MODERN = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL:!eNULL"  # RFC 9325 §4.2
# RFC 7435: a sender that cannot do better would fall back to plaintext, so port 25 also takes CBC (Exchange 2013)
_OPPORTUNISTIC = _MODERN + ":ECDHE+AES"


class Service(enum.Enum):
    """What is spoken inside, with its ALPN identifiers (IANA registry of RFC 7301 §6; SMTP and LMTP have none)."""

    SMTP = "smtp"
    SUBMISSION = "submission"
    LMTP = "lmtp"
    IMAP = "imap"
    POP3 = "pop3"
    MANAGESIEVE = "managesieve"
    HTTP = "http"

    @property
    def protocols(self) -> tuple[str, ...]:
        """The ALPN identifiers."""
        if self is Service.HTTP:
            return ("http/1.1",)
        return (self.value,) if self in {Service.IMAP, Service.POP3, Service.MANAGESIEVE} else ()


class Handshake(ssl.SSLObject):
    """One connection's TLS, which keeps the ClientHello until it is judged, and the certificate that was shown."""

    arriving: ssl.MemoryBIO | None = None
    hello_octets: bytes = b""
    certificate: Certificate | None = None

    def do_handshake(self) -> None:
        """Look at what arrived, then let OpenSSL have it."""
        if self.arriving is not None and len(self.hello_octets) <= hello.MAX_HELLO_OCTETS:
            octets = self.arriving.read()
            self.hello_octets += octets
            self.arriving.write(octets)
        super().do_handshake()

    def judged(self) -> None:
        """Forget the ClientHello."""
        self.arriving, self.hello_octets = None, b""


class _Context(ssl.SSLContext):
    """The context that listeners hold: its objects are `Handshake`s."""

    sslobject_class = Handshake

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **kwargs: Any
    ) -> ssl.SSLObject:
        """As the standard one; asyncio and uvloop come through here."""
        wrapped = super().wrap_bio(incoming, outgoing, *args, **kwargs)
        assert isinstance(wrapped, Handshake)
        wrapped.arriving = incoming
        return wrapped


class Reloaded(msgspec.Struct, frozen=True):
    """What a reload did. For each of `problems` the certificate served before stays."""

    certificates: tuple[Certificate, ...]
    changed: tuple[Certificate, ...]
    problems: tuple[CertificateError, ...]


class ServerTls:
    """TLS of one service. Raises CertificateError if a certificate cannot be served (an expired one can: see
    `warnings`). The first of `files` is for clients that name no host or one we do not have.
    """

    def __init__(
        self,
        service: Service,
        files: Sequence[CertificateFiles],
        *,
        client_authority: Path | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Clients are asked for a certificate if there is a `client_authority`, a PEM file of those who sign them; who has none
        is served as well.
        """
        if not files:
            raise ValueError("TLS needs a certificate")
        self.service = service
        self._client_authority = client_authority
        self._now = now
        now_s = self._now()
        self._loaded = tuple(
            (certificate, self._serving(certificate))
            for certificate in (load_certificate(one, now_s, accept_expired=True) for one in files)
        )
        self._by_name = _by_name(self._loaded)
        front = _Context(ssl.PROTOCOL_TLS_SERVER)
        _configure(front, service, self._loaded[0][0], client_authority)
        front.sni_callback = self._choose  # called in every handshake, with None if no name is given
        self.context: ssl.SSLContext = front

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """What is served now."""
        return tuple(certificate for certificate, _ in self._loaded)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the operator should know about the certificates."""
        return tuple(warning for certificate in self.certificates for warning in certificate.warnings)

    def reload(self) -> Reloaded:
        """Read all files again; new handshakes use what could be read, running connections go on."""
        now_s = self._now()
        loaded, changed, problems = [], [], []
        for old in self._loaded:
            try:
                certificate = load_certificate(old[0].files, now_s)
                if certificate == old[0]:
                    loaded.append(old)
                    continue
                loaded.append((certificate, self._serving(certificate)))
                changed.append(certificate)
            except CertificateError as error:
                loaded.append(old)
                problems.append(error)
        self._loaded, self._by_name = tuple(loaded), _by_name(loaded)
        return Reloaded(self.certificates, tuple(changed), tuple(problems))

    def chosen(self, server_name: str | None) -> Certificate:
        """The certificate that a client which asks for `server_name` is shown (RFC 6066 §3)."""
        return self._find(server_name)[0]

    def _serving(self, certificate: Certificate) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _configure(context, self.service, certificate, self._client_authority)
        return context

    def _find(self, server_name: str | None) -> tuple[Certificate, ssl.SSLContext]:
        name = (server_name or "").lower().removesuffix(".")
        wildcard = "*." + name.partition(".")[2]  # RFC 6125 §6.4.3: the leftmost label, whole
        return self._by_name.get(name) or self._by_name.get(wildcard) or self._loaded[0]

    def _choose(
        self, connection: ssl.SSLObject | ssl.SSLSocket, server_name: str | None, _context: ssl.SSLContext
    ) -> int | None:
        """Give the handshake its certificate, or the alert that ends it."""
        certificate, context = self._find(server_name)
        if isinstance(connection, Handshake):
            octets, ours = connection.hello_octets, self.service.protocols
            connection.judged()
            connection.certificate = certificate
            if len(octets) > hello.MAX_HELLO_OCTETS:
                return _HANDSHAKE_FAILURE
            offered = hello.offered_protocols(octets) if ours else None
            if offered is not None and not set(offered) & set(ours):  # RFC 7301 §3.2
                return _NO_APPLICATION_PROTOCOL
        connection.context = context
        return None


def end_point_binding(connection: ssl.SSLObject) -> bytes | None:
    """The `tls-server-end-point` data of a connection that a `ServerTls` accepted (RFC 5929 §4.1)."""
    certificate = connection.certificate if isinstance(connection, Handshake) else None
    return certificate.end_point if certificate is not None else None


def _configure(
    context: ssl.SSLContext, service: Service, certificate: Certificate, client_authority: Path | None
) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996, RFC 9325 §3.1.1
    context.set_ciphers(_OPPORTUNISTIC if service is Service.SMTP else _MODERN)
    context.options |= (
        ssl.OP_CIPHER_SERVER_PREFERENCE
        | ssl.OP_NO_RENEGOTIATION
        | ssl.OP_NO_COMPRESSION
        | ssl.OP_SINGLE_ECDH_USE
    )
    if client_authority is not None:
        try:
            context.load_verify_locations(cafile=str(client_authority))
        except (ssl.SSLError, OSError) as error:
            problem = CertificateProblem.UNREADABLE
            raise CertificateError(client_authority, problem, f"no authority of clients ({error})") from error
        context.verify_mode = ssl.CERT_OPTIONAL
    if service is Service.IMAP:
        # OfflineIMAP reads in one thread while another writes: a ticket that comes with its first command can stop both for good.
        context.num_tickets = 0  # TLS 1.3 only
    if service.protocols:
        context.set_alpn_protocols(list(service.protocols))
    files = certificate.files
    try:
        context.load_cert_chain(files.certificate, files.key, password=lambda: "")
    except (ssl.SSLError, OSError) as error:  # it changed since it was checked, or OpenSSL is stricter
        problem = CertificateProblem.MISMATCH if "MISMATCH" in str(error) else CertificateProblem.UNREADABLE
        raise CertificateError(files.certificate, problem, f"OpenSSL refuses it ({error})") from error


def _by_name(
    loaded: Sequence[tuple[Certificate, ssl.SSLContext]],
) -> dict[str, tuple[Certificate, ssl.SSLContext]]:
    """The first certificate that has a name is the one for it."""
    names: dict[str, tuple[Certificate, ssl.SSLContext]] = {}
    for certificate, context in loaded:
        for name in certificate.names:
            names.setdefault(name, (certificate, context))
    return names
