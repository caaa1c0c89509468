"""The policy file of MTA-STS, fetched from the policy host of a domain.

Not here: what the file means (`mailauth.mta_sts`), when it is fetched (`sts`), HTTPS (`https_get`). Source: RFC 8461
§3.3. Invariants: the certificate is checked against the policy host; only status 200 and text/plain count.
"""

from pathlib import Path
from typing import Protocol

from postier.dns.ask import Answering
from postier.mailauth.mta_sts import MAX_POLICY_OCTETS
from postier.tls.https_get import TIMEOUT_S, Fault, GetError, Target, get
from postier.tls.policy import TlsResult

_RESULTS = {
    Fault.NETWORK: TlsResult.STS_POLICY_FETCH_ERROR,
    Fault.STATUS: TlsResult.STS_POLICY_FETCH_ERROR,
    Fault.CERTIFICATE: TlsResult.STS_WEBPKI_INVALID,
    Fault.TOO_LARGE: TlsResult.STS_POLICY_INVALID,
}


class FetchError(Exception):
    """The policy could not be had; `result` is its name in a TLS report."""

    def __init__(self, result: TlsResult, why: str) -> None:
        super().__init__(why)
        self.result = result


class PolicySource(Protocol):
    """Where the text of a policy comes from."""

    async def fetch(self, domain: str) -> bytes:
        """The policy file of the domain; raises FetchError."""
        ...


class HttpsSource:
    """The policy host `mta-sts.` of each domain, by HTTPS. `authorities`: roots to trust instead of the system's."""

    def __init__(
        self,
        resolver: Answering,
        *,
        authorities: Path | None = None,
        port: int = 443,
        allow_private_addresses: bool = False,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._resolver = resolver
        self._authorities = authorities
        self._port = port
        self._allow_private_addresses = allow_private_addresses
        self._timeout_s = timeout_s

    async def fetch(self, domain: str) -> bytes:
        """The policy file; raises FetchError."""
        host = f"mta-sts.{domain}"
        target = Target(host, "/.well-known/mta-sts.txt", "text/plain", MAX_POLICY_OCTETS, self._port)
        try:
            file = await get(
                target,
                self._resolver,
                authorities=self._authorities,
                allow_private_addresses=self._allow_private_addresses,
                timeout_s=self._timeout_s,
            )
        except GetError as error:
            raise FetchError(_RESULTS[error.fault], str(error)) from error
        if file.media_type != "text/plain":  # RFC 8461 §3.2
            raise FetchError(TlsResult.STS_POLICY_INVALID, f"{host} does not serve text/plain")
        return file.octets
