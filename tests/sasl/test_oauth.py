"""Tokens, as both mechanisms carry them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.sasl.exchange import MAX_RESPONSE_OCTETS, Challenge, Failed, Failure, TokenGiven
from postier.sasl.oauth import OAuthServer, Told

# RFC 7628 §4.1
EXAMPLE = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="


def test_the_example_of_the_rfc():
    assert OAuthServer(is_standard=True).start(EXAMPLE) == TokenGiven("user@example.com", TOKEN)


def test_the_older_mechanism():
    message = b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4q\x01\x01"
    server = OAuthServer(is_standard=False)
    assert server.start(None) == Challenge(b"")
    assert server.step(message) == TokenGiven("someuser@example.com", "ya29.vF9dft4q")


@pytest.mark.parametrize("is_standard", [True, False])
def test_a_refusal_is_told_and_ends_the_exchange(is_standard):
    server = OAuthServer(is_standard=is_standard)
    server.start(EXAMPLE if is_standard else b"user=a\x01auth=Bearer x\x01\x01")
    told = server.refuse()
    assert told.data.startswith(b'{"status":')
    for last in (b"\x01", b"", EXAMPLE):
        assert server.step(last) == Failed(Failure.WRONG)


@pytest.mark.parametrize(
    ("told", "lacks_scope", "answer", "older"),
    [
        (Told(), False, b'{"status":"invalid_token"}', b'{"status":"401","schemes":"bearer","scope":""}'),
        (
            Told("mail", "https://login.test/conf"),
            True,
            b'{"status":"insufficient_scope","scope":"mail","openid-configuration":"https://login.test/conf"}',
            b'{"status":"401","schemes":"bearer","scope":"mail"}',
        ),
    ],
)
def test_what_a_refused_client_is_told(told, lacks_scope, answer, older):
    """RFC 7628 §3.2.2."""
    for is_standard, expected in ((True, answer), (False, older)):
        server = OAuthServer(is_standard=is_standard, told=told)
        assert server.refuse(lacks_scope=lacks_scope) == Challenge(expected)


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (b"n,,\x01auth=bearer x\x01\x01", ""),
        (b"n,a=a=2Cb=3Dc,\x01auth=Bearer x\x01\x01", "a,b=c"),
        ("n,a=jörg,\x01auth=Bearer x\x01\x01".encode(), "jörg"),
        (b"n,a=a,\x01mthd=GET\x01auth=Bearer x\x01new=\x01\x01", "a"),
    ],
)
def test_names(message, name):
    assert OAuthServer(is_standard=True).start(message) == TokenGiven(name, "x")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x01",
        b"n,,\x01\x01",
        b"n,,\x01auth=Bearer x\x01",
        b"n,,\x01auth=Basic x\x01\x01",
        b"n,,\x01auth=Bearer x y\x01\x01",
        b"n,,\x01auth=Bearer \x01\x01",
        b"n,,\x01auth=Bearer x\x01auth=Bearer y\x01\x01",
        b"y,,\x01auth=Bearer x\x01\x01",
        b"n,a=\xff,\x01auth=Bearer x\x01\x01",
        b"n,a=a=b,\x01auth=Bearer x\x01\x01",
        b"user=a\x01auth=Bearer x\x01\x01",
        b"n,,\x01auth=Bearer " + b"x" * MAX_RESPONSE_OCTETS + b"\x01\x01",
    ],
)
def test_malformed(message):
    assert OAuthServer(is_standard=True).start(message) == Failed(Failure.MALFORMED)


@given(st.binary(max_size=60), st.booleans())
def test_any_octets_give_a_step(message, is_standard):
    assert isinstance(OAuthServer(is_standard=is_standard).start(message), TokenGiven | Failed)


def test_no_token_in_a_log():
    assert "secret" not in repr(TokenGiven("a", "secret"))
