"""Mailbox names on the wire and inside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.mailbox_names import (
    MAX_NAME_BYTES,
    canonical,
    decode_mailbox,
    decode_utf7,
    encode_mailbox,
    encode_utf7,
)
from postier.imap.refusals import PeerError

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30)


def test_the_example_of_the_rfc():
    # RFC 9051 appendix A.1
    assert decode_utf7(b"~peter/mail/&U,BTFw-/&ZeVnLIqe-") == "~peter/mail/台北/日本語"
    assert encode_utf7("~peter/mail/台北/日本語") == b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"
    assert decode_utf7(b"R&-D") == "R&D"


@pytest.mark.parametrize(
    "raw",
    [
        b"&Jjo!",
        b"&U,BTFw-&ZeVnLIqe-",
        b"&AGE-",
        b"Foo & Bar",
        b"&",
        b"&A-",
        b"&AAA",
        b"&2D8-",
        b"&U/BTFw-",
        b"&====-",
    ],
)
def test_wrong_utf7(raw):
    with pytest.raises(PeerError, match="modified UTF-7"):
        decode_utf7(raw)


def test_8_bit_names_need_utf8():
    with pytest.raises(PeerError, match="8-bit"):
        decode_mailbox("ä".encode(), utf8=False)
    assert decode_mailbox("ä".encode(), utf8=True) == "ä"
    with pytest.raises(PeerError, match="UTF-8"):
        decode_mailbox(b"\xff", utf8=True)


@pytest.mark.parametrize("name", ["inbox", "InBoX"])
def test_inbox_has_one_spelling(name):
    assert canonical(name) == "INBOX"
    assert canonical(name + "/Sub") == "INBOX/Sub"
    assert canonical(name + "es") == name + "es"


def test_names_are_nfc():
    assert decode_mailbox("a\u0308".encode(), utf8=True) == "ä"


@pytest.mark.parametrize("char", ["\0", "\n", "\x7f", "\x85", "\u2028"])
def test_control_characters_are_refused(char):
    with pytest.raises(PeerError, match="control"):
        canonical(f"a{char}b")


def test_length_limit():
    assert canonical("x" * MAX_NAME_BYTES)
    with pytest.raises(PeerError, match="too long"):
        canonical("x" * (MAX_NAME_BYTES + 1))
    with pytest.raises(PeerError, match="too long"):
        decode_mailbox(b"x" * 100_000, utf8=False)


def test_encode():
    assert encode_mailbox("a b", utf8=False) == b'"a b"'
    assert encode_mailbox("ä", utf8=True) == b'"\xc3\xa4"'
    assert encode_mailbox("ä", utf8=False) == b"&AOQ-"


@given(NAMES)
def test_round_trip(name):
    assert decode_utf7(encode_utf7(name)) == name
    name = canonical(name)
    assert decode_mailbox(name.encode(), utf8=True) == name


@given(st.binary(max_size=40), st.booleans())
def test_any_octets_are_a_name_or_a_refusal(raw, utf8):
    try:
        name = decode_mailbox(raw, utf8=utf8)
    except PeerError:
        return
    assert canonical(name) == name
