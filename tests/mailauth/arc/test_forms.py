"""Sets in every form, legal and not, signed by hand: what the tag lists of each field may say, RFC 8617 §4.1 and §5.2."""

import base64
import hashlib
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from postier.mailauth import arc, dkim
from postier.mailauth.questions import StaticResolver

BODY = "Hello,\r\nall of  you \r\n"
RELAXED_BODY = "Hello,\r\nall of you\r\n"
LETTER = (
    f"Subject: hello\r\nFrom: alice@example.com\r\nTo: one@example.org\r\nTo: two@example.org\r\n\r\n{BODY}"
)
AAR = "ARC-Authentication-Results: i=1; lists.test; spf=pass smtp.mailfrom=a@example.com"
AMS = "ARC-Message-Signature: i=1; a=rsa-sha256; d=s.test; s=arc; c=relaxed/relaxed; t=1000; h=from:subject; bh={bh}; b={b}"
SEAL = "ARC-Seal: i=1; a=rsa-sha256; d=s.test; s=arc; t=1000; cv=none; b={b}"


def digest(text, name="sha256"):
    return base64.b64encode(hashlib.new(name, text.encode()).digest()).decode()


def relaxed(field):
    name, _, value = field.partition(":")
    return f"{name.lower().strip()}:{re.sub('[ ]+', ' ', value.replace(chr(13) + chr(10), '')).strip()}"


def signature(private, texts, hashing=SHA256):
    return base64.b64encode(private.sign("\r\n".join(texts).encode(), PKCS1v15(), hashing())).decode()


@pytest.fixture
def handmade(weak_key):
    """handmade(...): a letter with one set in these words, and what its validation gives."""

    def made(
        ams=AMS,
        seal=SEAL,
        aar=AAR,
        *,
        header=None,
        canon=relaxed,
        body=RELAXED_BODY,
        hashes=(SHA256, SHA256),
        change=None,
    ):
        if header is None:
            header = ["from: alice@example.com", "subject: hello"]
        bodies = digest(body, hashes[0].name)
        own = ams.format(bh=bodies, b="")
        ams = ams.format(bh=bodies, b=signature(weak_key, [*map(canon, header), canon(own)], hashes[0]))
        scope = [relaxed(aar), relaxed(ams), relaxed(seal.format(b=""))]
        seal = seal.format(b=signature(weak_key, scope, hashes[1]))
        message = f"{seal}\r\n{ams}\r\n{aar}\r\n{LETTER}"
        zone = StaticResolver.of_txt({"arc._domainkey.s.test": dkim.key_record(weak_key.public_key())})
        return arc.run(arc.verify((change(message) if change else message).encode(), 2000), zone)

    return made


