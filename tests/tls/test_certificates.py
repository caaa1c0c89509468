"""`tls.certificates`: every wrong file is named, with the reason; what is made can be served."""

import datetime as dt
import ssl
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import x25519

from postier.tls.certificates import (
    MAX_FILE_OCTETS,
    RENEW_DAYS,
    SELF_SIGNED_DAYS,
    CertificateError,
    CertificateFiles,
    CertificateProblem,
    load_certificate,
    self_signed,
)
from tests.certificate_authority import NOW, Authority

NOW_S = NOW.timestamp()


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def refusal(files: CertificateFiles) -> CertificateError:
    with pytest.raises(CertificateError) as caught:
        load_certificate(files, NOW_S)
    assert str(caught.value).startswith(str(caught.value.path))
    return caught.value


def test_a_good_pair(authority):
    crt, key = authority.issue("mx", "MX.alpha.test", "*.alpha.test", "192.0.2.1")
    certificate = load_certificate(CertificateFiles(crt, key), NOW_S)
    assert certificate.names == ("mx.alpha.test", "*.alpha.test", "192.0.2.1")
    assert certificate.not_after == NOW + dt.timedelta(days=90)
    assert not certificate.warnings
    assert not certificate.is_self_signed
    assert len(certificate.end_point) == 32
    assert certificate.end_point.hex() == certificate.fingerprint  # RFC 5929 §4.1, signed with SHA-256


def test_without_alternative_names_the_common_name_counts(authority):
    files = CertificateFiles(*authority.issue("old"))
    assert load_certificate(files, NOW_S).names == ("old",)


def test_both_in_one_file(authority, tmp_path):
    crt, key = authority.issue("mx", "mx.alpha.test")
    both = tmp_path / "both.pem"
    both.touch(0o600)
    both.write_bytes(key.read_bytes() + crt.read_bytes())
    assert load_certificate(CertificateFiles(both, both), NOW_S).names == ("mx.alpha.test",)


def test_what_is_wrong_is_said(authority, tmp_path):
    crt, key = authority.issue("mx", "mx.alpha.test")
    other_crt, other_key = authority.issue("other", "other.test")
    junk = tmp_path / "junk"
    junk.write_bytes(b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n")
    assert refusal(CertificateFiles(tmp_path / "none", key)).problem is CertificateProblem.MISSING
    assert refusal(CertificateFiles(crt, tmp_path / "none")).problem is CertificateProblem.MISSING
    assert refusal(CertificateFiles(tmp_path, key)).problem is CertificateProblem.UNREADABLE
    assert refusal(CertificateFiles(junk, key)).problem is CertificateProblem.NO_CERTIFICATE
    assert refusal(CertificateFiles(key, key)).problem is CertificateProblem.NO_CERTIFICATE
    assert refusal(CertificateFiles(crt, junk)).problem is CertificateProblem.NO_KEY
    assert refusal(CertificateFiles(crt, crt)).problem is CertificateProblem.NO_KEY
    mismatch = refusal(CertificateFiles(crt, other_key))
    assert mismatch.problem is CertificateProblem.MISMATCH
    assert str(crt) in str(mismatch)
    assert other_crt != crt


def test_a_file_too_large(authority, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(b"x" * (MAX_FILE_OCTETS + 1))
    _, key = authority.issue("mx", "mx.alpha.test")
    assert refusal(CertificateFiles(large, key)).problem is CertificateProblem.UNREADABLE


def test_dates(authority):
    expired = CertificateFiles(*authority.issue("expired", "a.test", days=-1))
    assert refusal(expired).problem is CertificateProblem.EXPIRED
    (warning,) = load_certificate(expired, NOW_S, accept_expired=True).warnings
    assert "expired on" in warning
    future = CertificateFiles(*authority.issue("future", "a.test", now=NOW + dt.timedelta(days=3)))
    assert refusal(future).problem is CertificateProblem.NOT_YET_VALID


def test_keys_that_do_not_serve(authority, tmp_path):
    crt, key = authority.issue("mx", "mx.alpha.test")
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    locked = tmp_path / "locked"
    locked.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        )
    )
    assert refusal(CertificateFiles(crt, locked)).problem is CertificateProblem.ENCRYPTED_KEY
    weak = CertificateFiles(*authority.issue("weak", "a.test", rsa_bits=1024))
    assert refusal(weak).problem is CertificateProblem.WEAK_KEY
    strange = tmp_path / "strange"
    strange.write_bytes(
        x25519.X25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    assert refusal(CertificateFiles(crt, strange)).problem is CertificateProblem.NO_KEY


def test_an_open_key_is_warned_of(authority):
    files = CertificateFiles(*authority.issue("mx", "mx.alpha.test"))
    files.key.chmod(0o644)
    (warning,) = load_certificate(files, NOW_S).warnings
    assert "chmod 600" in warning


def test_a_self_signed_one_is_made_once(tmp_path):
    folder = tmp_path / "data" / "tls"
    made = self_signed(folder, "mx.alpha.test", NOW_S)
    assert made.is_new
    assert "self-signed" in made.warning
    assert stat.S_IMODE(made.files.key.stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["self-signed.crt", "self-signed.key"]
    loaded = load_certificate(made.files, NOW_S)
    assert loaded.names == ("mx.alpha.test",)
    assert loaded.is_self_signed
    assert not loaded.warnings
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.files.certificate, made.files.key)
    again = self_signed(folder, "mx.alpha.test", NOW_S)
    assert not again.is_new
    assert again.files == made.files


@pytest.mark.parametrize(
    ("hostname", "days"), [("other.test", 0), ("mx.alpha.test", SELF_SIGNED_DAYS - RENEW_DAYS + 1)]
)
def test_it_is_made_anew_for_another_name_and_before_its_end(tmp_path, hostname, days):
    self_signed(tmp_path, "mx.alpha.test", NOW_S)
    made = self_signed(tmp_path, hostname, NOW_S + days * 86_400)
    assert made.is_new
    assert load_certificate(made.files, NOW_S + days * 86_400).names == (hostname,)


def test_a_self_signed_one_for_an_address(tmp_path):
    made = self_signed(tmp_path, "[192.0.2.1]", NOW_S)
    leaf = x509.load_pem_x509_certificate(made.files.certificate.read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.1"]
