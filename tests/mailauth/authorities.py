"""Certificates with their keys, signed by one another, and the TLSA records that name them."""

import datetime as dt
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from postier.mailauth.dane import Tlsa

NOW = 1_704_067_200
DAY = 86_400
DER = serialization.Encoding.DER


class Authority:
    """A certificate with its key, made by `issuer` or by itself."""

    def __init__(
        self,
        name,
        issuer=None,
        *,
        is_ca=False,
        names=(),
        begin=NOW - DAY,
        end=NOW + DAY,
        path_length=None,
        extensions=(),
        key=None,
    ):
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder().subject_name(self.name).issuer_name((issuer or self).name)
        builder = builder.public_key(self.key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(dt.datetime.fromtimestamp(begin, dt.UTC))
        builder = builder.not_valid_after(dt.datetime.fromtimestamp(end, dt.UTC))
        builder = builder.add_extension(
            x509.BasicConstraints(ca=is_ca, path_length=path_length), critical=True
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(entry) for entry in names]), critical=False
            )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        signer = (issuer or self).key
        hashing = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        self.der = builder.sign(signer, hashing).public_bytes(DER)
        self.spki = self.key.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def tlsa(self, usage, selector, matching):
        data = self.der if selector == 0 else self.spki
        if matching:
            data = hashlib.new({1: "sha256", 2: "sha512"}[matching], data).digest()
        return Tlsa(usage, selector, matching, data)
