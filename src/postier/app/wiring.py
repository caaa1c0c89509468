"""Builds the object graph of a worker from the settings; nothing else does.

Not here: what the objects do. `PROTOCOLS` says what serves a listener of each protocol; `FOUNDING` what
`postier init` does once the files are there. Invariant: a listener without an entry stops the start, it is never
left out in silence. It is over 400 lines long because the graph is built in one place.
"""

import fcntl
import os
import random
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial

from postier.accounts.directory import Directory
from postier.accounts.limiter import Limiter
from postier.accounts.login import Authenticator
from postier.accounts.own_sts import own_sts_policy
from postier.app.counting import Counting, read_along
from postier.app.founding import found_directory
from postier.app.indexer import Indexer
from postier.app.metrics_share import MetricsShare
from postier.app.reporter import Reporter, ReportSender, sender_of
from postier.app.resolving import resolver_of
from postier.app.settings import Listener, Protocol, Settings, TlsMode
from postier.app.sockets import by_listener
from postier.app.start_error import StartError
from postier.app.stores import open_store
from postier.app.sweeper import Sweeper
from postier.app.worker import Service, WorkerContext, run_services
from postier.dns.mx import RoutePolicy
from postier.mime.address import Address
from postier.mta.backoff import RetrySchedule
from postier.mta.deliver import Courier, Despatch
from postier.mta.queue_rows import Job
from postier.mta.receive import Intake, Reception
from postier.mta.reports.sightings import Sightings
from postier.mta.reports.tls_sightings import TlsWitness
from postier.mta.schedule import Pace, Scheduler
from postier.mta.sts_memory import StoredPolicies
from postier.mta.submit import Submission
from postier.mta.transport import Connections, Dialling
from postier.pop3.settings import SessionSettings as Pop3Settings
from postier.servers import listener as listening
from postier.servers.imap.conversation import ImapConversation
from postier.servers.imap.settings import ImapSettings
from postier.servers.imap.settings import Timeouts as ImapTimeouts
from postier.servers.logins import OFFERED_NAMES, Logins
from postier.servers.pop3.connection import Timeouts as Pop3Timeouts
from postier.servers.pop3.conversation import Pop3Conversation
from postier.servers.smtp import SmtpConversation, Timeouts, Visit
from postier.smtp.settings import Role, SessionSettings
from postier.store.transaction import Store
from postier.tls import server as tls_server
from postier.tls.certificates import CertificateError, CertificateFiles, self_signed
from postier.tls.https import HttpsSource
from postier.tls.server import ServerTls
from postier.tls.sts import StsPolicies
from postier.web.conversation import HttpConversation, Site
from postier.web.metrics import MetricsSite
from postier.web.policies import PolicySite

SECOND_US = 1_000_000
POP3_IDLE_TIMEOUT_S = 600  # RFC 1939 §3: at least 10 minutes; no longer, for the maildrop is locked meanwhile
_NODE_START = time.time_ns()  # this module is loaded before the workers are forked, so they share it

ProtocolFactory = Callable[["Graph", Listener, Sequence[socket.socket]], Service]
FoundingStep = Callable[[Settings, Address, str], Sequence[str]]

# Each is called with the settings, the first administrator's address and password, in this order, and gives lines to print.
FOUNDING: tuple[FoundingStep, ...] = (found_directory,)


