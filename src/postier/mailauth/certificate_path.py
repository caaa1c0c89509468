"""From a server's certificate to the anchor that DNS names: who signed whom, and what an issuer may vouch for.

Not here: which certificate is an anchor (`dane`). Source: RFC 5280 §4.2.1, §6.1, RFC 7671 §5.2, RFC 7672 §3.2.3. Invariants: at most one
look at each pair of certificates; a malformed certificate or extension is a refusal, never an exception. Revocation and
policies are not looked at (RFC 7672 §4); of name constraints those of DNS names are.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import NameOID

from postier.mailauth.names import canonical, is_within, parent_of

Found = TypeVar("Found")
Extension = TypeVar("Extension", bound=x509.ExtensionType)

_MALFORMED = (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)
_NOT_SIGNED = (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm)


def path(
    known: Sequence[tuple[x509.Certificate, Found | None]], now: int
) -> Iterator[tuple[x509.Certificate, Found | None]]:
    """The first certificate, its issuer, and so on, each checked to have signed the one before.

    Of several issuers those that something was found for are preferred, then those that are valid now.
    """
    current, found = known[0]
    left = sorted(known[1:], key=lambda entry: (entry[1] is None, not _is_valid_at(entry[0], now)))
    yield current, found
    while left:
        for index, (candidate, mark) in enumerate(left):
            if _is_authority(candidate) and is_issued_by(current, candidate):
                del left[index]
                current = candidate
                yield candidate, mark
                break
        else:
            return


def problem_of(certificate: x509.Certificate, below: Sequence[x509.Certificate], now: int) -> str:
    """Why a certificate does not vouch for those `below` it in a path, the leaf first; "" if it does.

    RFC 7671 §5.2.1: the constraints of an anchor apply too.
    """
    if not _is_valid_at(certificate, now):
        return "a certificate of the chain is not valid now"
    if not below:
        return ""
    try:
        basic = _extension(certificate, x509.BasicConstraints)
        between = sum(one.issuer != one.subject for one in below[1:])  # RFC 5280 §6.1.4 (l)
        if basic is not None and basic.path_length is not None and between > basic.path_length:
            return "the chain is longer than an issuer allows"
        constraints = _extension(certificate, x509.NameConstraints)
        if constraints is not None and not all(_may_bear(name, constraints) for name in presented(below[0])):
            return "an issuer may not vouch for the name"
    except _MALFORMED:
        return "a certificate of the chain is malformed"
    return ""


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer has that name and its key made the signature."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except _NOT_SIGNED:
        return False
    return True


def is_signed_with(certificate: x509.Certificate, key_info: bytes) -> bool:
    """Whether the key in this SubjectPublicKeyInfo made the certificate's signature."""
    signature, signed = certificate.signature, certificate.tbs_certificate_bytes
    try:
        key, parameters = load_der_public_key(key_info), certificate.signature_algorithm_parameters
        hashing = certificate.signature_hash_algorithm
        if (
            isinstance(key, rsa.RSAPublicKey)
            and isinstance(parameters, padding.AsymmetricPadding)
            and hashing
        ):
            key.verify(signature, signed, parameters, hashing)
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(parameters, ec.ECDSA):
            key.verify(signature, signed, parameters)
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) and hashing is None:
            key.verify(signature, signed)
        else:
            return False
    except _NOT_SIGNED:
        return False
    return True


def is_named(certificate: x509.Certificate, name: str) -> bool:
    """RFC 7672 §3.2.3: DNS-IDs, or the CN when there are none; a wildcard is the whole first label."""
    wanted = canonical(name)
    if wanted is None:
        return False
    accepted = {wanted, f"*.{parent_of(wanted)}"}
    try:
        return any(found in accepted for found in presented(certificate))
    except _MALFORMED:
        return False


def presented(certificate: x509.Certificate) -> list[str]:
    """The DNS names of a certificate in lower case, or its CNs when there are none."""
    names = _extension(certificate, x509.SubjectAlternativeName)
    found = names.get_values_for_type(x509.DNSName) if names is not None else []
    if not found:
        found = [
            str(entry.value) for entry in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        ]
    return [name.lower().removesuffix(".") for name in found]


def _may_bear(name: str, constraints: x509.NameConstraints) -> bool:
    """RFC 5280 §4.2.1.10 for a DNS name; a constraint is the name or anything below it."""
    bare = name.removeprefix("*.")
    permitted, excluded = (
        [tree.value.lower().removeprefix(".") for tree in trees or () if isinstance(tree, x509.DNSName)]
        for trees in (constraints.permitted_subtrees, constraints.excluded_subtrees)
    )
    if any(not tree or is_within(bare, tree) for tree in excluded):
        return False
    return not permitted or any(not tree or is_within(bare, tree) for tree in permitted)


def _is_authority(certificate: x509.Certificate) -> bool:
    """Whether it may issue (RFC 5280 §4.2.1.9, §4.2.1.3); version 1 roots have no extensions and may."""
    try:
        basic = _extension(certificate, x509.BasicConstraints)
        usage = _extension(certificate, x509.KeyUsage)
    except _MALFORMED:
        return False
    if usage is not None and not usage.key_cert_sign:
        return False
    return certificate.version is x509.Version.v1 if basic is None else basic.ca


def _extension(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _is_valid_at(certificate: x509.Certificate, now: int) -> bool:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begin.timestamp() <= now <= end.timestamp()
