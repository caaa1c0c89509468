import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.sasl.base64 import decode_base64
from postier.sasl.exchange import Accepted, Challenge, Failed, Failure, KeysWanted, SaslError
from postier.sasl.scram import ChannelBinding, ScramClient, ScramServer, derive_keys

# RFC 7677 §3 and RFC 5802 §5
VECTORS = [
    (
        "sha256",
        "rOprNGfwEbeRWgbNEkqO",
        "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        b"W22ZaJ0SNY7soEsUEjb6gQ==",
        b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
    (
        "sha1",
        "fyko+d2lbbFgONRv9qkxdawL",
        "3rfcNHYJY1ZVvWVs7j",
        b"QSXCR+Q6sek8bf92",
        b"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
]


@pytest.mark.parametrize(("algorithm", "cnonce", "snonce", "salt", "proof", "signature"), VECTORS)
def test_the_examples_of_the_rfcs(algorithm, cnonce, snonce, salt, proof, signature):
    keys = derive_keys("pencil", decode_base64(salt), 4096, algorithm)
    client = ScramClient("user", "pencil", cnonce, algorithm)
    server = ScramServer(snonce, algorithm)
    first = client.start()
    assert first == b"n,,n=user,r=" + cnonce.encode()
    assert server.start(first) == KeysWanted("", "user")
    challenge = server.give_keys(keys)
    assert challenge.data == f"r={cnonce}{snonce},s={salt.decode()},i=4096".encode()
    final = client.step(challenge.data)
    assert final == f"c=biws,r={cnonce}{snonce},p={proof.decode()}".encode()
    last = server.step(final)
    assert last == Challenge(b"v=" + signature)
    assert not client.is_satisfied
    assert client.step(last.data) == b""
    assert client.is_satisfied
    assert server.step(b"") == Accepted("", "user")


KEYS = derive_keys("pencil", b"salt", 4096)


def exchange(word="pencil", keys=KEYS, authcid="user"):
    client = ScramClient(authcid, word, "cnonce")
    server = ScramServer("snonce")
    assert isinstance(server.start(None), Challenge)
    wanted = server.step(client.start())
    return client, server, wanted, client.step(server.give_keys(keys).data)


def test_wrong_passwords_and_decoys_look_alike():
    _, server, _, final = exchange("wrong")
    assert server.step(final) == Failed(Failure.WRONG)
    _, server, _, final = exchange(keys=derive_keys("decoy", b"other", 4096))
    assert server.step(final) == Failed(Failure.WRONG)


def test_names_are_escaped():
    _, server, wanted, final = exchange(authcid="a,b=c")
    assert wanted == KeysWanted("", "a,b=c")
    assert isinstance(server.step(final), Challenge)


@pytest.mark.parametrize(
    "change",
    [
        (b"cnoncesnonce", b"cnonceother"),
        (b"c=biws", b"c=eSws"),
        (b"c=biws", b"c=!!!!"),
        (b",p=", b",q="),
        (b",p=", b",p=AA"),
        (b",p=", b",m=x,p="),
    ],
)
def test_a_final_message_that_was_meddled_with(change):
    _, server, _, final = exchange()
    assert isinstance(server.step(final.replace(*change)), Failed)


def test_only_an_empty_answer_ends_it():
    _, server, _, final = exchange()
    server.step(final)
    assert server.step(b"x") == Failed(Failure.MALFORMED)


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"n,,n=,r=x",
        b"n,,m=1,n=a,r=x",
        b"q,,n=a,r=x",
        b"n,,n=a=3,r=x",
        b"n,,n=\xff,r=x",
        b"n,a=,n=a,r=x",
        b"n" * 20_000,
    ],
)
def test_malformed_first_messages(first):
    assert ScramServer("s").start(first) == Failed(Failure.MALFORMED)


def test_authzid():
    assert ScramServer("s").start(b"n,a=boss=2C,n=user,r=x") == KeysWanted("boss,", "user")


def test_channel_binding():
    binding = (ChannelBinding("tls-exporter", b"\x01\x02"),)
    bound = b"p=tls-exporter,,n=user,r=x"
    assert isinstance(ScramServer("s", bindings=binding, is_plus=True).start(bound), KeysWanted)
    # RFC 5802 §6: "y" although -PLUS is offered is a downgrade; "p" without -PLUS, or of another type, fails
    assert ScramServer("s", bindings=binding).start(b"y,,n=user,r=x") == Failed(Failure.WRONG)
    assert ScramServer("s").start(bound) == Failed(Failure.WRONG)
    assert ScramServer("s", bindings=binding, is_plus=True).start(b"n,,n=user,r=x") == Failed(Failure.WRONG)
    other = b"p=tls-unique,,n=user,r=x"
    assert ScramServer("s", bindings=binding, is_plus=True).start(other) == Failed(Failure.WRONG)
    assert isinstance(ScramServer("s").start(b"y,,n=user,r=x"), KeysWanted)


@pytest.mark.parametrize(
    "challenge",
    [
        b"r=cnonce,s=c2FsdA==,i=4096",
        b"r=other,s=c2FsdA==,i=4096",
        b"r=cnonceX,s=c2FsdA==,i=4095",
        b"r=cnonceX,s=c2FsdA==,i=1000001",
        b"r=cnonceX,s=YQ==,i=4096",
        b"r=cnonceX,s=c2Fsd===,i=4096",
        b"m=x,r=cnonceX,s=c2FsdA==,i=4096",
        b"",
    ],
)
def test_a_client_does_not_play_with_a_bad_server(challenge):
    with pytest.raises(SaslError):
        ScramClient("user", "pencil", "cnonce").step(challenge)


def test_a_client_wants_the_servers_proof():
    client, server, _, final = exchange()
    server.step(final)
    with pytest.raises(SaslError, match="prove"):
        client.step(b"v=" + b"A" * 43 + b"=")
    assert not client.is_satisfied


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_octets(first, second):
    server = ScramServer("snonce")
    step = server.start(first)
    if isinstance(step, KeysWanted):
        server.give_keys(KEYS)
    assert isinstance(server.step(second), Challenge | KeysWanted | Failed)


def test_nonce_is_that_of_both():
    challenge = ScramServer("snonce")
    challenge.start(b"n,,n=user,r=cnonce")
    assert re.match(rb"r=cnoncesnonce,", challenge.give_keys(KEYS).data)
