"""DANE for SMTP: does a server's certificate chain match its TLSA records?

Not here: look-ups and DNSSEC (`dns`), what a mismatch means for delivery (`tls`), the chain's own rules (`certificate_path`). Source: RFC 7672 §3, RFC 7671 §5, §9,
RFC 6698 §2. Invariants: usages 0 and 1 are unusable (RFC 7672 §3.1.3); DANE-EE looks at nothing but the leaf;
at most `MAX_CHAIN` certificates are looked at; malformed certificates never match and never raise.
"""

import enum
import hashlib
from collections.abc import Sequence

import msgspec
from cryptography import x509

from postier.mailauth.certificate_path import is_issued_by, is_named, is_signed_with, path, problem_of

MAX_CHAIN = 10
MAX_RECORDS = 50

_DIGESTS = {
    1: ("sha256", 32),
    2: ("sha512", 64),
}  # RFC 6698 §2.1.3; the larger number is the stronger (RFC 7671 §9)


class Tlsa(msgspec.Struct, frozen=True):
    """One TLSA record."""

    usage: int
    selector: int
    matching: int
    data: bytes


class Match(enum.Enum):
    """What the comparison found."""

    MATCH = "match"
    MISMATCH = "mismatch"
    UNUSABLE = "unusable"  # no record is usable: TLS is mandatory, authentication impossible (RFC 7672 §2.2)


class DaneResult(msgspec.Struct, frozen=True):
    """The outcome, the record that matched, and why in words."""

    result: Match
    record: Tlsa | None
    reason: str


def tlsa_name(host: str, port: int = 25) -> str:
    """Where the TLSA records of a service stand."""
    return f"_{port}._tcp.{host}"


def usable(records: Sequence[Tlsa]) -> tuple[Tlsa, ...]:
    """The records to compare with: well-formed, usage 2 or 3, the strongest digest of each kind (RFC 7671 §9)."""
    fit = [record for record in records[:MAX_RECORDS] if _is_usable(record)]
    strongest: dict[tuple[int, int], int] = {}
    for record in fit:
        kind = (record.usage, record.selector)
        strongest[kind] = max(strongest.get(kind, 0), record.matching)
    return tuple(
        record
        for record in fit
        if record.matching == 0 or record.matching == strongest[record.usage, record.selector]
    )


def _is_usable(record: Tlsa) -> bool:
    if record.usage not in {2, 3} or record.selector not in {0, 1}:
        return False
    if record.matching == 0:
        return bool(record.data)
    return record.matching in _DIGESTS and len(record.data) == _DIGESTS[record.matching][1]


def match(records: Sequence[Tlsa], chain: Sequence[bytes], names: Sequence[str], now: int) -> DaneResult:
    """Compare TLSA records with the DER certificates a server presented, leaf first.

    `names` are the reference identifiers for usage 2: TLSA base domain, next-hop domain (RFC 7672 §3.2.2); `now` is seconds since 1970.
    """
    fit = usable(records)
    if not fit:
        return DaneResult(Match.UNUSABLE, None, "no TLSA record is usable")
    if not chain:
        return DaneResult(Match.MISMATCH, None, "the server presented no certificate")
    for record in fit:
        if record.usage == 3 and _selected(chain[0], record) == record.data:  # RFC 7672 §3.1.1
            return DaneResult(Match.MATCH, record, "the server's certificate matches (DANE-EE)")
    reason = "no TLSA record matches the certificate"
    anchors = [record for record in fit if record.usage == 2]
    if anchors:
        anchor, reason = _match_anchor(anchors, chain[:MAX_CHAIN], names, now)
        if anchor is not None:
            return DaneResult(Match.MATCH, anchor, reason)
    return DaneResult(Match.MISMATCH, None, reason)


def _selected(der: bytes, record: Tlsa) -> bytes:
    """What a record's data is compared with; b"" when the certificate cannot be read."""
    content = der if record.selector == 0 else public_key_info(der)
    if not content or record.matching == 0:
        return content
    return hashlib.new(_DIGESTS[record.matching][0], content).digest()


def _match_anchor(
    anchors: Sequence[Tlsa], chain: Sequence[bytes], names: Sequence[str], now: int
) -> tuple[Tlsa | None, str]:
    """DANE-TA(2): a chain from the leaf to a certificate or key that a record names, valid now, with a fitting name."""
    known: list[tuple[x509.Certificate, Tlsa | None]] = []
    for place, der in enumerate(chain):
        try:
            known.append((x509.load_der_x509_certificate(der), _record_for(der, anchors)))
        except ValueError:
            if not place:
                return None, "the server's certificate is malformed"
    for record in anchors:  # RFC 7671 §5.2.2: "2 0 0" may carry the anchor itself
        if (record.selector, record.matching) == (0, 0):
            try:
                known.append((x509.load_der_x509_certificate(record.data), record))
            except ValueError:
                continue
    leaf = known[0][0]
    if not any(is_named(leaf, name) for name in names):
        return None, "the certificate does not bear the server's name"
    below: list[x509.Certificate] = []
    for certificate, found in path(known, now):
        problem = problem_of(certificate, below, now)
        if problem:
            return None, problem
        if found is not None and (below or is_issued_by(leaf, leaf)):
            return found, "the chain leads to the named anchor (DANE-TA)"
        below.append(certificate)
    for record in anchors:  # RFC 7671 §5.2.3: a bare key need not be in the chain
        if (record.selector, record.matching) == (1, 0) and is_signed_with(below[-1], record.data):
            return record, "the chain is signed with the named key (DANE-TA)"
    return None, "the chain does not lead to a named anchor"


def _record_for(der: bytes, anchors: Sequence[Tlsa]) -> Tlsa | None:
    return next((record for record in anchors if _selected(der, record) == record.data), None)


def public_key_info(der: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate, octets as they stand in it; b"" if it cannot be found."""
    try:
        start, _ = _content(der, 0)  # Certificate
        position, _ = _content(der, start)  # TBSCertificate
        if der[position] == 0xA0:  # [0] version
            position = _skip(der, position)
        for _ in range(5):  # serialNumber, signature, issuer, validity, subject
            position = _skip(der, position)
        return der[position : _skip(der, position)]
    except (IndexError, ValueError):
        return b""


def _content(der: bytes, position: int) -> tuple[int, int]:
    """Where the content of the DER element at `position` begins and ends; ValueError if it is cut short."""
    length = der[position + 1]
    begin = position + 2
    if length >= 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:
            raise ValueError("indefinite or huge length")
        length = int.from_bytes(der[begin : begin + count], "big")
        begin += count
    if begin + length > len(der):
        raise ValueError("cut short")
    return begin, begin + length


def _skip(der: bytes, position: int) -> int:
    return _content(der, position)[1]
