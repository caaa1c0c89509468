"""The one TLS policy for one host of one destination, and nothing else decides it.

The order is DANE, then MTA-STS, then opportunistic; the operator's `minimum` and REQUIRETLS can only raise it. Not
here: dialling and STARTTLS, the check of the peer's certificate (`peer`), the fetching of MTA-STS policies
(`mta_sts`). Sources: RFC 7672 §2, RFC 8461 §3 to §5, RFC 8689 §4.2.1, RFC 7435. Invariants: a failure on the way to a
policy (TLSA look-up, MX not in an enforced policy) makes the host unusable for now, never less protected; MTA-STS never
replaces a DANE policy (RFC 8461 §2); a policy is a value and can be recorded with the attempt.
"""

import enum
from typing import Protocol

import msgspec

from postier.dns.ask import Answering
from postier.dns.mx import MailHost, MailRoute
from postier.mailauth import dane, mta_sts
from postier.mailauth.dane import Tlsa
from postier.mailauth.questions import AddressQuestion, MxQuestion, TlsaQuestion

NOT_VOUCHED_FOR = "5.7.10"  # RFC 8689 §4.2.1: REQUIRETLS, and nothing vouches for the MX


class TlsLevel(enum.Enum):
    """What a connection must have before mail goes over it."""

    NONE = "none"  # TLS is switched off for this destination
    OPPORTUNISTIC = "opportunistic"  # TLS if there is any, else plaintext
    ENCRYPTED = "encrypted"  # TLS, whatever the certificate
    REQUIRED = "required"  # TLS with a certificate that the WebPKI vouches for
    MTA_STS = "mta-sts"  # the same, because the domain says so
    DANE = "dane"  # TLS with a certificate that the domain's DNS vouches for


class TlsResult(enum.Enum):
    """Why TLS failed, in the words of a TLS report (RFC 8460 §4.3)."""

    STARTTLS_NOT_SUPPORTED = "starttls-not-supported"
    CERTIFICATE_HOST_MISMATCH = "certificate-host-mismatch"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NOT_TRUSTED = "certificate-not-trusted"
    VALIDATION_FAILURE = "validation-failure"
    TLSA_INVALID = "tlsa-invalid"
    DNSSEC_INVALID = "dnssec-invalid"
    DANE_REQUIRED = "dane-required"
    STS_POLICY_FETCH_ERROR = "sts-policy-fetch-error"
    STS_POLICY_INVALID = "sts-policy-invalid"
    STS_WEBPKI_INVALID = "sts-webpki-invalid"


class StsProblem(msgspec.Struct, frozen=True):
    """Why the announced policy could not be had: for the TLS report and the operator. `at_s` is Unix time."""

    result: TlsResult
    why: str
    at_s: float = 0.0
    identifier: str = ""  # of the announcement


class PolicyFetcher(Protocol):
    """Where MTA-STS policies come from: the cache, DNS and HTTPS behind one call (`sts.StsPolicies` is one)."""

    async def policy(self, domain: str) -> mta_sts.Policy | StsProblem | None:
        """The policy in force for the domain; without one, why the announced one can't be had, None if there is no
        announcement. Never raises for a fact of the network.
        """
        ...


class TlsPolicy(msgspec.Struct, frozen=True):
    """How to talk to `host`.

    `server_name` is the SNI and the name that PKIX checks; `names` are the reference identifiers of DANE-TA; `tlsa` are the
    usable records. `sts` is the policy of the domain, also in testing mode, where a failure is only reported. `complaint` is
    what a TLS report has to tell whatever comes of the connection. `is_probed`: the certificate is checked though nothing
    depends on it. `why` is the sentence for the trace.
    """

    level: TlsLevel
    host: str
    server_name: str | None = None
    names: tuple[str, ...] = ()
    tlsa: tuple[Tlsa, ...] = ()
    sts: mta_sts.Policy | None = None
    why: str = ""
    complaint: StsProblem | None = None
    is_probed: bool = False

    @property
    def is_testing(self) -> bool:
        """Whether a certificate that is not as MTA-STS wants it is only reported (RFC 8461 §5)."""
        is_lenient = self.level in {TlsLevel.OPPORTUNISTIC, TlsLevel.ENCRYPTED} and not self.tlsa
        return is_lenient and self.sts is not None and self.sts.mode is mta_sts.Mode.TESTING

    @property
    def is_mandatory(self) -> bool:
        """Whether plaintext is out of the question."""
        return self.level not in {TlsLevel.NONE, TlsLevel.OPPORTUNISTIC}

    @property
    def is_authenticated(self) -> bool:
        """Whether the peer has to prove who it is."""
        return self.level in {TlsLevel.REQUIRED, TlsLevel.MTA_STS, TlsLevel.DANE}