@pytest.mark.parametrize(
    ("ams", "result"),
    [
        (AMS, "pass"),
        (AMS + ";", "pass"),
        (AMS.replace("; ", " ; "), "pass"),
        (AMS.replace("d=", "d\r\n  = "), "pass"),
        (AMS.replace("c=", "w=unknown; c="), "pass"),
        (AMS.replace("c=", "v=2; c="), "pass"),  # RFC 8617 §4.1.2: a version MUST be ignored
        (AMS.replace("c=", "q=dns/txt; c="), "pass"),
        (AMS.replace("c=", "q=carrier/pigeon; c="), "fail"),
        (AMS.replace("c=", "z=from:alice|; c="), "pass"),
        (AMS.replace("i=1", "i=1 (a comment)"), "pass"),
        (AMS.replace("rsa-sha256", "RSA-SHA256"), "pass"),
        (AMS.replace("d=s.test", "d=S.Test"), "pass"),
        (AMS.replace(" t=1000;", ""), "pass"),
        (AMS.replace("t=1000", "t=1000; x=3000"), "pass"),
        (AMS.replace("t=1000", "t=1000; x=1500"), "fail"),
        (AMS.replace("t=1000", "t=1000; x=999"), "fail"),
        (AMS.replace("t=1000", "t=9000"), "fail"),
        (AMS.replace("t=1000", "t=10 00"), "fail"),
        (AMS.replace("t=1000", "t="), "fail"),
        (AMS.replace("t=1000", "t=-1"), "fail"),
        (AMS.replace("a=rsa-sha256; ", ""), "fail"),
        (AMS.replace("rsa-sha256", ""), "fail"),
        (AMS.replace("rsa-sha256", "rsa-sha512"), "fail"),
        (AMS.replace("rsa-sha256", "ed25519-sha256"), "fail"),  # the key is another
        (AMS.replace("d=s.test; ", ""), "fail"),
        (AMS.replace("d=s.test", "d=s..test"), "fail"),
        (AMS.replace("s=arc; ", ""), "fail"),
        (AMS.replace("s=arc", "s="), "fail"),
        (AMS.replace("s=arc", "S=arc"), "fail"),
        (AMS.replace("h=", "H="), "fail"),
        (AMS.replace("s=arc", "s=arc; s=arc"), "fail"),
        (AMS.replace("s=arc", "s=arc;"), "fail"),
        (AMS.replace("s=arc", "s=arc; ="), "fail"),
        (AMS.replace("s=arc", "s=arc; 1=2"), "fail"),
        (AMS.replace("bh={bh}", "bh="), "fail"),
        (AMS.replace("bh={bh}; ", ""), "fail"),
        (AMS.replace("bh={bh}", "bh=!{bh}"), "fail"),
        (AMS.replace("bh={bh}", "bh= {bh} "), "pass"),
        (AMS.replace("c=relaxed/relaxed", "c="), "fail"),
        (AMS.replace("c=relaxed/relaxed", "c=relaxed/nofws"), "fail"),
        (AMS.replace("c=relaxed/relaxed; ", ""), "pass"),  # as the drafts of RFC 8617 read it
        (AMS.replace("; b={b}", ""), "fail"),
        (AMS.replace("b={b}", "b="), "fail"),
        (AMS.replace("h=from:subject", "h=from:subject:arc-seal"), "fail"),
        (AMS.replace("h=from:subject", "h= From :\r\n Subject"), "pass"),
        (AMS.replace("h=from:subject", "h=from::subject"), "pass"),  # as the public suite reads it
        (AMS.replace("h=from:subject", "h=from:subject:x-none:from"), "pass"),
        (AMS.replace("h=from:subject", "h=subject:from"), "fail"),  # the order is part of it
    ],
)
def test_message_signatures(handmade, ams, result):
    assert handmade(ams).result == result


def test_a_message_signature_without_c_is_simple_or_what_the_drafts_had(handmade):
    """RFC 6376 §3.5: simple/simple."""
    header = ["From: alice@example.com", "Subject: hello"]
    ams = AMS.replace(" c=relaxed/relaxed;", "")
    assert handmade(ams, header=header, canon=str, body=BODY).result == "pass"
    assert (
        handmade(AMS.replace("relaxed/relaxed", "simple"), header=header, canon=str, body=BODY).result
        == "pass"
    )
    assert handmade(ams, header=header, canon=str).result == "fail"  # half of each is neither


def test_repeated_fields_are_signed_from_the_bottom_up(handmade):
    ams = AMS.replace("h=from:subject", "h=from:to:to")
    header = ["from: alice@example.com", "to: two@example.org", "to: one@example.org"]
    assert handmade(ams, header=header).result == "pass"
    assert handmade(ams, header=[header[0], header[2], header[1]]).result == "fail"


def test_sha1_is_refused_in_both(handmade):  # RFC 8301 §3.1
    assert "rsa-sha1" in handmade(AMS.replace("sha256", "sha1"), hashes=(SHA1, SHA256)).problem
    assert "rsa-sha1" in handmade(seal=SEAL.replace("sha256", "sha1"), hashes=(SHA256, SHA1)).problem


