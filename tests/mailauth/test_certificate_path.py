import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.certificate_path import is_named, is_signed_with
from postier.mailauth.dane import Match, match
from tests.mailauth.authorities import NOW, Authority


def ask(records, chain):
    return match(records, [entry.der for entry in chain], ["mx.example.com"], NOW).result


def usage_of(*, key_cert_sign):
    words = [
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
    ]
    words += ["crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(key_cert_sign=key_cert_sign, **dict.fromkeys(words, False))


@pytest.mark.parametrize("is_allowed", [True, False])
def test_the_key_usage_of_an_issuer(is_allowed):  # RFC 5280 §4.2.1.3
    anchor = Authority("Root", is_ca=True, extensions=[usage_of(key_cert_sign=is_allowed)])
    child = Authority("mx.example.com", anchor, names=["mx.example.com"])
    assert (ask([anchor.tlsa(2, 0, 1)], [child, anchor]) is Match.MATCH) == is_allowed


@pytest.mark.parametrize(("longest", "result"), [(None, Match.MATCH), (1, Match.MATCH), (0, Match.MISMATCH)])
def test_the_path_length_of_an_anchor_holds(longest, result):  # RFC 7671 §5.2.1
    anchor = Authority("Root", is_ca=True, path_length=longest)
    between = Authority("Between", anchor, is_ca=True)
    child = Authority("mx.example.com", between, names=["mx.example.com"])
    assert ask([anchor.tlsa(2, 0, 1)], [child, between, anchor]) is result
    direct = Authority("mx.example.com", anchor, names=["mx.example.com"])
    assert ask([anchor.tlsa(2, 0, 1)], [direct, anchor]) is Match.MATCH


@pytest.mark.parametrize(
    ("permitted", "excluded", "names", "is_allowed"),
    [
        (["example.com"], None, ["mx.example.com"], True),
        (["example.com"], None, ["mx.example.com", "other.test"], False),
        (["other.test"], None, ["mx.example.com"], False),
        (["ample.com"], None, ["mx.example.com"], False),
        (None, ["example.com"], ["mx.example.com"], False),
        (None, ["mail.example.com"], ["mx.example.com"], True),
        (["example.com"], ["mx.example.com"], ["*.example.com"], True),
        (["example.com"], ["example.com"], ["*.example.com"], False),
    ],
)
def test_the_names_an_anchor_may_vouch_for(permitted, excluded, names, is_allowed):  # RFC 5280 §4.2.1.10
    trees = [entries and [x509.DNSName(entry) for entry in entries] for entries in (permitted, excluded)]
    anchor = Authority("Root", is_ca=True, extensions=[x509.NameConstraints(*trees)])
    child = Authority("mx.example.com", anchor, names=names)
    assert (ask([anchor.tlsa(2, 0, 1)], [child, anchor]) is Match.MATCH) == is_allowed


@pytest.mark.parametrize(
    ("presented", "name", "is_match"),
    [
        ("mx.example.com", "MX.example.com.", True),
        ("MX.Example.com", "mx.example.com", True),
        ("*.example.com", "mx.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.mx.example.com", False),
        ("m*.example.com", "mx.example.com", False),  # RFC 7672 §3.2.3: the whole first label
        ("*x.example.com", "mx.example.com", False),
        ("mx.*.com", "mx.example.com", False),
        ("xn--bcher-kva.test", "b\u00fccher.test", True),
        ("mx.example.com", "", False),
        ("mx.example.com", "..", False),
    ],
)
def test_names(presented, name, is_match):
    certificate = x509.load_der_x509_certificate(Authority("x", names=[presented]).der)
    assert is_named(certificate, name) == is_match


@given(st.binary(max_size=200))
def test_any_octets_are_no_key(key_info):
    certificate = x509.load_der_x509_certificate(_ROOT.der)
    assert not is_signed_with(certificate, key_info)
    assert is_signed_with(certificate, _ROOT.spki)


_ROOT = Authority("Root", is_ca=True)
