"""The route to a domain: which hosts take its mail, in which order, at which addresses, or why none does.

Not here: dialling, TLS policy, smarthosts chosen by configuration (but `relay_hosts` resolves them). Sources: RFC
5321 §5.1 and §5.2, RFC 7505 (null MX), RFC 7672 §2.1.2. Invariants: the outcome is a value, never an exception;
hosts come in the order in which they are to be tried; if the route has no hosts its status says why, in terms of an
enhanced status code (RFC 3463), and whether trying later may help; mail never goes to an address that is not public
unless allowed (a domain could point its MX at our own network).
"""

import enum
import ipaddress
import random
from collections.abc import Sequence

import msgspec

from postier.dns.ask import Answering
from postier.dns.ranges import is_public
from postier.mailauth.questions import AddressQuestion, Answer, Mx, MxQuestion, Status

MAX_HOSTS = 16  # MX hosts considered for one domain (RFC 5321 §5.1 allows a limit)
MAX_ADDRESSES = 8  # addresses of one host
_NULL = {"", "."}


class RouteStatus(enum.Enum):
    """Whether mail can go, and if not, why."""

    FOUND = "found"
    NULL_MX = "null-mx"  # the domain says that it takes no mail
    NO_DOMAIN = "no-domain"  # NXDOMAIN
    NO_HOST = "no-host"  # no MX is usable: their names have no address
    NOT_PUBLIC = "not-public"  # every address is private, loopback or otherwise not of the Internet
    LOOP = "loop"  # we are ourselves the best MX
    UNKNOWN = "unknown"  # DNS does not answer now


class MailHost(msgspec.Struct, frozen=True):
    """A host to try. `is_authenticated`: DNSSEC vouches for its addresses (RFC 7672 §2.2.2)."""

    name: str
    addresses: tuple[str, ...]
    preference: int = 0
    is_authenticated: bool = False
    status: RouteStatus = RouteStatus.FOUND

    @property
    def is_literal(self) -> bool:
        """Whether the name is an address literal such as `[192.0.2.1]`."""
        return self.name.startswith("[")


class DroppedHost(msgspec.Struct, frozen=True):
    """A host that is not tried, and why in words."""

    name: str
    status: RouteStatus
    why: str


class MailRoute(msgspec.Struct, frozen=True):
    """The hosts in order, or none and the reason.

    `is_implicit`: the domain has no MX and is its own host. `is_authenticated`: DNSSEC vouches for the MX records (or,
    if implicit, for their absence). `code` is the enhanced status of a failed route, `reply_code` its SMTP code.
    """

    domain: str
    status: RouteStatus
    hosts: tuple[MailHost, ...] = ()
    dropped: tuple[DroppedHost, ...] = ()
    is_implicit: bool = False
    is_authenticated: bool = False
    why: str = ""

    @property
    def is_temporary(self) -> bool:
        """Whether trying later may help."""
        return self.status is RouteStatus.UNKNOWN

    @property
    def code(self) -> str:
        """The enhanced status code (RFC 3463, RFC 7505 §4.1); "" if there is a route."""
        return _CODES[self.status][0]

    @property
    def reply_code(self) -> int:
        """The SMTP reply code that goes with `code`; 0 if there is a route."""
        return _CODES[self.status][1]


_CODES = {
    RouteStatus.FOUND: ("", 0),
    RouteStatus.NULL_MX: ("5.1.10", 556),  # RFC 7505 §4.1
    RouteStatus.NO_DOMAIN: ("5.1.2", 550),
    RouteStatus.NO_HOST: ("5.4.4", 550),
    RouteStatus.NOT_PUBLIC: ("5.4.4", 550),
    RouteStatus.LOOP: ("5.4.6", 554),
    RouteStatus.UNKNOWN: ("4.4.3", 451),
}


class RoutePolicy(msgspec.Struct, frozen=True):
    """What the operator says about routes.

    `own_names` and `own_addresses` are what we are known by (RFC 5321 §5.1: no loop by MX). `families` is the order in
    which address families are tried; a family left out is not asked for.
    """

    own_names: frozenset[str] = frozenset()
    own_addresses: frozenset[str] = frozenset()
    allow_private_addresses: bool = False
    families: tuple[int, ...] = (6, 4)


DEFAULT_POLICY = RoutePolicy()


async def mail_hosts(
    domain: str, resolver: Answering, chance: random.Random, policy: RoutePolicy = DEFAULT_POLICY
) -> MailRoute:
    """The route to `domain` (A-labels, or an address literal). `chance` orders hosts of equal preference."""
    domain = domain.lower().removesuffix(".")
    if domain.startswith("["):
        return _literal(domain, policy)
    answer = await resolver.query(MxQuestion(domain))
    if answer.is_error:  # RFC 7672 §2.1.2: delivery is delayed
        return _failed(
            domain, RouteStatus.UNKNOWN, f"the MX look-up of {domain} failed ({answer.status.value})"
        )
    if answer.status is Status.NXDOMAIN:
        return _failed(domain, RouteStatus.NO_DOMAIN, f"the domain {domain} does not exist")
    if not answer.records:  # RFC 5321 §5.1: the implicit MX
        return await _route(domain, (Mx(0, domain),), answer, resolver, policy)
    records = [record for record in answer.records if record.exchange not in _NULL]
    if not records:  # RFC 7505 §3
        return _failed(domain, RouteStatus.NULL_MX, f"the domain {domain} takes no mail (null MX)", answer)
    return await _route(domain, _ordered(records, chance), answer, resolver, policy)


