"""The objects that a worker's services share, built from the settings.

Not here: the listeners that use them (`wiring`), what the objects do.
"""

import fcntl
import os
import random
import time
from collections.abc import Sequence

from postier.accounts.directory import Directory
from postier.accounts.limiter import Limiter
from postier.accounts.login import Authenticator
from postier.app.counting import Counting, read_along
from postier.app.event_runner import EventRunner
from postier.app.indexer import Indexer
from postier.app.issuer import issuer_of, told_of
from postier.app.logo_fetcher import LogoFetcher, roots_of
from postier.app.metrics_share import MetricsShare
from postier.app.reporter import Reporter, ReportSender, sender_of
from postier.app.resolving import resolver_of
from postier.app.settings import Listener, Protocol, Settings, TlsMode
from postier.app.start_error import StartError
from postier.app.sweeper import Sweeper
from postier.app.worker import Service, WorkerContext
from postier.dns.mx import RoutePolicy
from postier.mta.backoff import RetrySchedule
from postier.mta.deliver import Courier, Despatch
from postier.mta.logos.shelf import LogoShelf
from postier.mta.queue_rows import Job
from postier.mta.reports.sightings import Sightings
from postier.mta.reports.tls_sightings import TlsWitness
from postier.mta.schedule import Pace, Scheduler
from postier.mta.sieving.delivery import Sieving
from postier.mta.sieving.events import Events
from postier.mta.sieving.origin import Office
from postier.mta.sieving.shelf import Shelf
from postier.mta.sts_memory import StoredPolicies
from postier.mta.transport import Connections, Dialling
from postier.mta.visit import Intake
from postier.servers.logins import Logins
from postier.store.transaction import Store
from postier.tls import server as tls_server
from postier.tls.certificates import CertificateError, CertificateFiles, self_signed
from postier.tls.https import HttpsSource
from postier.tls.logos import LogoSource
from postier.tls.server import ServerTls
from postier.tls.sts import StsPolicies

SECOND_US = 1_000_000
_LOGIN_SERVICES = frozenset(
    {
        tls_server.Service.SUBMISSION,
        tls_server.Service.IMAP,
        tls_server.Service.POP3,
        tls_server.Service.MANAGESIEVE,
    }
)
_NODE_START = time.time_ns()  # this module is loaded before the workers are forked, so they share it


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
        self.shelf = Shelf(
            store,
            event_script=settings.sieve.event_script,
            global_folder=settings.sieve.global_scripts,
            list_folder=settings.sieve.lists,
        )
        office = Office(settings.hostname, self.directory, _now_us, self.random.getrandbits)
        self.sieving = Sieving(store, self.shelf, office, self.tally)
        self.events = Events(store, self.shelf, office, owner, self._dispatch, self.tally)
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
            sieving=self.sieving,
        )
        self.scheduler = Scheduler(
            store, owner, lambda _: Courier(despatch, Connections(dialling)), _pace(settings), _now_us
        )
        # beside the listeners
        background = (duty(store, owner) for duty in (Sweeper, Indexer, Reporter))
        events = EventRunner(store, owner, self.events, _now_us)
        self.duties: list[Service] = [self.scheduler, events, *background]
        if self.sightings is not None:
            bits = self.random.getrandbits
            sender = sender_of(settings, store, self.directory, self.resolver, _now_us, bits)
            self.duties.append(ReportSender(store, owner, self.sightings, sender))
        self.logos: LogoShelf | None = None
        if settings.bimi.check:
            self.logos = LogoShelf(store, _now_us, roots_of(settings))
            logo_source = LogoSource(self.resolver, allow_private_addresses=may_be_private)
            fetcher = LogoFetcher(store, self.logos, logo_source, _now_us)
            self.duties.append(fetcher)
            context.on_reload(fetcher.reload)
        self.issuer = issuer_of(settings.oauth, self.resolver)
        if self.issuer is not None:
            self.duties.append(self.issuer)
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
            logos=self.logos,
            sieving=self.sieving,
        )
        context.on_reload(self._reload)

    def logins(self, protocol: Protocol) -> Logins:
        """The logins of a protocol."""
        return Logins(
            self.authenticator,
            protocol.value,
            self.tally,
            tokens=self.issuer,
            told=told_of(self.settings.oauth),
        )

    def tls(self, service: tls_server.Service, listener: Listener) -> ServerTls | None:
        """The TLS of a listener; its certificates are read again at each reload."""
        if listener.tls is TlsMode.NONE:
            return None
        try:
            authority = self.settings.access.client_certificates if service in _LOGIN_SERVICES else None
            tls = ServerTls(service, [self.certificates], client_authority=authority)
        except CertificateError as error:
            raise StartError(str(error)) from error
        self.context.on_reload(lambda _: _reload_tls(self.context, tls))
        return tls

    def _dispatch(self, jobs: Sequence[Job]) -> None:
        self.scheduler.dispatch(jobs)

    def close(self) -> None:
        """Let go of the store."""
        self.authenticator.close()
        self.shelf.close()
        self.directory.close()

    def _reload(self, settings: Settings) -> None:
        self.scheduler.pace = _pace(settings)
        self.trusted_sealers.clear()
        self.trusted_sealers.update(settings.authentication.trusted_arc_sealers)


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
