"""What the owner of a domain publishes in DNS so that mail comes, is believed, and clients find the server.

Not here: asking DNS whether it is published. Sources: RFC 5321 §5 (MX), RFC 7208 (SPF), RFC 6376 §3.6 (DKIM), RFC 9989
(DMARC), RFC 8460 §3 (TLS reports), draft-brand-indicators-for-message-identification-10 (BIMI), RFC 6186 and RFC 8314 §5.1 (SRV). Invariant: only what this server does today is
named; a service without a listener has no record.
"""

import datetime as dt
from collections.abc import Sequence
from enum import Enum
from typing import assert_never

import msgspec

from postier.accounts.dkim_keys import DkimKey, KeyState, record_text
from postier.accounts.dkim_stages import is_over, kept_until
from postier.accounts.logos import Logo
from postier.accounts.names import POSTMASTER
from postier.accounts.own_sts import OwnPolicy
from postier.mailauth.dkim import zone_text
from postier.mailauth.names import is_within

MX_PREFERENCE = 10


class Need(Enum):
    """How much a record is needed now."""

    NOW = "now"  # something does not work without it
    SOON = "soon"  # nothing depends on it yet
    NO_LONGER = "no longer"  # it may go, or stay as it is


class DnsRecord(msgspec.Struct, frozen=True):
    """One record: names without the final dot, `data` as the record's own text (TXT unquoted); why it is wanted."""

    name: str
    type: str
    data: str
    purpose: str
    need: Need = Need.NOW


class Service(msgspec.Struct, frozen=True):
    """A service that clients look for: its SRV name (RFC 6186: `submission`, `imaps`) and port."""

    name: str
    port: int


def records_of(
    domain: str,
    hostname: str,
    keys: Sequence[DkimKey],
    services: Sequence[Service],
    logo: Logo | None = None,
    *,
    sts: OwnPolicy | None = None,
    now_us: int = 0,
) -> list[DnsRecord]:
    """Everything to publish for the domain, in the order in which it matters; at `now_us` as for old keys."""
    postmaster = f"mailto:{POSTMASTER}@{domain}"
    records = [
        DnsRecord(domain, "MX", f"{MX_PREFERENCE} {hostname}.", "other servers deliver here"),
        DnsRecord(domain, "TXT", "v=spf1 mx -all", "SPF: only this server sends for the domain"),
    ]
    records += [key_record(key, now_us) for key in keys]
    records += [
        DnsRecord(
            f"_dmarc.{domain}",
            "TXT",
            f"v=DMARC1; p=quarantine; rua={postmaster}; ruf={postmaster}",
            "DMARC: what others do with mail that is not from here",
        ),
        _tls_reports(domain),
    ]
    if hostname != domain and is_within(
        hostname, domain
    ):  # RFC 7208 §2.4, §10.1.3: for the null reverse-path
        purpose = "SPF: bounces have no sender, so receivers check this name"
        records.append(DnsRecord(hostname, "TXT", "v=spf1 a -all", purpose, Need.SOON))
    records += sts_records(sts)[:-1] if sts is not None else []
    if logo is not None:
        records.append(
            DnsRecord(f"default._bimi.{domain}", "TXT", logo.record_text, "BIMI: the logo others may show")
        )
    records += [
        DnsRecord(
            f"_{service.name}._tcp.{domain}",
            "SRV",
            f"0 1 {service.port} {hostname}.",
            "mail programs find the server",
        )
        for service in services
    ]
    return records


def sts_records(own: OwnPolicy) -> list[DnsRecord]:
    """What announces an MTA-STS policy, where it is served, and where failures are reported (RFC 8461 §3, RFC 8460 §3)."""
    name, text = own.record
    return [
        DnsRecord(name, "TXT", text, f"MTA-STS: senders find the policy ({own.mode})"),
        DnsRecord(
            f"mta-sts.{own.domain}", "CNAME", f"{own.hostname}.", "MTA-STS: the policy is served there"
        ),
        _tls_reports(own.domain),
    ]


def _tls_reports(domain: str) -> DnsRecord:
    to = f"mailto:{POSTMASTER}@{domain}"
    return DnsRecord(f"_smtp._tls.{domain}", "TXT", f"v=TLSRPTv1; rua={to}", "reports of failed TLS")


def key_record(key: DkimKey, now_us: int = 0) -> DnsRecord:
    """The record of a key in its stage."""
    what = f"DKIM: the {key.algorithm} key that"
    match key.state:
        case KeyState.PUBLISHED:
            purpose, need = f"{what} will sign once it is activated", Need.SOON
        case KeyState.ACTIVE:
            purpose, need = f"{what} signs", Need.NOW
        case KeyState.RETIRED if is_over(key, now_us):  # RFC 6376 §3.6.1: an empty p= revokes
            revoked = f"v=DKIM1; k={key.algorithm}; p="
            return DnsRecord(key.record_name, "TXT", revoked, f"{what} signed once, revoked", Need.NO_LONGER)
        case KeyState.RETIRED:
            until = dt.datetime.fromtimestamp(kept_until(key) // 1_000_000, dt.UTC)
            purpose, need = f"{what} signed before; keep it until {until:%Y-%m-%d}", Need.NOW
        case _:
            assert_never(key.state)
    return DnsRecord(key.record_name, "TXT", record_text(key), purpose, need)


def zone_lines(records: Sequence[DnsRecord], hostname: str) -> list[str]:
    """The records as lines of a zone file, RFC 1035 §5.1; the host's addresses, which it can't know, as a comment."""
    return [
        f"; {hostname}. needs A and AAAA records with the public addresses of this server, and PTR records back",
        *zone_lines_of(records),
    ]


def zone_lines_of(records: Sequence[DnsRecord]) -> list[str]:
    """The records alone as lines of a zone file."""
    return [
        f"{record.name}. IN {record.type} {zone_text(record.data) if record.type == 'TXT' else record.data}"
        for record in records
    ]
