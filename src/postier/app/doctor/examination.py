"""The whole examination, part by part, in the order in which a person would look.

Not here: how it is shown (`cli.doctor`). Invariant: a part that can't be examined is a finding; the others are examined all the
same.
"""

import time

from postier.accounts.dkim_keys import DkimKey, domain_keys
from postier.accounts.domains import DomainInfo, list_domains
from postier.accounts.logos import Logo, logo_of
from postier.accounts.own_sts import own_sts_policies
from postier.accounts.publishing import records_of
from postier.accounts.unsigned_mail import UnsignedMail, unsigned_mail
from postier.app.doctor import storage
from postier.app.doctor.certificate import examine_certificate
from postier.app.doctor.clock import examine_clock
from postier.app.doctor.finding import Finding, State
from postier.app.doctor.issuer import examine_issuer
from postier.app.doctor.names import examine_domain, examine_host
from postier.app.doctor.ports import examine_ports
from postier.app.doctor.signing import examine_keys, examine_unsigned
from postier.app.doctor.sts import examine_sts
from postier.app.offered_services import services_of
from postier.app.resolving import resolver_of
from postier.app.settings import Settings
from postier.app.start_error import StartError
from postier.app.stores import open_store
from postier.dns.resolver import Resolver
from postier.mta.queue_figures import queue_figures
from postier.store.transaction import ReadTx, Store, StoreError
from postier.tls.https import HttpsSource

MAX_DOMAINS = 200  # whose DNS is asked for; more would take long


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything."""
    resolver = resolver_of(settings)
    return [
        *await examine_ports(settings),
        *await examine_host(settings.hostname, resolver),
        *examine_certificate(settings),
        *await examine_issuer(settings.oauth, resolver),
        *await _stored(settings, resolver),
        examine_clock(),
    ]


async def _stored(settings: Settings, resolver: Resolver) -> list[Finding]:
    try:
        store = await open_store(settings)
    except (StartError, StoreError) as error:
        return [_no_store(error)]
    try:
        return await _of_store(settings, store, resolver)
    except StoreError as error:
        return [_no_store(error)]
    finally:
        await store.close()


def _no_store(error: Exception) -> Finding:
    return Finding(storage.STORE, State.WRONG, str(error), "mend what it says; then: postier verify")


async def _of_store(settings: Settings, store: Store, resolver: Resolver) -> list[Finding]:
    now_us = time.time_ns() // 1000
    domains, keys, logos, alarms = await store.read_bulk(_directory)
    own = await store.read_bulk(own_sts_policies, settings.hostname)
    policies = {policy.domain: policy for policy in own}
    found = storage.examine_store(settings, domains)
    services = services_of(settings)
    for info in domains[:MAX_DOMAINS]:
        records = records_of(
            info.domain,
            settings.hostname,
            keys[info.domain],
            services,
            logos[info.domain],
            sts=policies.get(info.domain),
            now_us=now_us,
        )
        found.append(await examine_domain(info.domain, records, settings.hostname, resolver))
    for info in domains:
        found += examine_keys(info.domain, keys[info.domain], now_us)
    source = HttpsSource(resolver, allow_private_addresses=settings.delivery.allow_private_addresses)
    found += await examine_sts(own[:MAX_DOMAINS], resolver, source)
    found += examine_unsigned(alarms)
    found.append(storage.examine_queue(await store.read_bulk(queue_figures), now_us))
    return found


def _directory(
    tx: ReadTx,
) -> tuple[list[DomainInfo], dict[str, list[DkimKey]], dict[str, Logo | None], list[UnsignedMail]]:
    domains = list_domains(tx)
    keys = {info.domain: domain_keys(tx, info.domain) for info in domains}
    logos = {info.domain: logo_of(tx, info.domain) for info in domains}
    return domains, keys, logos, unsigned_mail(tx)
