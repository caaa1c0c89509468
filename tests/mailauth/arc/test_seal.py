import re

import pytest

from postier.mailauth import arc, dkim
from postier.mailauth.outcome import Outcome

OURS = b"Authentication-Results: mx.s0.test (here); arc=%s;\r\n  spf=pass (fine) smtp.mailfrom=a@b.test;\r\n  dmarc=pass\r\n"


def test_the_set_stands_in_order(letter, sealers):
    fields = arc.seal(letter, sealers[0], "mx.s0.test", 7, status=Outcome.NONE, results=[])
    assert re.findall(rb"^ARC-[A-Za-z-]+", fields, re.MULTILINE) == [
        b"ARC-Seal",
        b"ARC-Message-Signature",
        b"ARC-Authentication-Results",
    ]
    assert b"ARC-Authentication-Results: i=1; mx.s0.test; none\r\n" in fields
    assert b"cv=none; d=s0.test; i=1; s=arc; t=7" in b" ".join(fields.split())
    assert fields.endswith(b"\r\n")


def test_results_in_the_message_are_taken_over_and_merged(letter, sealers, verify):
    message = (
        b"Authentication-Results: mx.s0.test; arc=none\r\nAuthentication-Results: MX.s0.test; none\r\n"
        b"Authentication-Results: mx.s0.test; spf=pass (a; b) x.y=z\r\nAuthentication-Results: other.test; dkim=pass\r\n"
        + letter
    )
    fields = arc.seal(message, sealers[0], "mx.s0.test", 7)
    assert (
        b"ARC-Authentication-Results: i=1; mx.s0.test;\r\n arc=none;\r\n spf=pass (a; b) x.y=z\r\n" in fields
    )
    assert verify(fields + message).result is Outcome.PASS


@pytest.mark.parametrize(
    ("sets", "word", "cv"),
    [
        (0, b"none", b"none"),
        (1, b"pass", b"pass"),
        (1, b"fail", b"fail"),
        (0, b"pass", None),
        (1, b"none", None),
    ],
)
def test_the_status_comes_from_our_results(chain, sealers, sets, word, cv):
    fields = arc.seal(OURS % word + chain(sets), sealers[0], "mx.s0.test", 7)
    if cv is None:
        assert fields == b""
    else:
        assert b"cv=" + cv in fields


def test_no_results_of_ours_no_set(chain, letter, sealers):
    assert arc.seal(letter, sealers[0], "mx.s0.test", 7) == b""
    assert arc.seal(OURS % b"none" + letter, sealers[0], "mx.other.test", 7) == b""
    no_arc = b"Authentication-Results: mx.s0.test; spf=pass\r\n"
    assert arc.seal(no_arc + letter, sealers[0], "mx.s0.test", 7) != b""
    assert arc.seal(no_arc + chain(1), sealers[0], "mx.s0.test", 7) == b""


def test_contradicting_results_fail_the_chain(chain, sealers):
    fields = arc.seal(OURS % b"pass" + OURS % b"fail" + chain(1), sealers[0], "mx.s0.test", 7)
    assert b"cv=fail" in fields


def test_a_broken_structure_is_sealed_as_failed(chain, sealers):
    broken = chain(2).replace(b"ARC-Authentication-Results: i=1;", b"X-Gone: i=1;")
    fields = arc.seal(broken, sealers[0], "mx.s0.test", 7, status=Outcome.PASS, results=[])
    assert b"cv=fail" in fields
    assert b"i=3" in fields


@pytest.mark.parametrize(
    ("above", "instance"),
    [
        (b"ARC-Seal: i=1; cv=none\r\n", b"i=2;"),
        (b"ARC-Message-Signature: i=4; a=b\r\n", b"i=5;"),
        (b"ARC-Authentication-Results: nothing\r\n", b"i=2;"),
        (b"ARC-Seal: i=1; cv=fail\r\n", None),  # twice, and one of them says that the chain has ended
        (b"ARC-Seal: i=2; cv=fail; i=2\r\n", b"i=2;"),  # nobody can read that
        (b"ARC-Seal: i=51; cv=pass\r\n", None),
        (b"ARC-Seal: i=50; cv=pass\r\n", None),
        (b"ARC-Seal: i=49; cv=pass\r\n", b"i=50;"),
    ],
)
def test_a_malformed_chain_is_sealed_as_failed_above_its_highest_instance(chain, sealers, above, instance):
    # RFC 8617 §5.1 steps 2 and 3, §5.1.2
    fields = arc.seal(above + chain(1), sealers[1], "mx.s1.test", 7, status=Outcome.FAIL, results=[])
    if instance is None:
        assert fields == b""
    else:
        assert fields.count(instance) == 3
        assert b"cv=fail" in fields
        alone = arc.seal(chain(1), sealers[1], "mx.s1.test", 7, status=Outcome.FAIL, results=[])
        assert (fields == alone) == (instance == b"i=2;")  # the seal covers nothing of the chain below


def test_failed_seals_cover_only_their_own_set(chain, sealers):  # RFC 8617 §5.1.2
    one, other = chain(1), chain(1).replace(b"spf=pass", b"spf=fail")
    seals = {
        arc.seal(message, sealers[1], "a.test", 7, status=Outcome.FAIL, results=[])
        for message in (one, other)
    }
    assert len(seals) == 1


def test_what_may_be_deleted_is_not_signed(chain, sealers):
    names = [
        "From",
        "Authentication-Results",
        "ARC-Seal",
        "ARC-Message-Signature",
        "ARC-Authentication-Results",
    ]
    fields = arc.seal(chain(1), sealers[0], "a.test", 7, status=Outcome.PASS, results=[], headers=names)
    assert b"h=from;" in fields
    signed = b"DKIM-Signature: v=1\r\n" + chain(1)
    assert b"dkim-signature" in arc.seal(signed, sealers[0], "a.test", 7, status=Outcome.PASS, results=[])


def test_lines_are_legal(chain, sealers, rsa_key):
    key = arc.SigningKey("s0.test", "arc", rsa_key)
    fields = arc.seal(b"List-Id: x\r\n" * 60 + chain(1), key, "a.test", 7, status=Outcome.PASS, results=[])
    assert max(map(len, fields.split(b"\r\n"))) < 998


def test_weak_keys_do_not_seal(letter, weak_key):
    with pytest.raises(ValueError, match="1024"):
        arc.seal(
            letter, arc.SigningKey("a.test", "s", weak_key), "a.test", 7, status=Outcome.NONE, results=[]
        )


@pytest.mark.parametrize("status", ["none", Outcome.NONE])
def test_the_status_may_be_a_plain_word(status):
    key = arc.SigningKey("example.com", "s", dkim.generate_key("ed25519"))
    message = b"From: a@example.com\r\n\r\nHello\r\n"
    assert b"cv=none;" in arc.seal(message, key, "mx.example.com", 1, status=status, results=[])


@pytest.mark.parametrize("status", ["neutral", Outcome.TEMPERROR, "Pass", ""])
def test_a_status_that_no_chain_has(status):
    key = arc.SigningKey("example.com", "s", dkim.generate_key("ed25519"))
    with pytest.raises(ValueError, match="is no status of a chain"):
        arc.seal(b"From: a@example.com\r\n\r\n", key, "mx.example.com", 1, status=status, results=[])
