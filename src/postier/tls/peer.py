"""What the handshake with a server showed, held against the policy: one fact for the queue, the log and the report.

Not here: the policy itself, retries, the JSON of a report. Sources: RFC 7672 §3, RFC 8460 §4.3 (the names of
failures), RFC 7435. Invariants: `is_acceptable` is the only permission to send mail over the connection; a policy that
must authenticate is never satisfied by encryption alone.
"""

import ssl
from collections.abc import Sequence
from typing import Any, assert_never

import msgspec

from postier.mailauth import dane
from postier.tls.policy import TlsLevel, TlsPolicy, TlsResult

_EXPIRED = {9, 10}  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_HOST_MISMATCH = {62, 63, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, EMAIL, IP_ADDRESS


class PeerFact(msgspec.Struct, frozen=True):
    """How the connection is protected. `verified_by` is "dane", "pkix" or "" (not verified).

    `result` is set if TLS failed or does not satisfy the policy, with `why` in words. `may_go_plain`: the policy allows
    the same host once more without TLS (a new connection).
    """

    level: TlsLevel
    is_acceptable: bool
    version: str = ""
    cipher: str = ""
    verified_by: str = ""
    result: TlsResult | None = None
    why: str = ""
    may_go_plain: bool = False

    @property
    def is_encrypted(self) -> bool:
        """Whether the octets are hidden from the network."""
        return bool(self.version)


def verify_peer(policy: TlsPolicy, connection: ssl.SSLObject, now_s: float) -> PeerFact:
    """The fact of a finished handshake; `now_s` is Unix time."""
    version, cipher = connection.version() or "", (connection.cipher() or ("",))[0]
    match policy.level:
        case TlsLevel.REQUIRED | TlsLevel.MTA_STS:
            checked = (
                connection.context.verify_mode is ssl.CERT_REQUIRED and connection.context.check_hostname
            )
            if not checked or connection.server_hostname != policy.server_name:
                raise ValueError("the handshake was not made with client_context(policy) and its server_name")
            return PeerFact(policy.level, True, version, cipher, "pkix")
        case TlsLevel.DANE:
            found = dane.match(policy.tlsa, peer_chain(connection), policy.names, int(now_s))
            if found.result is dane.Match.MATCH:
                return PeerFact(policy.level, True, version, cipher, "dane", why=found.reason)
            why = found.reason
            return PeerFact(
                policy.level, False, version, cipher, result=TlsResult.CERTIFICATE_NOT_TRUSTED, why=why
            )
        case TlsLevel.OPPORTUNISTIC | TlsLevel.ENCRYPTED | TlsLevel.NONE:
            return PeerFact(policy.level, True, version, cipher, "pkix" if policy.is_probed else "")
        case _:
            assert_never(policy.level)


def without_tls(policy: TlsPolicy) -> PeerFact:
    """The fact of a server that offers no STARTTLS (or refused it)."""
    if policy.is_mandatory:
        why = f"{policy.host} offers no TLS, and {policy.why or 'the policy asks for it'}"
        return PeerFact(policy.level, False, result=TlsResult.STARTTLS_NOT_SUPPORTED, why=why)
    return PeerFact(policy.level, True)


def failed_handshake(policy: TlsPolicy, error: Exception) -> PeerFact:
    """The fact of a handshake that ended in `error` (ssl.SSLError, OSError, TimeoutError)."""
    result, why = TlsResult.VALIDATION_FAILURE, str(error) or type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message or why
        if error.verify_code in _HOST_MISMATCH:
            result = TlsResult.CERTIFICATE_HOST_MISMATCH
        elif error.verify_code in _EXPIRED:
            result = TlsResult.CERTIFICATE_EXPIRED
        else:
            result = TlsResult.CERTIFICATE_NOT_TRUSTED
    return PeerFact(policy.level, False, result=result, why=why, may_go_plain=not policy.is_mandatory)


def peer_chain(connection: ssl.SSLObject) -> Sequence[bytes]:
    """The certificates that the peer showed, DER, leaf first, as they came (nothing verified)."""
    public: Any = getattr(connection, "get_unverified_chain", None)
    if public is not None:  # Python 3.13
        return tuple(bytes(one) for one in public())
    inner: Any = connection._sslobj  # type: ignore[attr-defined]  # noqa: SLF001 - 3.11 has no public way to it
    return tuple(ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in inner.get_unverified_chain() or ())
