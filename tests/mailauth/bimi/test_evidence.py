import base64
import datetime as dt
import functools
import hashlib

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from postier.mailauth.bimi import logotype
from postier.mailauth.bimi.evidence import (
    MAX_CERTIFICATES,
    MAX_EVIDENCE_OCTETS,
    read_roots,
    verify_evidence,
)
from postier.mailauth.bimi.indicator import MAX_INDICATOR_OCTETS, read_indicator
from postier.mailauth.bimi.record import BimiError
from tests.mailauth.bimi import marks
from tests.mailauth.bimi.marks import LOGO, NOW_S, OTHER_LOGO, authority, embedded, pem


def verify(octets, *, domains=("alpha.test", "alpha.test"), selector="default", now_s=NOW_S, fetched=LOGO):
    return verify_evidence(
        octets,
        read_roots(pem(authority().root)),
        domains=domains,
        selector=selector,
        now_s=now_s,
        fetched=None if fetched is None else read_indicator(fetched),
    )


def test_a_mark():
    evidence = verify(authority().mark("alpha.test", "other.test"))
    assert evidence.indicator.document == LOGO
    assert (evidence.organisation, evidence.issuer) == ("Alpha Inc", "Marks")
    assert evidence.names == ("alpha.test", "other.test")
    assert evidence.expires_s == int((marks.NOW + dt.timedelta(days=365)).timestamp())
    assert evidence.log_timestamps == 0
    assert verify(authority().mark("alpha.test"), fetched=None).indicator.document == LOGO


@pytest.mark.parametrize(
    ("name", "domains", "selector", "is_fine"),
    [
        ("alpha.test", ("news.alpha.test", "alpha.test"), "default", True),
        ("news.alpha.test", ("news.alpha.test", "alpha.test"), "default", True),
        ("ALPHA.test", ("alpha.test",), "default", True),
        ("news.alpha.test", ("alpha.test", "alpha.test"), "default", False),
        ("beta.test", ("alpha.test", "alpha.test"), "default", False),
        ("brand._bimi.alpha.test", ("alpha.test",), "brand", True),
        ("brand._bimi.alpha.test", ("alpha.test",), "default", False),
        ("brand._bimi.beta.test", ("alpha.test",), "brand", False),
        ("*.alpha.test", ("news.alpha.test", "alpha.test"), "default", False),
    ],
)
def test_whose_it_is(name, domains, selector, is_fine):
    octets = authority().mark(name)
    if is_fine:
        assert verify(octets, domains=domains, selector=selector).names == (name,)
    else:
        with pytest.raises(BimiError, match="the certificate is for"):
            verify(octets, domains=domains, selector=selector)
    assert verify_evidence(octets, [authority().root], domains=None, selector="", now_s=NOW_S)


DAY_S = 86_400
SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH


@pytest.mark.parametrize(
    ("octets", "now_s", "why"),
    [
        (lambda a: a.mark("alpha.test"), NOW_S + 366 * DAY_S, "not valid at"),
        (lambda a: a.mark("alpha.test"), NOW_S - 3 * DAY_S, "not valid at"),
        (lambda _: authority("Others").mark("alpha.test"), NOW_S, "no trusted authority"),
        (lambda a: pem(a.leaf("alpha.test", logo=embedded(LOGO))), NOW_S, "no trusted authority"),
        (
            lambda a: pem(a.leaf("alpha.test", logo=embedded(LOGO)), a.not_an_authority()),
            NOW_S,
            "no trusted authority",
        ),
        (lambda a: a.mark("alpha.test", is_authority=True), NOW_S, "the leaf is an authority"),
        (lambda a: a.mark("alpha.test", purposes=()), NOW_S, "not made for BIMI"),
        (lambda a: a.mark("alpha.test", purposes=(SERVER_AUTH,)), NOW_S, "not made for BIMI"),
        (lambda a: pem(a.leaf("alpha.test"), a.intermediate), NOW_S, "has no logo"),
        (lambda a: a.mark("alpha.test", logo=b"\x30\x00"), NOW_S, "has no logo"),
        (lambda a: a.mark("alpha.test", logo=b"\x30\x05"), NOW_S, "cut off"),
        (lambda a: a.mark("alpha.test", logo=embedded(OTHER_LOGO)), NOW_S, "not the one of the certificate"),
        (lambda a: a.mark("alpha.test", logo=embedded(LOGO, digest_of=b"")), NOW_S, "another hash"),
        (lambda a: a.mark("alpha.test", logo=embedded(b"<svg/>")), NOW_S, "not SVG"),
        (lambda _: b"nonsense", NOW_S, "no PEM"),
        (lambda _: b"", NOW_S, "no PEM"),
        (lambda a: pem(*[a.intermediate] * (MAX_CERTIFICATES + 1)), NOW_S, "certificates"),
        (lambda a: a.mark("alpha.test") + b"\n" * MAX_EVIDENCE_OCTETS, NOW_S, "octets"),
    ],
)
def test_what_is_no_evidence(octets, now_s, why):
    with pytest.raises(BimiError) as refusal:
        verify(octets(authority()), now_s=now_s)
    assert why in str(refusal.value)


