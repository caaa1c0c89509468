"""A certificate and its key in files: read, checked against each other, or made (self-signed).

Not here: contexts and their choice by name (`server`), ACME. Sources: RFC 5280, RFC 6125 §6.4.4 and RFC 9525 (names
come from the subject alternative name), RFC 5929 §4.1 (channel binding). Invariants: what `load_certificate` returns
works in a handshake; every refusal names the file and says what to do; a key that we write is readable by us alone.
"""

import datetime as dt
import enum
import hashlib
import ipaddress
import os
import tempfile
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

MAX_FILE_OCTETS = 1 << 20  # a chain is some kilobytes; more is a mistake of the operator
MIN_RSA_BITS = 2048  # RFC 9325 §4.5
SELF_SIGNED_DAYS = 820  # Apple's clients refuse server certificates over 825 days
RENEW_DAYS = 30  # a self-signed certificate is made anew this long before its end
_BACKDATE = dt.timedelta(hours=1)  # clocks of peers that run late


class CertificateProblem(enum.Enum):
    """What is wrong with a certificate or key file."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    NO_CERTIFICATE = "no-certificate"
    NO_KEY = "no-key"
    ENCRYPTED_KEY = "encrypted-key"
    WEAK_KEY = "weak-key"
    MISMATCH = "mismatch"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"


class CertificateError(Exception):
    """A file that cannot be served: `path`, `problem`, and the sentence for the operator."""

    def __init__(self, path: Path, problem: CertificateProblem, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.problem = problem


class CertificateFiles(msgspec.Struct, frozen=True):
    """Where a chain (leaf first) and its key are; both may be in one file."""

    certificate: Path
    key: Path


class Certificate(msgspec.Struct, frozen=True):
    """A loaded certificate. Times are UTC. `warnings` are sentences for the operator.

    `names` are the DNS names (lower case, `*.` for a wildcard) and addresses it is for; `leaf` is the DER;
    `end_point` is the `tls-server-end-point` channel binding.
    """

    files: CertificateFiles
    names: tuple[str, ...]
    not_before: dt.datetime
    not_after: dt.datetime
    leaf: bytes
    end_point: bytes
    is_self_signed: bool
    warnings: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the leaf, as operators compare it."""
        return hashlib.sha256(self.leaf).hexdigest()


def load_certificate(files: CertificateFiles, now_s: float, *, accept_expired: bool = False) -> Certificate:
    """Read and check both files at Unix time `now_s`; raises CertificateError. An expired one may be accepted, with a warning."""
    problem = CertificateProblem
    now = dt.datetime.fromtimestamp(now_s, dt.UTC)
    chain_pem = _read(files.certificate)
    try:
        chain = x509.load_pem_x509_certificates(chain_pem)
    except ValueError as error:
        raise CertificateError(
            files.certificate, problem.NO_CERTIFICATE, f"holds no PEM certificate ({error})"
        ) from error
    leaf = chain[0]
    public = _load_key(files.key)
    encoding = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if leaf.public_key().public_bytes(*encoding) != public.public_bytes(*encoding):
        why = f"the key does not belong to the certificate in {files.certificate}"
        raise CertificateError(files.key, problem.MISMATCH, why)
    warnings = []
    if isinstance(public, rsa.RSAPublicKey) and public.key_size < MIN_RSA_BITS:
        why = f"the RSA key has {public.key_size} bits, at least {MIN_RSA_BITS} are needed"
        raise CertificateError(files.key, problem.WEAK_KEY, why)
    if leaf.not_valid_after_utc <= now:
        why = f"the certificate expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        if not accept_expired:
            raise CertificateError(files.certificate, problem.EXPIRED, why)
        warnings.append(f"{files.certificate}: {why}; peers that check will not connect")
    if leaf.not_valid_before_utc > now:
        why = f"the certificate is valid from {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC only"
        raise CertificateError(files.certificate, problem.NOT_YET_VALID, why)
    if files.key.stat().st_mode & 0o077:
        warnings.append(f"{files.key}: others than its owner can read or write the key; use chmod 600")
    names = names_of(leaf)
    if not names:
        warnings.append(f"{files.certificate}: the certificate names no host")
    return Certificate(
        files=files,
        names=names,
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        leaf=leaf.public_bytes(serialization.Encoding.DER),
        end_point=_end_point(leaf),
        is_self_signed=leaf.issuer == leaf.subject,
        warnings=tuple(warnings),
    )


