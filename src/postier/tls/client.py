"""The contexts of our side when we dial: one that checks certificates, one that does not.

Not here: which one a destination needs (`policy`), and what is found out in the handshake (`peer`). Sources: RFC
7435 (some protection rather than none), RFC 8996, RFC 8461 §4.2, RFC 7672 §2.2 (the check of DANE comes after the
handshake). Invariant: contexts are made once; a context is never changed after it was handed out.
"""

import ssl
from functools import lru_cache
from pathlib import Path

from postier.tls.policy import TlsLevel, TlsPolicy

# Without a check, 1024-bit groups still beat plaintext, which is what a failed handshake would lead to (RFC 7435)
_ANY_CIPHER = "DEFAULT:!aNULL:!eNULL:!MD5:!RC4:!3DES:@SECLEVEL=1"


def client_context(policy: TlsPolicy, authorities: Path | None = None) -> ssl.SSLContext:
    """The context for a policy; use `policy.server_name` as `server_hostname`.

    `authorities` is a PEM file of the roots to trust instead of the system's. Raises ValueError for level NONE.
    """
    if policy.level is TlsLevel.NONE:
        raise ValueError(f"no TLS with {policy.host}: {policy.why}")
    if policy.level in {TlsLevel.REQUIRED, TlsLevel.MTA_STS} or policy.is_probed:
        return checking_context(authorities)
    return _unchecking()


@lru_cache(maxsize=8)
def checking_context(authorities: Path | None = None) -> ssl.SSLContext:
    """The context that checks certificate and name; `authorities` as for `client_context`."""
    context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # RFC 8461 §4.2: the alternative names alone
    return context


@lru_cache(maxsize=1)
def _unchecking() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # opportunistic, or DANE: `peer` checks
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_ANY_CIPHER)
    return context