def test_without_roots_nobody_is_believed():
    with pytest.raises(BimiError, match="no trusted authority"):
        verify_evidence(authority().mark("alpha.test"), (), domains=None, selector="", now_s=NOW_S)


def test_a_logo_that_the_certificate_only_names():
    by_hash = marks.logotype(b"https://alpha.test/logo.svg", hashlib.sha256(LOGO).digest())
    assert verify(authority().mark("alpha.test", logo=by_hash)).indicator.document == LOGO
    for fetched in (OTHER_LOGO, None):
        with pytest.raises(BimiError, match="not the one"):
            verify(authority().mark("alpha.test", logo=by_hash), fetched=fetched)
    sha1 = hashlib.sha1(LOGO).digest()  # noqa: S324 -- what must not count
    weak = marks.logotype(b"https://alpha.test/logo.svg", sha1, algorithm="2b0e03021a")
    with pytest.raises(BimiError, match="not the one"):
        verify(authority().mark("alpha.test", logo=weak))


def test_logotype_images():
    (image,) = logotype.subject_images(embedded(LOGO))
    assert (image.media_type, image.hashes[0][0]) == ("image/svg+xml", "sha256")
    assert read_indicator(image.embedded()).document == LOGO
    plain = logotype.LogotypeImage("image/svg+xml", (), ("data:image/svg+xml,%3Csvg/%3E",))
    assert plain.embedded() == b"<svg/>"
    elsewhere = logotype.LogotypeImage("image/svg+xml", (), ("https://alpha.test/x.svg",))
    assert elsewhere.embedded() is None
    for url in (
        "data:image/svg+xml;base64,&&&",
        "data:image/svg+xml;base64," + "A" * (2 * MAX_INDICATOR_OCTETS + 1),
    ):
        with pytest.raises(BimiError):
            logotype.LogotypeImage("", (), (url,)).embedded()


def test_more_images_than_are_read():
    one = marks.logotype(b"https://a.test/", b"")
    assert len(logotype.subject_images(one)) == 1
    image = marks.der(0x30, marks.der(0x30, marks.der(0x16, b""), marks.der(0x30), marks.der(0x30)))
    for count in (logotype.MAX_IMAGES, logotype.MAX_IMAGES + 1):
        many = marks.der(0x30, marks.der(0xA2, marks.der(0xA0, marks.der(0x30, image * count))))
        if count <= logotype.MAX_IMAGES:
            assert len(logotype.subject_images(many)) == count
        else:
            with pytest.raises(BimiError, match="more than"):
                logotype.subject_images(many)


@given(st.binary(), st.integers(0, 400), st.integers(0, 5))
def test_any_extension(junk, place, cut):
    known = embedded(LOGO)
    for octets in (junk, known[:place] + junk + known[place + cut :]):
        try:
            for image in logotype.subject_images(octets):
                image.embedded()
        except BimiError:
            continue


@functools.cache
def whole_leaf():
    leaf = authority().leaf("alpha.test", logo=embedded(LOGO))
    return leaf.public_bytes(marks.serialization.Encoding.DER)


# what is told of certificates that are no certificates is no fault of ours
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@settings(max_examples=60)
@given(st.data())
def test_any_certificate(data):
    """Damage to the DER of the leaf: refused, never an exception."""
    leaf = whole_leaf()
    place = data.draw(st.integers(0, len(leaf) - 1))
    junk = data.draw(st.binary(min_size=1, max_size=3))
    damaged = leaf[:place] + junk + leaf[place + len(junk) :]
    text = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(damaged) + b"-----END CERTIFICATE-----\n"
    for octets in (text + pem(authority().intermediate), junk):
        if damaged != leaf or octets == junk:
            with pytest.raises(BimiError):
                verify(octets)
