"""How TLS fared with other servers, as it is told to their domains.

Not here: counting (`sightings`), the connection (`mta.transport`). Source: RFC 8460 §4.2 to §4.5. Invariants: what is told of a
policy is its text as we understood it; failures of the network are no TLS failures (RFC 8460 §4.3.4); a policy that was announced and
could not be had is told without its text, a failure of DANE without records too.
"""

from postier.mailauth import mta_sts
from postier.mailauth.reports.tls import PolicyType
from postier.mta.reports.sighting_rows import TlsKey
from postier.mta.reports.sightings import Sightings
from postier.tls.policy import TlsPolicy, TlsResult

MAX_REASON = 200  # characters
MAX_PATTERNS = 100  # of a policy that are told; a sighting is kept in memory
MAX_TLSA = 20

# RFC 8460 §4.3.2: failures on the way to a policy, which are never told as "no-policy-found"
_OF_STS = frozenset(
    {TlsResult.STS_POLICY_FETCH_ERROR, TlsResult.STS_POLICY_INVALID, TlsResult.STS_WEBPKI_INVALID}
)
_OF_DANE = frozenset({TlsResult.TLSA_INVALID, TlsResult.DNSSEC_INVALID, TlsResult.DANE_REQUIRED})


class TlsWitness:
    """A `transport.TlsObserver` that counts."""

    def __init__(self, sightings: Sightings) -> None:
        self._sightings = sightings

    def saw(
        self,
        domain: str,
        policy: TlsPolicy | None,
        host: str,
        address: str,
        result: TlsResult | None,
        why: str,
    ) -> None:
        """See `TlsObserver`."""
        kind, lines, patterns = _told(policy, result)
        is_failure = result is not None
        self._sightings.session(
            TlsKey(
                domain,
                self._sightings.today(),
                kind,
                lines,
                patterns,
                "" if result is None else result.value,
                host if is_failure else "",  # a success is one count for all hosts
                address if is_failure else "",
                why[:MAX_REASON] if is_failure else "",
                (policy.server_name or policy.host) if policy is not None and policy.tlsa else "",
            )
        )


def _told(
    policy: TlsPolicy | None, result: TlsResult | None
) -> tuple[PolicyType, tuple[str, ...], tuple[str, ...]]:
    if policy is not None and policy.tlsa:
        records = (
            f"{each.usage} {each.selector} {each.matching} {each.data.hex().upper()}"
            for each in policy.tlsa[:MAX_TLSA]
        )
        return PolicyType.TLSA, tuple(records), (policy.host,)
    if policy is not None and policy.sts is not None and policy.sts.mode is not mta_sts.Mode.NONE:
        sts = policy.sts
        patterns = sts.patterns[:MAX_PATTERNS]
        hosts = tuple(f"mx: {pattern}" for pattern in patterns)
        return (
            PolicyType.STS,
            ("version: STSv1", f"mode: {sts.mode}", *hosts, f"max_age: {sts.max_age_s}"),
            patterns,
        )
    if result in _OF_STS:
        return PolicyType.STS, (), ()
    return PolicyType.TLSA if result in _OF_DANE else PolicyType.NONE, (), ()