async def relay_hosts(name: str, resolver: Answering, policy: RoutePolicy = DEFAULT_POLICY) -> MailRoute:
    """The route to a host named by configuration (a smarthost): its addresses, without MX."""
    name = name.lower().removesuffix(".")
    if name.startswith("["):
        return _literal(name, policy)
    return await _route(name, (Mx(0, name),), Answer(status=Status.NODATA), resolver, policy)


def _ordered(records: Sequence[Mx], chance: random.Random) -> tuple[Mx, ...]:
    """By preference, at random among equals (RFC 5321 §5.1); each host once, at its best preference."""
    shuffled = list(records)
    chance.shuffle(shuffled)
    best: dict[str, Mx] = {}
    for record in sorted(shuffled, key=lambda record: record.preference):
        best.setdefault(record.exchange, record)
    return tuple(best.values())


async def _route(
    domain: str, records: tuple[Mx, ...], mx: Answer, resolver: Answering, policy: RoutePolicy
) -> MailRoute:
    """Find the addresses of all hosts at once, then drop what must not be tried."""
    dropped: list[DroppedHost] = []
    named = [record.preference for record in records if record.exchange in policy.own_names]
    records = _before(records, named, dropped, "an MX at least as good has our own name")
    answers = await resolver.query_all(
        AddressQuestion(record.exchange, 4 if family == 4 else 6)
        for record in records
        for family in policy.families
    )
    width = len(policy.families)
    found = {
        record: _host(record, answers[at * width : (at + 1) * width], policy)
        for at, record in enumerate(records)
    }
    ours = [record.preference for record, host in found.items() if host.status is RouteStatus.LOOP]
    kept = _before(records, ours, dropped, "an MX at least as good has an address of ours")
    hosts = tuple(host for record in kept if isinstance(host := found[record], MailHost))
    dropped += [host for record in kept if isinstance(host := found[record], DroppedHost)]
    status, why = (RouteStatus.FOUND, "") if hosts else _verdict(dropped)
    return MailRoute(domain, status, hosts, tuple(dropped), not mx.records, mx.authenticated, why)


def _before(
    records: tuple[Mx, ...], own: Sequence[int], dropped: list[DroppedHost], why: str
) -> tuple[Mx, ...]:
    """What is better than our own best preference; the rest is dropped (RFC 5321 §5.1)."""
    if not own:
        return records[:MAX_HOSTS]
    limit = min(own)
    dropped += [
        DroppedHost(record.exchange, RouteStatus.LOOP, why)
        for record in records[:MAX_HOSTS]
        if record.preference >= limit
    ]
    return tuple(record for record in records if record.preference < limit)[:MAX_HOSTS]


def _host(record: Mx, answers: Sequence[Answer], policy: RoutePolicy) -> MailHost | DroppedHost:
    """The host with the addresses that may be dialled."""
    name = record.exchange
    lists = [[str(address) for address in answer.records] for answer in answers]
    found = [address for rank in range(MAX_ADDRESSES) for some in lists for address in some[rank : rank + 1]]
    if not found:
        if any(answer.is_error for answer in answers):  # RFC 7672 §2.1.2: other hosts may be tried
            return DroppedHost(name, RouteStatus.UNKNOWN, "its address look-up failed")
        return DroppedHost(name, RouteStatus.NO_HOST, "it has no address")
    if not policy.own_addresses.isdisjoint(found):
        return DroppedHost(name, RouteStatus.LOOP, "it has an address of ours")
    allowed = [address for address in found if policy.allow_private_addresses or is_public(address)]
    if not allowed:
        return DroppedHost(name, RouteStatus.NOT_PUBLIC, f"its address {found[0]} is not public")
    secure = all(answer.authenticated for answer in answers if not answer.is_error)
    return MailHost(name, tuple(allowed[:MAX_ADDRESSES]), record.preference, secure)


def _verdict(dropped: Sequence[DroppedHost]) -> tuple[RouteStatus, str]:
    """Why no host is left: what may pass comes before what will not."""
    for status in (RouteStatus.UNKNOWN, RouteStatus.LOOP, RouteStatus.NOT_PUBLIC):
        for one in dropped:
            if one.status is status:
                return status, f"{one.name}: {one.why}"
    return RouteStatus.NO_HOST, "; ".join(f"{one.name}: {one.why}" for one in dropped[:3])


def _literal(domain: str, policy: RoutePolicy) -> MailRoute:
    """The route to an address literal (RFC 5321 §4.1.3): that address, without any look-up."""
    text = domain[1:-1].removeprefix("ipv6:") if domain.endswith("]") else ""
    try:
        address = str(ipaddress.ip_address(text))
    except ValueError:
        return _failed(domain, RouteStatus.NO_DOMAIN, f"{domain} is not an address")
    if address in policy.own_addresses:
        return _failed(domain, RouteStatus.LOOP, f"{domain} is an address of ours")
    if not policy.allow_private_addresses and not is_public(address):
        return _failed(domain, RouteStatus.NOT_PUBLIC, f"the address {address} is not public")
    return MailRoute(domain, RouteStatus.FOUND, (MailHost(domain, (address,)),), is_implicit=True)


def _failed(domain: str, status: RouteStatus, why: str, mx: Answer | None = None) -> MailRoute:
    return MailRoute(domain, status, why=why, is_authenticated=mx.authenticated if mx is not None else False)
