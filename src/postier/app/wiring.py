"""Binds the listeners of a worker to the objects they share, and runs them.

Not here: those objects (`graph`), what they do. `PROTOCOLS` says what serves a listener of each protocol; `FOUNDING` what
`postier init` does once the files are there. Invariant: a listener without an entry stops the start, it is never
left out in silence.
"""

import socket
from collections.abc import Callable, Sequence
from functools import partial

from postier.accounts.own_sts import own_sts_policy
from postier.app.founding import found_directory
from postier.app.graph import Graph
from postier.app.metrics_share import MetricsShare
from postier.app.settings import Listener, Protocol, Settings, TlsMode
from postier.app.sockets import by_listener
from postier.app.start_error import StartError
from postier.app.stores import open_store
from postier.app.worker import Service, WorkerContext, run_services
from postier.managesieve.settings import SessionSettings as ManageSieveSettings
from postier.mime.address import Address
from postier.mta.receive import Reception
from postier.mta.submit import Submission
from postier.pop3.settings import SessionSettings as Pop3Settings
from postier.servers import listener as listening
from postier.servers.imap.conversation import ImapConversation
from postier.servers.imap.settings import ImapSettings
from postier.servers.imap.settings import Timeouts as ImapTimeouts
from postier.servers.logins import OFFERED_NAMES
from postier.servers.managesieve import ManageSieveConversation
from postier.servers.managesieve import Timeouts as ManageSieveTimeouts
from postier.servers.pop3.connection import Timeouts as Pop3Timeouts
from postier.servers.pop3.conversation import Pop3Conversation
from postier.servers.sieve_checker import SieveChecker
from postier.servers.smtp import SmtpConversation, Timeouts, Visit
from postier.sieve.limits import LIMITS
from postier.sieve.script import capabilities
from postier.smtp.settings import Role, SessionSettings
from postier.tls import server as tls_server
from postier.web.conversation import HttpConversation, Site
from postier.web.metrics import MetricsSite
from postier.web.policies import PolicySite

MANAGESIEVE_PORT = 4190  # RFC 5804 §1.8
MANAGESIEVE_IDLE_TIMEOUT_S = 1_800  # RFC 5804 §1.2: at least 30 minutes
POP3_IDLE_TIMEOUT_S = 600  # RFC 1939 §3: at least 10 minutes; no longer, for the maildrop is locked meanwhile

ProtocolFactory = Callable[[Graph, Listener, Sequence[socket.socket]], Service]
FoundingStep = Callable[[Settings, Address, str], Sequence[str]]

# Each is called with the settings, the first administrator's address and password, in this order, and gives lines to print.
FOUNDING: tuple[FoundingStep, ...] = (found_directory,)


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

    def renew(settings: Settings) -> None:
        conversation.settings = _session_settings(settings, listener, role)
        conversation.timeouts = _timeouts(settings)

    return _served(graph, sockets, conversation, renew)


def _imap(graph: Graph, listener: Listener, sockets: Sequence[socket.socket]) -> Service:
    conversation = ImapConversation(
        listener.protocol.value,
        _imap_settings(graph, graph.settings, listener),
        graph.store,
        graph.logins(listener.protocol),
        graph.tls(tls_server.Service.IMAP, listener),
        graph.spool_folder,
        events=graph.events,
    )

    def renew(settings: Settings) -> None:
        conversation.settings = _imap_settings(graph, settings, listener)

    return _served(graph, sockets, conversation, renew)


def _pop3(graph: Graph, listener: Listener, sockets: Sequence[socket.socket]) -> Service:
    conversation = Pop3Conversation(
        listener.protocol.value,
        _pop3_settings(graph.settings, listener),
        _pop3_timeouts(graph.settings),
        graph.store,
        graph.logins(listener.protocol),
        graph.tls(tls_server.Service.POP3, listener),
    )

    def renew(settings: Settings) -> None:
        conversation.settings = _pop3_settings(settings, listener)
        conversation.timeouts = _pop3_timeouts(settings)

    return _served(graph, sockets, conversation, renew)