class TlsUnusable(msgspec.Struct, frozen=True):
    """The host must not be used now: the next one is tried, or delivery waits. `code` is the enhanced status, `sts` the policy
    that is not met.
    """

    host: str
    result: TlsResult
    why: str
    code: str = "4.7.5"
    sts: mta_sts.Policy | None = None

    @property
    def is_demanded(self) -> bool:
        """Whether the letter asks for more than the domain has (RFC 8689): no failure of the domain's own."""
        return self.code == NOT_VOUCHED_FOR


class TlsDemand(msgspec.Struct, frozen=True):
    """What is asked beyond what the domain publishes.

    `minimum` is the operator's floor for the destination (DANE there means: only with DANE); NONE switches TLS off and
    overrides all. `require_tls`: the message carries REQUIRETLS (RFC 8689), or if
    `is_tls_optional` the field `TLS-Required: No`. `port` is the one dialled.
    """

    minimum: TlsLevel = TlsLevel.OPPORTUNISTIC
    require_tls: bool = False
    is_tls_optional: bool = False
    port: int = 25


DEFAULT_DEMAND = TlsDemand()


async def destination_policy(
    route: MailRoute,
    host: MailHost,
    resolver: Answering,
    *,
    fetcher: PolicyFetcher | None = None,
    demand: TlsDemand = DEFAULT_DEMAND,
) -> TlsPolicy | TlsUnusable:
    """The policy for `host` of `route`, or why it must not be used. Never raises for a fact of the network."""
    if demand.minimum is TlsLevel.NONE:
        return TlsPolicy(TlsLevel.NONE, host.name, why="TLS is switched off for this destination")
    if host.is_literal:  # RFC 7672 §2.2, RFC 8461 §3.4: neither applies to address literals
        policy: TlsPolicy | TlsUnusable = TlsPolicy(
            TlsLevel.OPPORTUNISTIC, host.name, why="an address literal"
        )
    else:
        policy = await _published(route, host, resolver, fetcher, demand.port)
    if demand.is_tls_optional and (isinstance(policy, TlsUnusable) or policy.is_mandatory):
        why = (
            f"TLS-Required: No; {policy.why}"  # RFC 8689 §4.2.2: the policy is tried, a failure is no failure
        )
        policy = TlsPolicy(TlsLevel.OPPORTUNISTIC, host.name, host.name, (host.name,), why=why)
    return policy if isinstance(policy, TlsUnusable) else _raised(policy, route, demand)


async def _published(
    route: MailRoute, host: MailHost, resolver: Answering, fetcher: PolicyFetcher | None, port: int
) -> TlsPolicy | TlsUnusable:
    """What the domain and the host ask for: DANE, then MTA-STS, then nothing in particular."""
    signed = await _dane_policy(route, host, resolver, port)
    if isinstance(signed, TlsUnusable) or (signed is not None and route.is_authenticated):
        return signed  # RFC 8461 §2: MTA-STS never overrides DANE
    found = await fetcher.policy(route.domain) if fetcher is not None else None
    sts, complaint = (None, found) if isinstance(found, StsProblem) else (found, None)
    enforced = sts is not None and sts.mode is mta_sts.Mode.ENFORCE
    if sts is not None and sts.mode is not mta_sts.Mode.NONE and not sts.allows(host.name):  # RFC 8461 §5
        why = f"{host.name} is not in the MTA-STS policy of {route.domain} ({', '.join(sts.patterns)})"
        if enforced:
            return TlsUnusable(host.name, TlsResult.VALIDATION_FAILURE, why, sts=sts)
        complaint = StsProblem(TlsResult.VALIDATION_FAILURE, why)
    if signed is not None and (signed.level is TlsLevel.DANE or not enforced):
        # the MX records are not signed, but the host's TLSA records are: both must agree to the host
        return msgspec.structs.replace(signed, sts=sts)
    level, why = TlsLevel.OPPORTUNISTIC, "no policy is published"
    if sts is not None and enforced:
        level, why = TlsLevel.MTA_STS, f"{route.domain} enforces MTA-STS"
    elif sts is not None and sts.mode is mta_sts.Mode.TESTING:
        why = f"{route.domain} tests MTA-STS"
    elif complaint is not None:
        why = f"the MTA-STS policy of {route.domain} cannot be had: {complaint.why}"
    return TlsPolicy(level, host.name, host.name, (host.name,), sts=sts, why=why, complaint=complaint)


