import base64
import hashlib
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postier.mailauth import arc, dkim
from postier.mailauth.letter import Letter
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import SERVFAIL, Answer, StaticResolver, TxtQuestion

PASS, FAIL, NONE = Outcome.PASS, Outcome.FAIL, Outcome.NONE


def test_no_chain(letter, verify, zone):
    assert verify(letter).result is NONE
    assert verify(b"").result is NONE
    assert zone.asked == []


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_chains_pass(chain, verify, zone, count):
    result = verify(chain(count))
    assert (result.result, result.oldest_pass) == (PASS, 0)
    assert result.sealers == tuple(f"s{index % 3}.test" for index in range(count))
    assert len(result.assessments) == count
    assert result.assessments[0].startswith(b" mx.s0.test;")
    assert result.is_from_signed
    assert len(zone.asked) == min(count, 3)


def test_fifty_sets(chain, verify):
    message = chain(50)
    start = time.process_time()
    assert verify(message).result is PASS
    assert time.process_time() - start < 1
    assert chain(51) == message  # the fifty-first is not added


def test_order_of_the_fields_does_not_matter(chain, verify):
    header, _, body = chain(3).partition(b"\r\n\r\n")
    fields = Letter.parse(header + b"\r\n\r\n").fields
    shuffled = b"\r\n".join(field.raw for field in reversed(fields))
    assert verify(shuffled + b"\r\n\r\n" + body).result is PASS


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"Hello,", b"Hallo,", "message signature of set 2: the body was changed"),
        (b"Subject: hello", b"Subject: hallo", "message signature of set 2: a signed header"),
        (b"spf=pass", b"spf=none", "seal of set 1 is wrong"),
        (
            b"ARC-Authentication-Results: i=1; ",
            b"ARC-Authentication-Results: i=1;  x",
            "seal of set 1 is wrong",
        ),
        (b"t=1000", b"t=999", "seal of set 1 is wrong"),
        (b"i=2; s=arc", b"i=2; s=other", "no such key"),
    ],
)
def test_changes(chain, verify, old, new, words):
    message = chain(2)
    place = message.rindex(old)
    result = verify(message[:place] + new + message[place + len(old) :])
    assert result.result is FAIL
    assert words in result.problem
    assert result.trace[-1] == result.problem


def test_white_space_of_the_chain_may_change(chain, verify):
    assert verify(chain(2).replace(b"ARC-Seal: a=", b"arc-seal :\r\n\ta=")).result is PASS


def test_a_later_change_with_a_new_set(chain, verify, sealers, letter):
    changed = chain(1).replace(b"Hello,", b"Hello, dear")
    message = arc.seal(changed, sealers[1], "mx.s1.test", 1001, status=PASS, results=[]) + changed
    result = verify(message)
    assert (result.result, result.oldest_pass) == (PASS, 2)
    assert "changed after set 1" in result.trace[0]


def test_a_key_that_cannot_be_had_fails_for_good(chain):  # RFC 8617 §5.2.1
    key = b"v=DKIM1; k=ed25519; s=tlsrpt; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    for answer in (SERVFAIL, Answer(), Answer((b"v=DKIM1; p=",)), Answer((key,))):
        zone = StaticResolver({TxtQuestion("arc._domainkey.s0.test"): answer})
        assert arc.run(arc.verify(chain(1), 2000), zone).result is FAIL


def test_a_failed_chain_stays_failed(chain, verify, sealers):
    broken = chain(1).replace(b"spf=pass", b"spf=none")
    ended = arc.seal(broken, sealers[1], "mx.s1.test", 1001, status=FAIL, results=[]) + broken
    result = verify(ended)
    assert (result.result, result.has_ended) == (FAIL, True)
    assert arc.seal(ended, sealers[2], "mx.s2.test", 1002, status=FAIL, results=[]) == b""


def test_from_that_is_not_signed_is_told(letter, sealers, verify):
    message = arc.seal(letter, sealers[0], "a.test", 1, status=NONE, results=[], headers=["Subject"]) + letter
    result = verify(message)
    assert result.result is PASS
    assert not result.is_from_signed


def test_partial_and_expired_message_signatures_do_not_pass(chain, verify):
    message = chain(1)
    raw = next(field.raw for field in Letter.parse(message).fields if field.name == b"arc-message-signature")
    assert "expired" in verify(message.replace(raw, raw + b"; x=1500")).problem
    short = base64.b64encode(hashlib.sha256(b"Hel").digest())
    partial = re.sub(rb"bh=[^;]*", b"bh=" + short, raw) + b"; l=3"
    assert "not covered" in verify(message.replace(raw, partial)).problem


def test_1024_bit_rsa_passes_and_less_does_not(letter, weak_key):
    key = arc.SigningKey("s.test", "arc", weak_key)
    message = arc.seal(letter, key, "a.test", 1, status=NONE, results=[], min_rsa_bits=1024) + letter
    zone = StaticResolver.of_txt({"arc._domainkey.s.test": dkim.key_record(weak_key.public_key())})
    assert arc.run(arc.verify(message, 2), zone).result is PASS


def test_in_steps(chain, zone):
    letter = Letter.parse(chain(2))
    validation = arc.Validation(letter.fields, 2000)
    for octet in bytes(letter.body[0]):
        validation.update(bytes((octet,)))
    assert arc.run(validation.result(), zone).result is PASS


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_never_raises_and_never_invents(data):
    key = arc.SigningKey("s0.test", "arc", dkim.generate_key("ed25519"))
    zone = StaticResolver.of_txt({"arc._domainkey.s0.test": dkim.key_record(key.private.public_key())})
    message = b"From: a@b.test\r\n\r\nbody\r\n"
    message = arc.seal(message, key, "a.test", 1, status=NONE, results=[]) + message
    place = data.draw(st.integers(0, len(message)))
    junk = data.draw(st.binary(max_size=40))
    assert arc.run(arc.verify(message[:place] + junk + message[place:], 2), zone).result in {PASS, FAIL, NONE}