class Graph:
    """The objects that a worker's services share."""

    def __init__(self, context: WorkerContext, store: Store) -> None:
        settings = context.settings
        self.context = context
        self.settings = settings
        self.store = store
        self.directory = Directory(store, hostname=settings.hostname)
        self.authenticator = Authenticator(store, Limiter(store, settings.limits.exempt_networks))
        self.resolver = resolver_of(settings)
        self.tally = Counting(context.metrics)
        read_along(context.metrics, store, self.resolver)
        self.certificates = _certificates(settings)
        self.random = random.Random()  # seeded by the system; names and jitter are no secrets
        owner = f"{settings.hostname}/{_NODE_START}/{context.number}"
        may_be_private = settings.delivery.allow_private_addresses
        policies = StsPolicies(
            self.resolver,
            HttpsSource(self.resolver, allow_private_addresses=may_be_private),
            memory=StoredPolicies(store),
        )
        self.sightings = Sightings(store, _now_us) if settings.reports.send else None
        dialling = Dialling(
            hostname=settings.hostname,
            port=settings.delivery.port,
            resolver=self.resolver,
            fetcher=policies,
            observer=None if self.sightings is None else TlsWitness(self.sightings),
        )
        despatch = Despatch(
            hostname=settings.hostname,
            store=store,
            directory=self.directory,
            resolver=self.resolver,
            routes=RoutePolicy(
                own_names=frozenset({settings.hostname}),
                allow_private_addresses=may_be_private,
            ),
            schedule=_schedule(settings),
            now_us=_now_us,
            random_bits=self.random.getrandbits,
            chance=self.random,
            lease_owner=owner,
            dispatch=self._dispatch,
            tally=self.tally,
        )
        self.scheduler = Scheduler(
            store, owner, lambda _: Courier(despatch, Connections(dialling)), _pace(settings), _now_us
        )
        # beside the listeners
        background = (duty(store, owner) for duty in (Sweeper, Indexer, Reporter))
        self.duties: list[Service] = [self.scheduler, *background]
        if self.sightings is not None:
            bits = self.random.getrandbits
            sender = sender_of(settings, store, self.directory, self.resolver, _now_us, bits)
            self.duties.append(ReportSender(store, owner, self.sightings, sender))
        self.metrics_share: MetricsShare | None = None
        self.trusted_sealers = set(settings.authentication.trusted_arc_sealers)
        self.spool_folder = spool_folder = settings.data / "spool"
        spool_folder.mkdir(mode=0o700, exist_ok=True)
        self.intake = Intake(
            hostname=settings.hostname,
            store=store,
            directory=self.directory,
            resolver=self.resolver,
            spool_folder=spool_folder,
            now_us=_now_us,
            random_bits=self.random.getrandbits,
            dispatch=self.scheduler.dispatch,
            lease_owner=owner,
            exempt_networks=settings.limits.exempt_networks,
            tally=self.tally,
            trusted_sealers=self.trusted_sealers,
            sightings=self.sightings,
        )
        context.on_reload(self._reload)

    def logins(self, protocol: Protocol) -> Logins:
        """The logins of a protocol."""
        return Logins(self.authenticator, protocol.value, self.tally)

    def tls(self, service: tls_server.Service, listener: Listener) -> ServerTls | None:
        """The TLS of a listener; its certificates are read again at each reload."""
        if listener.tls is TlsMode.NONE:
            return None
        try:
            tls = ServerTls(service, [self.certificates])
        except CertificateError as error:
            raise StartError(str(error)) from error
        self.context.on_reload(lambda _: _reload_tls(self.context, tls))
        return tls

    def _dispatch(self, jobs: Sequence[Job]) -> None:
        self.scheduler.dispatch(jobs)

    def close(self) -> None:
        """Let go of the store."""
        self.authenticator.close()
        self.directory.close()

    def _reload(self, settings: Settings) -> None:
        self.scheduler.pace = _pace(settings)
        self.trusted_sealers.clear()
        self.trusted_sealers.update(settings.authentication.trusted_arc_sealers)


def unserved(settings: Settings) -> tuple[Listener, ...]:
    """The listeners whose protocol nothing here serves."""
    return tuple(listener for listener in settings.listener if listener.protocol not in PROTOCOLS)


async def build_worker(context: WorkerContext) -> None:
    """The life of one worker."""
    for listener in unserved(context.settings):
        raise StartError(
            f"{listener.bind}: this build does not serve {listener.protocol.value}; remove the listener"
        )
    store = await open_store(context.settings)
    try:
        graph = Graph(context, store)
        try:
            listeners = [
                PROTOCOLS[listener.protocol](graph, listener, shared)
                for listener, shared in by_listener(context.sockets).items()
            ]
            await run_services(context, [*graph.duties, *listeners])
        finally:
            graph.close()
    finally:
        await store.close()


