"""We sign and dkimpy verifies; dkimpy signs and we verify; both judge damaged messages.

Differences (seen, not random): dkimpy accepts l= short of the body (we: policy, RFC 6376 §8.2), rsa-sha1 (RFC 8301
§3.1), a second From that is not signed (RFC 6376 §8.15), and keeps a space at the end of a body's last line without CRLF
(RFC 6376 §3.4.4 ignores white space at the end of lines).
"""

import re

import dkim as dkimpy
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from postier.mailauth import dkim
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import StaticResolver

KEY = dkim.generate_key()
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
)
RECORD = dkim.key_record(KEY.public_key())
SIGNING = dkim.SigningKey("example.com", "s", KEY)
FAR = 10**11  # dkimpy signs at its own time

VALUES = st.lists(st.sampled_from([b" ", b"\t", b"a", b"b,", b"\r\n ", b"x:y"]), max_size=8).map(b"".join)
FIELDS = st.lists(st.tuples(st.sampled_from([b"To", b"Subject", b"X-A", b"Received"]), VALUES), max_size=6)
LINES = st.lists(st.sampled_from([b"", b" ", b"a", b"a  b", b"\tc ", b"."]), max_size=8)


def letter(fields, lines):
    head = b"From: a@example.com\r\n" + b"".join(name + b": x" + value + b"\r\n" for name, value in fields)
    return head + b"\r\n" + b"".join(line + b"\r\n" for line in lines)


def record(name, timeout=5):
    return RECORD.encode()


def ours(message):
    resolver = StaticResolver.of_txt({"s._domainkey.example.com": RECORD})
    (result,) = dkim.run(dkim.verify(message, FAR), resolver)
    return result.result is Outcome.PASS


@settings(max_examples=40, deadline=None)
@given(FIELDS, LINES)
def test_dkimpy_accepts_our_signatures(fields, lines):
    message = letter(fields, lines)
    assert dkimpy.verify(dkim.sign(message, [SIGNING], 1_600_000_000) + message, dnsfunc=record)


@settings(max_examples=40, deadline=None)
@given(
    FIELDS,
    LINES,
    st.sampled_from([b"simple", b"relaxed"]),
    st.sampled_from([b"simple", b"relaxed"]),
    st.booleans(),
)
def test_we_accept_signatures_of_dkimpy(fields, lines, header, body, with_length):
    message = letter(fields, lines)
    field = dkimpy.sign(message, b"s", b"example.com", PEM, canonicalize=(header, body), length=with_length)
    assert ours(field + message)


@settings(max_examples=40, deadline=None)
@given(FIELDS, LINES, st.integers(0, 400), st.sampled_from([b" ", b"a", b"\r\n ", b"\t"]))
def test_both_judge_damage_alike(fields, lines, place, damage):
    message = letter(fields, lines)
    place %= max(1, len(message) - 1)
    damaged = message[:place] + damage + message[place:]
    if damaged[:5].lower() != b"from:" or b"\r\n\r\n" not in damaged:
        return
    if (
        message[place - 1 : place] == b"\r"
    ):  # a bare CR: dkimpy turns it into a line end, RFC 6376 §2.8 knows only CRLF
        return
    # dkimpy refuses a message with a header line that is no field; RFC 6376 §3.4.2 even deletes white space before the
    # colon, and what was never signed has no influence (§5.4.2)
    header = damaged[: damaged.index(b"\r\n\r\n")]
    if not all(re.match(rb"[^\s:]+:", line) for line in re.split(rb"\r\n(?![ \t])", header)):
        return
    field = dkim.sign(message, [SIGNING], 1_600_000_000)
    try:
        theirs = dkimpy.verify(field + damaged, dnsfunc=record)
    except dkimpy.DKIMException:
        theirs = False
    assert ours(field + damaged) == theirs
