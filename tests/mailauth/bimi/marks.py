"""Logos, and mark certificates of an authority of the test's own."""

import base64
import datetime as dt
import functools
import gzip
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from postier.mailauth.bimi.evidence import PURPOSE

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NOW_S = int(NOW.timestamp())
LOGO = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64">'
    b'<title>Alpha</title><defs><linearGradient id="g"><stop offset="0" stop-color="#f00"/></linearGradient></defs>'
    b'<rect width="64" height="64" fill="url(#g)"/></svg>\n'
)
OTHER_LOGO = LOGO.replace(b"Alpha", b"Gamma")
SHA256 = "608648016503040201"


def der(tag, *contents):
    content = b"".join(contents)
    size = len(content)
    length = (
        bytes([size]) if size < 128 else b"\x83" + size.to_bytes(3)
    )  # not the shortest form: ours takes it
    return bytes([tag]) + length + content


def logotype(location, digest, *, algorithm=SHA256, media_type=b"image/svg+xml"):
    """LogotypeExtn with one direct image of the subject."""
    hash_ = der(0x30, der(0x30, der(0x06, bytes.fromhex(algorithm))), der(0x04, digest))
    details = der(0x30, der(0x16, media_type), der(0x30, hash_), der(0x30, der(0x16, location)))
    return der(0x30, der(0xA2, der(0xA0, der(0x30, der(0x30, details)))))


def embedded(logo, *, digest_of=None):
    packed = gzip.compress(logo, mtime=0)
    digest = hashlib.sha256(packed if digest_of is None else digest_of).digest()
    return logotype(b"data:image/svg+xml;base64," + base64.b64encode(packed), digest)


def _name(text, organisation):
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, text),
        ]
    )


def pem(*certificates):
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


class MarkAuthority:
    """A root, an intermediate, and leaves as the test wants them."""

    def __init__(self, name="Marks", now=NOW):
        self._name = name
        self._now = now
        self._root_key, self._key, self._leaf_key = (
            ec.generate_private_key(ec.SECP256R1()) for _ in range(3)
        )
        self.root = self._certificate("root", "root", self._root_key, self._root_key, is_authority=True)
        self.intermediate = self._certificate(
            "between", "root", self._key, self._root_key, is_authority=True, purposes=(PURPOSE,)
        )

    def _certificate(
        self, subject, issuer, key, signer, *, is_authority, purposes=(), extensions=(), days=365
    ):
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(subject, "Alpha Inc" if subject == "leaf" else self._name))
            .issuer_name(_name(issuer, self._name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - dt.timedelta(days=2))
            .not_valid_after(self._now + dt.timedelta(days=days))
        )
        if is_authority is not None:
            builder = builder.add_extension(
                x509.BasicConstraints(ca=is_authority, path_length=None), critical=True
            )
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(signer, hashes.SHA256())

    def leaf(self, *names, logo=None, purposes=(PURPOSE,), days=365, is_authority=None):
        extensions = [x509.SubjectAlternativeName([x509.DNSName(name) for name in names])]
        if logo is not None:
            extensions.append(x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.5.5.7.1.12"), logo))
        return self._certificate(
            "leaf",
            "between",
            self._leaf_key,
            self._key,
            is_authority=is_authority,
            purposes=purposes,
            extensions=extensions,
            days=days,
        )

    def mark(self, *names, logo=None, **options):
        """The file that a= names: leaf and intermediate."""
        extension = embedded(LOGO) if logo is None else logo
        return pem(self.leaf(*names, logo=extension, **options), self.intermediate)

    def not_an_authority(self):
        """An intermediate that may sign nothing, in the name of the real one."""
        return self._certificate("between", "root", self._key, self._root_key, is_authority=False)


@functools.cache
def authority(name="Marks"):
    return MarkAuthority(name)