def _managesieve(graph: Graph, listener: Listener, sockets: Sequence[socket.socket]) -> Service:
    conversation = ManageSieveConversation(
        listener.protocol.value,
        _managesieve_settings(graph.settings, listener),
        _managesieve_timeouts(graph.settings),
        graph.store,
        graph.logins(listener.protocol),
        SieveChecker(),
        graph.tls(tls_server.Service.MANAGESIEVE, listener),
    )

    def renew(settings: Settings) -> None:
        conversation.settings = _managesieve_settings(settings, listener)
        conversation.timeouts = _managesieve_timeouts(settings)

    return _served(graph, sockets, conversation, renew)


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

    def renew(settings: Settings) -> None:
        conversation.handshake_s = settings.limits.handshake_timeout_s

    return _served(graph, sockets, conversation, renew)


def _served(
    graph: Graph,
    sockets: Sequence[socket.socket],
    conversation: listening.Conversation,
    renew: Callable[[Settings], None],
) -> Service:
    """A listener that follows a reload; `renew` gives the conversation what it takes from the settings."""
    served = listening.Listener(sockets, conversation, _connection_limits(graph.settings), graph.tally)

    def reload(settings: Settings) -> None:
        renew(settings)
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
    Protocol.MANAGESIEVE: _managesieve,
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
        offers_dsn=True,
        offers_deliverby=True,
        max_message_bytes=settings.limits.message_size,
        max_recipients=settings.limits.recipients,
        max_errors=settings.limits.errors,
    )


def sieve_url(context: WorkerContext) -> str:
    """Where this node speaks ManageSieve; "" if it does not (RFC 5804 §3: such a URL means STARTTLS or none)."""
    ports = [
        each.endpoint.port
        for each in context.sockets
        if each.listener.protocol is Protocol.MANAGESIEVE and each.listener.tls is not TlsMode.IMPLICIT
    ]
    if not ports:
        return ""
    host = context.settings.hostname
    return f"sieve://{host}" if MANAGESIEVE_PORT in ports else f"sieve://{host}:{ports[0]}"


def _imap_settings(graph: Graph, settings: Settings, listener: Listener) -> ImapSettings:
    limits = settings.limits
    return ImapSettings(
        hostname=settings.hostname,
        has_starttls=listener.tls is TlsMode.STARTTLS,
        is_tls_implicit=listener.tls is TlsMode.IMPLICIT,
        is_plaintext_login_allowed=settings.access.plaintext_login,
        offers_unauthenticate=settings.access.unauthenticate,
        submission_entities=frozenset(settings.access.submission_entities),
        sieve_url=sieve_url(graph.context),
        message_bytes=limits.message_size,
        line_bytes=limits.line_size,
        has_raw_headers=settings.imap.raw_headers,
        message_limit=settings.imap.message_limit,
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


def _managesieve_settings(settings: Settings, listener: Listener) -> ManageSieveSettings:
    return ManageSieveSettings(
        hostname=settings.hostname,
        extensions=capabilities(),
        max_redirects=LIMITS.redirects,
        notify_methods=("mailto",),
        list_schemes=("urn",) if settings.sieve.lists is None else ("urn", "tag"),
        max_script_octets=LIMITS.script_octets,
        is_tls_available=listener.tls is TlsMode.STARTTLS,
        is_tls_implicit=listener.tls is TlsMode.IMPLICIT,
        is_plaintext_login_allowed=settings.access.plaintext_login,
        mechanisms=OFFERED_NAMES,
        max_errors=settings.limits.errors,
    )


def _managesieve_timeouts(settings: Settings) -> ManageSieveTimeouts:
    limits = settings.limits
    idle_s = max(limits.idle_timeout_s, MANAGESIEVE_IDLE_TIMEOUT_S)
    return ManageSieveTimeouts(limits.handshake_timeout_s, limits.command_timeout_s, idle_s)


def _timeouts(settings: Settings) -> Timeouts:
    limits = settings.limits
    return Timeouts(limits.handshake_timeout_s, limits.command_timeout_s, limits.data_timeout_s)


def _connection_limits(settings: Settings) -> listening.ConnectionLimits:
    limits = settings.limits
    return listening.ConnectionLimits(limits.connections, limits.connections_per_ip, limits.exempt_networks)
