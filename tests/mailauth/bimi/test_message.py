import base64

import pytest

from postier.mailauth import bimi, dkim, dmarc
from postier.mailauth.authentication_results import build, parse
from postier.mailauth.bimi import Assertion
from postier.mailauth.bimi.message import HASH_LENGTH, header_fields, of_bimi, strip_fields
from postier.mailauth.questions import run
from tests.mailauth.bimi.marks import LOGO, NOW_S, authority
from tests.mailauth.bimi.test_assertion import RECORD, WITH_EVIDENCE, World

LETTER = b"From: News <news@alpha.test>\r\nSubject: x\r\nBIMI-Selector: v=BIMI1; s=brand;\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def key():
    return dkim.SigningKey("alpha.test", "k", dkim.generate_key("ed25519"))


def world(key, records, files=()):
    record = dkim.key_record(key.private.public_key())
    return World({"k._domainkey.alpha.test": record, **records}, files)


def check(letter, key, *, headers=("from", "subject", "bimi-selector"), records=None, roots=()):
    answers = world(
        key,
        records or {"default._bimi.alpha.test": RECORD, "brand._bimi.alpha.test": WITH_EVIDENCE},
        {"https://logo.alpha.test/v.pem": authority().mark("alpha.test")},
    )
    signed = dkim.sign(letter, [key], NOW_S, headers=headers) + letter if headers else letter
    signatures = run(dkim.verify(signed, NOW_S), answers)
    verdict = run(dmarc.check(signed, None, signatures), answers)
    return run(bimi.check(signed, verdict, signatures, now_s=NOW_S, roots=roots), answers)


def test_a_signed_selector_counts(key):
    result = check(LETTER, key, roots=(authority().root,))
    assert (result.result, result.selector) == (Assertion.PASS, "brand")


def test_an_unsigned_or_doubled_selector_does_not(key):
    assert check(LETTER, key, headers=("from", "subject")).selector == "default"
    doubled = LETTER.replace(b"Subject", b"BIMI-Selector: v=BIMI1; s=brand\r\nSubject")
    assert check(doubled, key).selector == "default"
    assert check(LETTER.replace(b"s=brand", b"x=brand"), key).selector == "default"


def test_the_local_part_chooses(key):
    records = {"default._bimi.alpha.test": "v=BIMI1; l=; a=; lps=true", "news._bimi.alpha.test": RECORD}
    result = check(LETTER, key, headers=("from", "subject"), records=records)
    assert (result.result, result.selector) == (Assertion.PASS, "news")


def test_what_is_skipped(key):
    unsigned = check(LETTER, key, headers=())
    assert (unsigned.result, unsigned.problem) == (Assertion.SKIPPED, "DMARC gives fail")
    two = LETTER.replace(b"From:", b"From: a@beta.test\r\nFrom:")
    assert check(two, key, headers=()).result is Assertion.SKIPPED
    assert header_fields(unsigned) == b""


def test_authentication_results(key):
    result = check(LETTER, key, roots=(authority().root,))
    field = build("mx.beta.test", [of_bimi(result)])
    (method,) = parse(field.partition(b":")[2]).results
    assert (method.method, method.result) == ("bimi", "pass")
    assert method.value_of("header", "d") == "alpha.test"
    assert method.value_of("header", "selector") == "brand"
    assert method.value_of("policy", "authority") == "pass"
    assert method.value_of("policy", "authority-uri") == "https://logo.alpha.test/v.pem"
    assert method.value_of("policy", "indicator-hash") == result.indicator.sha256[-HASH_LENGTH:]
    skipped = of_bimi(bimi.assertion.skipped("DMARC gives fail"))
    assert build("mx.beta.test", [skipped]) == (
        b"Authentication-Results: mx.beta.test;\r\n bimi=skipped (DMARC gives fail)\r\n"
    )


def test_the_fields_for_the_client(key):
    result = check(LETTER, key, roots=(authority().root,))
    fields = header_fields(result)
    assert fields.startswith(
        b"BIMI-Location: v=BIMI1;\r\n l=https://logo.alpha.test/a.svg;\r\n a=https://logo.alpha.test/v.pem;\r\n"
    )
    assert fields.endswith(b"BIMI-Logo-Preference: avp=brand;\r\n")
    encoded = fields.partition(b"BIMI-Indicator:")[2].partition(b"BIMI-Logo")[0]
    assert base64.b64decode(b"".join(encoded.split()), validate=True) == LOGO
    assert max(map(len, fields.split(b"\r\n"))) <= 78
    unverified = check(LETTER, key)
    assert b" a=" not in header_fields(unverified)


def test_fields_from_outside_go():
    header = (
        b"bimi-location: v=BIMI1;\r\n l=https://e.test/x\r\nFrom: a@b.test\r\nBIMI-Indicator : AAAA\r\n AAAA\r\n"
        b"BIMI-Logo-Preference: avp=brand\r\nBIMI-Selector: v=BIMI1; s=x\r\n"
    )
    assert strip_fields(header + b"\r\nBIMI-Location: body\r\n") == (
        b"From: a@b.test\r\nBIMI-Selector: v=BIMI1; s=x\r\n\r\nBIMI-Location: body\r\n"
    )
    assert strip_fields(header) == b"From: a@b.test\r\nBIMI-Selector: v=BIMI1; s=x\r\n"
    assert strip_fields(b"BIMI-Indicator: x\r\n\r\nbody") == b"\r\nbody"
    assert strip_fields(LETTER) is LETTER
