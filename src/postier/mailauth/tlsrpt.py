"""TLS-RPT: where a domain wants reports about TLS failures.

Not here: the reports (`mta`). Source: RFC 8460 §3. Invariants: unknown fields are ignored; only mailto: and https: come out.
"""

import re
from collections.abc import Iterable

import msgspec

MAX_URIS = 10

_VERSION = b"v=TLSRPTv1;"
_URI = re.compile(
    r"(?:mailto|https):[!-+\--:<-~]+", re.IGNORECASE
)  # RFC 3986 in outline, without "," and ";"


class TlsrptPolicy(msgspec.Struct, frozen=True):
    """The reporting URIs in the order of the record, at least one."""

    rua: tuple[str, ...]


def record_name(domain: str) -> str:
    """Where the TXT record stands."""
    return f"_smtp._tls.{domain}"


def parse_records(records: Iterable[bytes]) -> TlsrptPolicy | None:
    """The policy in the TXT records of `record_name`; None without exactly one that is usable."""
    found = [text for text in records if text.startswith(_VERSION)]
    if len(found) != 1:
        return None
    for piece in found[0].decode("utf-8", "replace").split(";")[1:]:
        name, equals, value = piece.strip(" \t").partition("=")
        if name == "rua" and equals:
            uris = (uri.strip(" \t") for uri in value.split(","))
            rua = tuple(uri for uri in uris if _URI.fullmatch(uri))
            return TlsrptPolicy(rua[:MAX_URIS]) if rua else None
    return None