async def _dane_policy(
    route: MailRoute, host: MailHost, resolver: Answering, port: int
) -> TlsPolicy | TlsUnusable | None:
    """RFC 7672 §2.2: the policy of secure TLSA records, a failure to look them up, or None where DANE does not apply."""
    if not host.is_authenticated:
        # RFC 7672 §2.2.2: no search, since servers of unsigned zones fail TLSA queries
        # RFC 7672 §2.2.2 todo: a signed alias to an unsigned host needs a CNAME query of its own
        return None
    family = 6 if ":" in host.addresses[0] else 4
    expanded = await resolver.owner(AddressQuestion(host.name, 6 if family == 6 else 4))
    for base in dict.fromkeys((expanded, host.name)):  # RFC 7672 §2.2.3: the expanded name first
        answer = await resolver.query(TlsaQuestion(dane.tlsa_name(base, port)))
        if answer.is_error:  # RFC 7672 §2.1.2
            why = f"the TLSA look-up of {base} failed ({answer.status.value})"
            return TlsUnusable(host.name, TlsResult.DNSSEC_INVALID, why)
        if not answer.records or not answer.authenticated:
            continue
        usable = dane.usable(answer.records)
        if not usable:  # RFC 7672 §2.2: TLS is promised, the peer cannot be checked
            why = f"the TLSA records of {base} are all unusable"
            return TlsPolicy(TlsLevel.ENCRYPTED, host.name, base, (base,), why=why)
        names = {base: None}  # RFC 7672 §3.2.2 eid6283: with unsigned MX records only the base domain counts
        if route.is_authenticated:
            expanded_domain = await resolver.owner(MxQuestion(route.domain))
            names = dict.fromkeys((base, route.domain, expanded_domain))
        why = f"{base} publishes {len(usable)} usable TLSA records"
        return TlsPolicy(TlsLevel.DANE, host.name, base, tuple(names), usable, why=why)
    return None


def _raised(policy: TlsPolicy, route: MailRoute, demand: TlsDemand) -> TlsPolicy | TlsUnusable:
    """The policy made as strict as the operator and the message ask."""
    if demand.minimum is TlsLevel.DANE and policy.level is not TlsLevel.DANE:  # RFC 7672 §6
        why = f"DANE is required and {policy.host} has no usable secure TLSA record"
        return TlsUnusable(policy.host, TlsResult.DANE_REQUIRED, why)
    if demand.require_tls and not policy.is_authenticated:
        # RFC 8689 §4.2.1: the MX must come from DNSSEC or from MTA-STS, and the certificate must be checked
        if not route.is_authenticated:
            why = f"REQUIRETLS: neither DNSSEC nor MTA-STS vouches for {policy.host}"
            return TlsUnusable(policy.host, TlsResult.VALIDATION_FAILURE, why, NOT_VOUCHED_FOR)
        return _lifted(policy, TlsLevel.REQUIRED, "REQUIRETLS")
    if demand.minimum in {TlsLevel.REQUIRED, TlsLevel.MTA_STS} and not policy.is_authenticated:
        return _lifted(policy, TlsLevel.REQUIRED, "the operator requires a valid certificate")
    if demand.minimum is TlsLevel.ENCRYPTED and not policy.is_mandatory:
        return _lifted(policy, TlsLevel.ENCRYPTED, "the operator requires TLS")
    return policy


def _lifted(policy: TlsPolicy, level: TlsLevel, why: str) -> TlsPolicy:
    return msgspec.structs.replace(policy, level=level, why=f"{why}; {policy.why}" if policy.why else why)
