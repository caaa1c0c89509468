import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.sasl.exchange import MAX_RESPONSE_OCTETS, Challenge, Credentials, Failed, Failure, SaslError
from postier.sasl.plain import PlainClient, PlainServer

NAME = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1)


def test_examples():
    # RFC 4616 §4
    assert PlainServer().start(b"\0tim\0tanstaaftanstaaf") == Credentials("", "tim", "tanstaaftanstaaf")
    server = PlainServer()
    assert server.start(None) == Challenge(b"")
    assert server.step(b"Ursel\0Kurt\0xipj3plmq") == Credentials("Ursel", "Kurt", "xipj3plmq")


@pytest.mark.parametrize(
    "message", [b"", b"a", b"\0a", b"\0a\0", b"\0\0b", b"a\0b\0c\0d", b"\0\xff\0b", b"\0a\0\xc0\x80"]
)
def test_malformed(message):
    assert PlainServer().start(message) == Failed(Failure.MALFORMED)


def test_limit_at_its_edge():
    password = b"x" * (MAX_RESPONSE_OCTETS - 3)
    assert isinstance(PlainServer().start(b"\0a\0" + password), Credentials)
    assert isinstance(PlainServer().start(b"\0a\0x" + password), Failed)
    assert isinstance(
        PlainServer().start(b"z" * 255 + b"\0" + b"a" * 255 + b"\0" + b"p" * 255), Credentials
    )  # §2


@given(st.just("") | NAME, NAME, NAME)
def test_client_and_server(authzid, authcid, password):
    client = PlainClient(authcid, password, authzid)
    assert PlainServer().start(client.start()) == Credentials(authzid, authcid, password)
    assert client.step(b"") == client.start()


def test_what_the_client_refuses():
    for client in (PlainClient("", "b"), PlainClient("a", ""), PlainClient("a\0b", "c")):
        with pytest.raises(SaslError):
            client.start()
    with pytest.raises(SaslError):
        PlainClient("a", "b").step(b"what?")


def test_no_password_in_a_log():
    assert "secret" not in repr(Credentials("", "alice", "secret"))
    assert "secret" not in repr(PlainClient("alice", "secret"))


@given(st.binary(max_size=100))
def test_any_octets(octets):
    assert isinstance(PlainServer().start(octets), Credentials | Failed)