def _smtp(graph: Graph, listener: Listener, sockets: Sequence[socket.socket]) -> Service:
    return _smtp_listener(graph, listener, sockets, tls_server.Service.SMTP, Role.MX)


def _submission(graph: Graph, listener: Listener, sockets: Sequence[socket.socket]) -> Service:
    return _smtp_listener(graph, listener, sockets, tls_server.Service.SUBMISSION, Role.SUBMISSION)


def _smtp_listener(
    graph: Graph,
    listener: Listener,
    sockets: Sequence[socket.socket],
    service: tls_server.Service,
    role: Role,
) -> Service:
    visit: Callable[[], Visit] = partial(Reception if role is Role.MX else Submission, graph.intake)
    conversation = SmtpConversation(
        listener.protocol.value,
        _session_settings(graph.settings, listener, role),
        _timeouts(graph.settings),
        visit,
        graph.tls(service, listener),
        graph.logins(listener.protocol) if role is Role.SUBMISSION else None,
        graph.tally,
    )
    served = listening.Listener(sockets, conversation, _connection_limits(graph.settings), graph.tally)

    def reload(settings: Settings) -> None:
        conversation.settings = _session_settings(settings, listener, role)
        conversation.timeouts = _timeouts(settings)
        served.limits = _connection_limits(settings)

    graph.context.on_reload(reload)
    return served


def _imap(graph: Graph, listener: Listener, sockets: Sequence[socket.socket]) -> Service:
    conversation = ImapConversation(
        listener.protocol.value,
        _imap_settings(graph.settings, listener),
        graph.store,
        graph.logins(listener.protocol),
        graph.tls(tls_server.Service.IMAP, listener),
        graph.spool_folder,
    )
    served = listening.Listener(sockets, conversation, _connection_limits(graph.settings), graph.tally)

    def reload(settings: Settings) -> None:
        conversation.settings = _imap_settings(settings, listener)
        served.limits = _connection_limits(settings)

    graph.context.on_reload(reload)
    return served


def _pop3(graph: Graph, listener: Listener, sockets: Sequence[socket.socket]) -> Service:
    conversation = Pop3Conversation(
        listener.protocol.value,
        _pop3_settings(graph.settings, listener),
        _pop3_timeouts(graph.settings),
        graph.store,
        graph.logins(listener.protocol),
        graph.tls(tls_server.Service.POP3, listener),
    )
    served = listening.Listener(sockets, conversation, _connection_limits(graph.settings), graph.tally)

    def reload(settings: Settings) -> None:
        conversation.settings = _pop3_settings(settings, listener)
        conversation.timeouts = _pop3_timeouts(settings)
        served.limits = _connection_limits(settings)

    graph.context.on_reload(reload)
    return served


def _metrics(graph: Graph, listener: Listener, sockets: Sequence[socket.socket]) -> Service:
    share = graph.metrics_share
    if share is None:
        context = graph.context
        share = MetricsShare(context.metrics, graph.store, graph.settings.data / "run", context.number)
        graph.metrics_share = share
        graph.duties.append(share)
    return _http_listener(graph, listener, sockets, MetricsSite(share.page))


def _http(graph: Graph, listener: Listener, sockets: Sequence[socket.socket]) -> Service:
    async def text_of(domain: str) -> str | None:
        own = await graph.store.read(own_sts_policy, domain, graph.settings.hostname)
        return own.text if own is not None else None

    return _http_listener(graph, listener, sockets, PolicySite(text_of))


def _http_listener(graph: Graph, listener: Listener, sockets: Sequence[socket.socket], site: Site) -> Service:
    conversation = HttpConversation(
        listener.protocol.value,
        site,
        graph.tls(tls_server.Service.HTTP, listener),
        graph.settings.limits.handshake_timeout_s,
    )
    served = listening.Listener(sockets, conversation, _connection_limits(graph.settings), graph.tally)

    def reload(settings: Settings) -> None:
        conversation.handshake_s = settings.limits.handshake_timeout_s
        served.limits = _connection_limits(settings)

    graph.context.on_reload(reload)
    return served