@pytest.mark.parametrize(
    ("seal", "result"),
    [
        (SEAL + ";", "pass"),
        (SEAL.replace("; ", "\r\n ;\r\n "), "pass"),
        (SEAL.replace("cv=", "cv = "), "pass"),
        (SEAL.replace("cv=none", "cv=NONE"), "pass"),
        (SEAL.replace("cv=none", "w=x; cv=none"), "pass"),
        (SEAL.replace("cv=none", "bh=QQ==; c=simple; cv=none"), "pass"),  # §4.1.3: not supported, so ignored
        (SEAL.replace(" t=1000;", ""), "pass"),
        (SEAL.replace("i=1", "i=1 (a comment)"), "pass"),
        (SEAL.replace("cv=none", "h=from; cv=none"), "fail"),
        (SEAL.replace("cv=none", "h=; cv=none"), "fail"),
        (SEAL.replace("t=1000", "t="), "fail"),
        (SEAL.replace("t=1000", "t=12 345"), "fail"),
        (SEAL.replace("t=1000", "t=-123.4"), "fail"),
        (SEAL.replace("cv=none; ", ""), "fail"),
        (SEAL.replace("cv=none", "cv="), "fail"),
        (SEAL.replace("cv=none", "cv=pass"), "fail"),
        (SEAL.replace("cv=none", "cv=fail"), "fail"),
        (SEAL.replace("cv=none", "cv=:)"), "fail"),
        (SEAL.replace("a=rsa-sha256; ", ""), "fail"),
        (SEAL.replace("a=rsa-sha256", "a="), "fail"),
        (SEAL.replace("a=rsa-sha256", "a=rsa-sha42"), "fail"),
        (SEAL.replace("d=s.test; ", ""), "fail"),
        (SEAL.replace("d=s.test", "d="), "fail"),
        (SEAL.replace("d=s.test", "d=***"), "fail"),
        (SEAL.replace("d=s.test", "d=other.test"), "fail"),
        (SEAL.replace("s=arc; ", ""), "fail"),
        (SEAL.replace("s=arc", "s="), "fail"),
        (SEAL.replace("s=arc", "S=arc"), "fail"),
        (SEAL.replace("s=arc", "s=arc; _="), "fail"),
        (SEAL.replace("s=arc", "s=arc; s=arc"), "fail"),
        (SEAL.replace("s=arc", "s=arc;"), "fail"),
        (SEAL.replace("; b={b}", ""), "fail"),
        (SEAL.replace("b={b}", "b="), "fail"),
        (SEAL.replace("b={b}", "b=yo-mama"), "fail"),
        (SEAL.replace("i=1; ", ""), "fail"),
        (SEAL.replace("i=1", "i="), "fail"),
        (SEAL.replace("i=1", "i=0"), "fail"),
        (SEAL.replace("i=1", "i=one"), "fail"),
        (SEAL.replace("i=1", "i=2"), "fail"),
    ],
)
def test_seals(handmade, seal, result):
    assert handmade(seal=seal).result == result


@pytest.mark.parametrize(
    ("aar", "result"),
    [
        (AAR.replace("i=1;", "i=1 (mine) ;"), "pass"),
        (AAR.replace("i=1;", "(mine)\r\n i\r\n = 01;"), "pass"),
        (AAR.replace("lists.test;", "l\u00efsts.test;"), "pass"),  # RFC 8617 §4.1.4
        (AAR.replace("i=1; ", ""), "fail"),
        (AAR.replace("i=1;", "i=;"), "fail"),
        (AAR.replace("i=1;", "i=1"), "fail"),
        (AAR.replace("i=1; lists.test;", "lists.test; i=1;"), "fail"),
        (AAR.replace("i=1", "I=1"), "fail"),
        (AAR.replace("i=1", "i=2"), "fail"),
        (f"{AAR}\r\n{AAR}", "fail"),
        ("X-Nothing: i=1; none", "fail"),
    ],
)
def test_assessments(handmade, aar, result):
    assert handmade(aar=aar).result == result


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ARC-Seal: ", "arc-SEAL :   "),
        ("; cv=none", ";    cv=none"),
        ("; cv=none", ";\r\n\tcv=none"),
        ("; b=", "; b= \r\n "),
        ("From: alice", "FROM:alice"),
        ("alice@", "\r\n  alice@"),
        ("example.com\r\nTo", "example.com  \r\nTo"),
        ("all of  you \r\n", "all of you\r\n\r\n\r\n"),
    ],
)
def test_what_relaxed_forgives(handmade, old, new):
    assert handmade(change=lambda message: message.replace(old, new, 1)).result == "pass"


def test_white_space_within_b_of_the_seal_is_nothing(handmade):
    spaced = re.compile(r"(ARC-Seal:.*?b=)(.)(.)")
    assert handmade(change=lambda message: spaced.sub(r"\1\2 \r\n \3", message, count=1)).result == "pass"
