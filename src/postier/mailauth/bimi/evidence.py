"""A mark certificate (VMC or CMC): does an authority that is trusted vouch for this logo of this domain?

Not here: fetching it, revocation. Sources: draft-fetch-validation-vmc-wchuang-10, RFC 5280 §6 (the path; `cryptography`
builds it), RFC 9399 (the logo in it), RFC 6962 §3.3 (timestamps of logs: counted, their logs are not known here). Invariants: the time is
given; the number of certificates and octets is bounded; any octets give an Evidence or a BimiError.
"""

import datetime as dt
import hashlib
import hmac
from collections.abc import Sequence

import msgspec
from cryptography import x509
from cryptography.x509 import verification
from cryptography.x509.oid import ExtensionOID, NameOID

from postier.mailauth.bimi import logotype
from postier.mailauth.bimi.indicator import Indicator, read_indicator
from postier.mailauth.bimi.record import BimiError
from postier.mailauth.names import canonical, printable

MAX_EVIDENCE_OCTETS = 131_072  # a certificate with a logo has some 30,000
MAX_CERTIFICATES = 6  # leaf and intermediates in one file
MAX_PATH = 4  # certificates between leaf and root

PURPOSE = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.31")  # id-kp-BrandIndicatorforMessageIdentification
_LOGOTYPE = x509.ObjectIdentifier(logotype.OID)
_MARK_TYPE = x509.ObjectIdentifier("1.3.6.1.4.1.53087.1.13")
_PEM_BEGIN = b"-----BEGIN CERTIFICATE-----"
_BROKEN = (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


class Evidence(msgspec.Struct, frozen=True):
    """What a verified certificate says: whose logo, by which authority, until when (Unix time).

    `names` are its alternative names, `mark` the kind of mark in its own words ("" if it does not say), `log_timestamps`
    how many certificate logs have signed for it.
    """

    indicator: Indicator
    organisation: str
    issuer: str
    expires_s: int
    names: tuple[str, ...]
    mark: str = ""
    log_timestamps: int = 0


def read_roots(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of the authorities to trust. Raises BimiError."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except _BROKEN:
        raise BimiError("the roots are no PEM certificates") from None


def verify_evidence(
    pem: bytes,
    roots: Sequence[x509.Certificate],
    *,
    domains: Sequence[str] | None,
    selector: str,
    now_s: int,
    fetched: Indicator | None = None,
) -> Evidence:
    """Verify a file of certificates, the leaf first, at the time `now_s`. Raises BimiError.

    `domains` are the author's domain and its organisation's (None: whose it is does not matter); `fetched` is the logo of l=, which must be the same.
    """
    leaf, intermediates = _certificates(pem)
    try:
        _verify_path(leaf, intermediates, roots, now_s)
        names = _alternative_names(leaf)
        _check_purpose(leaf)
        indicator = _indicator(leaf, fetched)
    except BimiError:
        raise
    except _BROKEN as error:
        raise BimiError(f"the certificate can't be read: {printable(str(error))}") from None
    if domains is not None and not any(_matches(name, domains, selector) for name in names):
        raise BimiError(f"the certificate is for {printable(', '.join(names))}, not for {domains[0]}")
    if fetched is not None and not hmac.compare_digest(indicator.document, fetched.document):
        raise BimiError("the logo of the record is not the one of the certificate")
    return Evidence(
        indicator,
        _attribute(leaf.subject, NameOID.ORGANIZATION_NAME),
        _attribute(leaf.issuer, NameOID.ORGANIZATION_NAME) or _attribute(leaf.issuer, NameOID.COMMON_NAME),
        int(leaf.not_valid_after_utc.timestamp()),
        names,
        _attribute(leaf.subject, _MARK_TYPE),
        _log_timestamps(leaf),
    )


def _certificates(pem: bytes) -> tuple[x509.Certificate, list[x509.Certificate]]:
    if len(pem) > MAX_EVIDENCE_OCTETS:
        raise BimiError(f"the evidence has more than {MAX_EVIDENCE_OCTETS} octets")
    if pem.count(_PEM_BEGIN) > MAX_CERTIFICATES:
        raise BimiError(f"the evidence has more than {MAX_CERTIFICATES} certificates")
    try:
        leaf, *others = x509.load_pem_x509_certificates(pem)
    except _BROKEN:
        raise BimiError("the evidence is no PEM certificate") from None
    return leaf, others


def _verify_path(
    leaf: x509.Certificate,
    intermediates: list[x509.Certificate],
    roots: Sequence[x509.Certificate],
    now_s: int,
) -> None:
    """RFC 5280 §6: signatures, validity, basic constraints, path lengths, key usage."""
    if not roots:
        raise BimiError("no trusted authority vouches for the certificate: there are none")
    agnostic = verification.Criticality.AGNOSTIC
    permissive = verification.ExtensionPolicy.permit_all()
    authority = permissive.require_present(x509.BasicConstraints, agnostic, None).may_be_present(
        x509.KeyUsage, agnostic, _may_sign
    )
    end = permissive.require_present(x509.SubjectAlternativeName, agnostic, None).may_be_present(
        x509.BasicConstraints, agnostic, _is_no_authority
    )
    policy = (
        verification.PolicyBuilder()
        .store(verification.Store([*roots]))
        .time(dt.datetime.fromtimestamp(now_s, dt.UTC).replace(tzinfo=None))
        .max_chain_depth(MAX_PATH)
        .extension_policies(ca_policy=authority, ee_policy=end)
    )
    try:
        policy.build_client_verifier().verify(leaf, intermediates)
    except verification.VerificationError as error:
        reason = printable(str(error)).partition(" (encountered")[0]
        raise BimiError(f"no trusted authority vouches for the certificate: {reason}") from None


def _may_sign(_policy: object, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("an issuer that may not sign certificates")


def _is_no_authority(
    _policy: object, _certificate: x509.Certificate, constraints: x509.BasicConstraints | None
) -> None:
    if constraints is not None and constraints.ca:
        raise ValueError("the leaf is an authority")


def _check_purpose(leaf: x509.Certificate) -> None:
    try:
        purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        purposes = None
    if purposes is None or PURPOSE not in purposes:
        raise BimiError("the certificate is not made for BIMI")


def _alternative_names(leaf: x509.Certificate) -> tuple[str, ...]:
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(names.get_values_for_type(x509.DNSName))


def _matches(name: str, domains: Sequence[str], selector: str) -> bool:
    """Whether an alternative name covers one of the domains: itself, or its `selector._bimi.` with this selector."""
    stem, infix, domain = name.lower().rpartition("._bimi.")
    if infix:
        return stem == selector and canonical(domain) in domains
    return canonical(name) in domains


def _indicator(leaf: x509.Certificate, fetched: Indicator | None) -> Indicator:
    """The logo that the certificate has in it, or whose hash it has."""
    try:
        extension = leaf.extensions.get_extension_for_oid(_LOGOTYPE).value
    except x509.ExtensionNotFound:
        raise BimiError("the certificate has no logo") from None
    assert isinstance(extension, x509.UnrecognizedExtension)
    images = logotype.subject_images(extension.value)
    if not images:
        raise BimiError("the certificate has no logo")
    for image in images:
        raw = image.embedded()
        if raw is not None:
            indicator = read_indicator(raw)
            if image.hashes and not _has_hash(image, (raw, indicator.document)):
                raise BimiError("the logo in the certificate has another hash")
            return indicator
    for image in images:
        if fetched is not None and _has_hash(image, (fetched.document,)):
            return fetched
    raise BimiError("the logo of the record is not the one of the certificate")


def _has_hash(image: logotype.LogotypeImage, candidates: Sequence[bytes]) -> bool:
    """Whether a hash of the picture is that of one of these octets; SHA-1 does not count."""
    return any(
        hmac.compare_digest(hashlib.new(name, octets).digest(), digest)
        for name, digest in image.hashes
        if name and name != "sha1"
        for octets in candidates
    )


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(oid)
    value = found[0].value if found else ""
    return printable(value if isinstance(value, str) else value.decode("utf-8", "replace"))


def _log_timestamps(leaf: x509.Certificate) -> int:
    try:
        found = leaf.extensions.get_extension_for_oid(
            ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS
        ).value
    except x509.ExtensionNotFound:
        return 0
    assert isinstance(found, x509.PrecertificateSignedCertificateTimestamps)
    return len(found)