PROTOCOLS: dict[Protocol, ProtocolFactory] = {
    Protocol.SMTP: _smtp,
    Protocol.SUBMISSION: _submission,
    Protocol.IMAP: _imap,
    Protocol.POP3: _pop3,
    Protocol.METRICS: _metrics,
    Protocol.HTTP: _http,
}


def _session_settings(settings: Settings, listener: Listener, role: Role) -> SessionSettings:
    is_submission = role is Role.SUBMISSION
    may_be_plain = settings.access.plaintext_login
    return SessionSettings(
        hostname=settings.hostname,
        role=role,
        is_tls_available=listener.tls is TlsMode.STARTTLS,
        is_tls_implicit=listener.tls is TlsMode.IMPLICIT,
        is_tls_required=is_submission and listener.tls is TlsMode.STARTTLS and not may_be_plain,
        auth_mechanisms=OFFERED_NAMES if is_submission else (),
        is_plaintext_login_allowed=may_be_plain,
        max_message_bytes=settings.limits.message_size,
        max_recipients=settings.limits.recipients,
        max_errors=settings.limits.errors,
    )


def _imap_settings(settings: Settings, listener: Listener) -> ImapSettings:
    limits = settings.limits
    return ImapSettings(
        hostname=settings.hostname,
        has_starttls=listener.tls is TlsMode.STARTTLS,
        is_tls_implicit=listener.tls is TlsMode.IMPLICIT,
        is_plaintext_login_allowed=settings.access.plaintext_login,
        message_bytes=limits.message_size,
        line_bytes=limits.line_size,
        max_errors=limits.errors,
        timeouts=ImapTimeouts(
            limits.handshake_timeout_s,
            limits.command_timeout_s,
            limits.idle_timeout_s,
            limits.data_timeout_s,
        ),
    )


def _pop3_settings(settings: Settings, listener: Listener) -> Pop3Settings:
    return Pop3Settings(
        hostname=settings.hostname,
        is_tls_available=listener.tls is TlsMode.STARTTLS,
        is_tls_implicit=listener.tls is TlsMode.IMPLICIT,
        is_plaintext_login_allowed=settings.access.plaintext_login,
        mechanisms=OFFERED_NAMES,
        max_errors=settings.limits.errors,
    )


def _pop3_timeouts(settings: Settings) -> Pop3Timeouts:
    limits = settings.limits
    return Pop3Timeouts(
        limits.handshake_timeout_s,
        limits.command_timeout_s,
        min(limits.idle_timeout_s, POP3_IDLE_TIMEOUT_S),
        limits.data_timeout_s,
    )


def _timeouts(settings: Settings) -> Timeouts:
    limits = settings.limits
    return Timeouts(limits.handshake_timeout_s, limits.command_timeout_s, limits.data_timeout_s)


def _connection_limits(settings: Settings) -> listening.ConnectionLimits:
    limits = settings.limits
    return listening.ConnectionLimits(limits.connections, limits.connections_per_ip, limits.exempt_networks)


def _pace(settings: Settings) -> Pace:
    return Pace(settings.delivery.concurrency, settings.delivery.destination_concurrency)


def _schedule(settings: Settings) -> RetrySchedule:
    delivery = settings.delivery
    return RetrySchedule(
        first_us=delivery.retry_first_s * SECOND_US,
        longest_us=delivery.retry_max_s * SECOND_US,
        lifetime_us=delivery.lifetime_s * SECOND_US,
        warn_after_us=(delivery.warn_after_s or delivery.lifetime_s) * SECOND_US,
    )


def _certificates(settings: Settings) -> CertificateFiles:
    """The configured certificate, or the self-signed one that stands in for it."""
    if settings.tls.certificate is not None and settings.tls.key is not None:
        return CertificateFiles(settings.tls.certificate, settings.tls.key)
    descriptor = os.open(settings.data / "tls.turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # the first worker makes it, the others find it
        return self_signed(settings.data, settings.hostname, time.time()).files
    finally:
        os.close(descriptor)


def _reload_tls(context: WorkerContext, tls: ServerTls) -> None:
    for problem in tls.reload().problems:
        context.log.error("certificate not reloaded", problem=str(problem))


def _now_us() -> int:
    return time.time_ns() // 1000
