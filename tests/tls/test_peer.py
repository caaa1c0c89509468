"""`tls.peer` and `tls.client`: real handshakes in memory, held against each level of policy."""

import hashlib
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from postier.mailauth.dane import Tlsa
from postier.tls.certificates import CertificateFiles
from postier.tls.client import client_context
from postier.tls.peer import PeerFact, failed_handshake, peer_chain, verify_peer, without_tls
from postier.tls.policy import TlsLevel, TlsPolicy, TlsResult
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import NOW, Authority
from tests.tls_handshake import handshake

NOW_S = NOW.timestamp()
MX = "mx.alpha.test"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def server(authority, *names: str, days: int = 90) -> ssl.SSLContext:
    files = CertificateFiles(*authority.issue("mx", *(names or (MX,)), days=days))
    return ServerTls(Service.SMTP, [files], now=NOW.timestamp).context


def policy(level: TlsLevel, *tlsa: Tlsa, names: tuple[str, ...] = (MX,)) -> TlsPolicy:
    return TlsPolicy(level, MX, MX, names, tlsa, why="a test")


def meet(context: ssl.SSLContext, wanted: TlsPolicy, authority: Authority) -> PeerFact:
    """The fact of dialling `context` under a policy."""
    try:
        near, _ = handshake(context, client_context(wanted, authority.file), wanted.server_name)
    except ssl.SSLError as error:
        return failed_handshake(wanted, error)
    return verify_peer(wanted, near, NOW_S)


def leaf(authority: Authority) -> x509.Certificate:
    return x509.load_pem_x509_certificates((authority.folder / "mx.crt").read_bytes())[0]