class SelfSigned(msgspec.Struct, frozen=True):
    """The certificate that stands in for a real one; `warning` is the sentence to show."""

    files: CertificateFiles
    is_new: bool
    warning: str


def self_signed(folder: Path, hostname: str, now_s: float) -> SelfSigned:
    """The self-signed certificate of `hostname` in `folder`: the one that is there if it still serves, or a new one."""
    files = CertificateFiles(folder / "self-signed.crt", folder / "self-signed.key")
    warning = (
        f"{files.certificate}: a self-signed certificate for {hostname} is used; clients will ask or refuse, "
        "set tls.certificate and tls.key"
    )
    try:
        there = load_certificate(files, now_s + RENEW_DAYS * 86_400)
    except CertificateError:
        there = None
    if there is not None and there.names == (hostname.lower(),):
        return SelfSigned(files, is_new=False, warning=warning)
    now = dt.datetime.fromtimestamp(now_s, dt.UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + dt.timedelta(days=SELF_SIGNED_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general_name(hostname)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    folder.mkdir(parents=True, exist_ok=True)
    _write(files.key, key_pem, 0o600)
    _write(files.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return SelfSigned(files, is_new=True, warning=warning)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_FILE_OCTETS + 1)
    except FileNotFoundError as error:
        raise CertificateError(path, CertificateProblem.MISSING, "the file does not exist") from error
    except OSError as error:
        why = f"the file cannot be read ({error.strerror})"
        raise CertificateError(path, CertificateProblem.UNREADABLE, why) from error
    if len(octets) > MAX_FILE_OCTETS:
        why = f"the file is over {MAX_FILE_OCTETS} octets"
        raise CertificateError(path, CertificateProblem.UNREADABLE, why)
    return octets


_PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey


def _load_key(path: Path) -> _PublicKey:
    """The public half of the private key in the file."""
    pem = _read(path)
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError as error:
        why = "the key is protected by a password; store it without (openssl pkey -in … -out …)"
        raise CertificateError(path, CertificateProblem.ENCRYPTED_KEY, why) from error
    except Exception as error:  # UnsupportedAlgorithm and ValueError have no common class
        why = f"holds no PEM private key ({error})"
        raise CertificateError(path, CertificateProblem.NO_KEY, why) from error
    public = key.public_key()
    if not isinstance(public, _PublicKey):
        why = "the key is neither RSA, ECDSA nor EdDSA"
        raise CertificateError(path, CertificateProblem.NO_KEY, why)
    return public


def names_of(leaf: x509.Certificate) -> tuple[str, ...]:
    """RFC 9525 §6.3: the alternative names; the common name only if there are none."""
    try:
        alternatives = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):  # ValueError: an extension that cannot be parsed
        common = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return tuple(str(name.value).lower() for name in common)
    names = [name.lower() for name in alternatives.get_values_for_type(x509.DNSName)]
    addresses = [str(address) for address in alternatives.get_values_for_type(x509.IPAddress)]
    return tuple(dict.fromkeys(names + addresses))


def _end_point(leaf: x509.Certificate) -> bytes:
    """RFC 5929 §4.1: the hash of the certificate with its own signature's hash, MD5 and SHA-1 made SHA-256."""
    try:
        algorithm = leaf.signature_hash_algorithm
    except Exception:  # an algorithm unknown to cryptography; the binding is then undefined
        algorithm = None
    name = algorithm.name if algorithm is not None else "sha256"
    if name in {"md5", "sha1"}:
        name = "sha256"
    return hashlib.new(name, leaf.public_bytes(serialization.Encoding.DER)).digest()


def _general_name(hostname: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(hostname.strip("[]")))
    except ValueError:
        return x509.DNSName(hostname.lower())


def _write(path: Path, octets: bytes, mode: int) -> None:
    """Write in one step: a reader finds the old file or the new one, with its mode from the start."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