def tlsa(certificate: x509.Certificate, usage: int, selector: int = 1, matching: int = 1) -> Tlsa:
    data = (
        certificate.public_bytes(serialization.Encoding.DER)
        if selector == 0
        else certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    digest = {0: data, 1: hashlib.sha256(data).digest(), 2: hashlib.sha512(data).digest()}[matching]
    return Tlsa(usage, selector, matching, digest)


@pytest.mark.parametrize("level", [TlsLevel.OPPORTUNISTIC, TlsLevel.ENCRYPTED])
def test_any_certificate_will_do_without_a_check(authority, level):
    fact = meet(server(authority, "other.test", days=-1), policy(level), authority)
    assert fact.is_acceptable
    assert fact.is_encrypted
    assert fact.version == "TLSv1.3"
    assert fact.cipher
    assert fact.verified_by == ""


@pytest.mark.parametrize("level", [TlsLevel.REQUIRED, TlsLevel.MTA_STS])
def test_a_valid_certificate_satisfies(authority, level):
    fact = meet(server(authority), policy(level), authority)
    assert (fact.is_acceptable, fact.verified_by, fact.result) == (True, "pkix", None)


@pytest.mark.parametrize("level", [TlsLevel.REQUIRED, TlsLevel.MTA_STS])
def test_an_invalid_certificate_is_named(authority, level, tmp_path):
    wanted = policy(level)
    other = meet(server(authority, "other.test"), wanted, authority)
    assert (other.is_acceptable, other.result) == (False, TlsResult.CERTIFICATE_HOST_MISMATCH)
    assert not other.may_go_plain
    expired = meet(server(authority, MX, days=-1), wanted, authority)
    assert expired.result is TlsResult.CERTIFICATE_EXPIRED
    stranger = Authority(tmp_path, "Other Authority")
    unknown = meet(server(authority), wanted, stranger)
    assert unknown.result is TlsResult.CERTIFICATE_NOT_TRUSTED
    assert unknown.why


def test_the_common_name_is_no_name(authority):
    fact = meet(common_name_only(authority), policy(TlsLevel.MTA_STS), authority)
    assert fact.result is TlsResult.CERTIFICATE_HOST_MISMATCH


def common_name_only(authority: Authority) -> ssl.SSLContext:
    return ServerTls(Service.SMTP, [CertificateFiles(*authority.issue(MX))]).context


# ── DANE ──


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_dane_ee_looks_at_the_leaf_alone(authority, selector, matching):
    context = server(authority, "other.test", days=-1)  # RFC 7672 §3.1.1: neither name nor date matter
    fact = meet(context, policy(TlsLevel.DANE, tlsa(leaf(authority), 3, selector, matching)), authority)
    assert (fact.is_acceptable, fact.verified_by) == (True, "dane")


def test_dane_ta_looks_at_names_and_dates(authority):
    anchor = tlsa(authority.certificate, 2, 0)
    assert meet(server(authority), policy(TlsLevel.DANE, anchor), authority).is_acceptable
    both = policy(TlsLevel.DANE, anchor, names=("mx9.test", "alpha.test"))
    assert meet(server(authority, "alpha.test"), both, authority).is_acceptable
    assert not meet(server(authority, "other.test"), policy(TlsLevel.DANE, anchor), authority).is_acceptable
    assert not meet(server(authority, days=-1), policy(TlsLevel.DANE, anchor), authority).is_acceptable


def test_dane_that_does_not_match_is_not_acceptable_whatever_the_webpki_says(authority, tmp_path):
    stranger = Authority(tmp_path, "Other Authority")
    for record in (tlsa(stranger.certificate, 3), tlsa(stranger.certificate, 2, 0)):
        fact = meet(server(authority), policy(TlsLevel.DANE, record), authority)
        assert not fact.is_acceptable
        assert fact.result is TlsResult.CERTIFICATE_NOT_TRUSTED
        assert fact.why
        assert not fact.may_go_plain


def test_the_chain_comes_leaf_first(authority):
    near, _ = handshake(server(authority), client_context(policy(TlsLevel.DANE)), MX)
    assert peer_chain(near) == tuple(
        one.public_bytes(serialization.Encoding.DER) for one in (leaf(authority), authority.certificate)
    )


# ── without TLS, and after a failure ──


@pytest.mark.parametrize("level", TlsLevel)
def test_no_tls_is_acceptable_only_without_a_policy(level):
    fact = without_tls(policy(level))
    optional = level in {TlsLevel.NONE, TlsLevel.OPPORTUNISTIC}
    assert fact.is_acceptable is optional
    assert fact.result is (None if optional else TlsResult.STARTTLS_NOT_SUPPORTED)
    assert not fact.is_encrypted


@pytest.mark.parametrize("level", TlsLevel)
@pytest.mark.parametrize("error", [ssl.SSLError("bad"), ConnectionResetError("gone"), TimeoutError()])
def test_a_failed_handshake_may_go_plain_only_without_a_policy(level, error):
    fact = failed_handshake(policy(level), error)
    assert not fact.is_acceptable
    assert fact.result is TlsResult.VALIDATION_FAILURE
    assert fact.why
    assert fact.may_go_plain is (level in {TlsLevel.NONE, TlsLevel.OPPORTUNISTIC})


def test_a_handshake_made_another_way_proves_nothing(authority):
    near, _ = handshake(server(authority), client_context(policy(TlsLevel.OPPORTUNISTIC)), MX)
    with pytest.raises(ValueError, match="client_context"):
        verify_peer(policy(TlsLevel.MTA_STS), near, NOW_S)
    near, _ = handshake(
        server(authority, "x.test"), client_context(policy(TlsLevel.REQUIRED), authority.file), "x.test"
    )
    with pytest.raises(ValueError, match="server_name"):
        verify_peer(policy(TlsLevel.MTA_STS), near, NOW_S)


def test_contexts_are_made_once_and_never_for_none(authority):
    for level in (TlsLevel.OPPORTUNISTIC, TlsLevel.DANE, TlsLevel.MTA_STS):
        assert client_context(policy(level), authority.file) is client_context(policy(level), authority.file)
    with pytest.raises(ValueError, match="no TLS"):
        client_context(policy(TlsLevel.NONE))
