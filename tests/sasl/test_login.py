import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.sasl.exchange import Challenge, Credentials, Failed, Failure, SaslError
from postier.sasl.login import LoginClient, LoginServer


def test_two_prompts():
    server = LoginServer()
    client = LoginClient("alice", "secret")
    assert "secret" not in repr(client)
    assert client.start() is None
    challenge = server.start(None)
    assert challenge == Challenge(b"Username:")
    challenge = server.step(client.step(challenge.data))
    assert challenge == Challenge(b"Password:")
    assert server.step(client.step(challenge.data)) == Credentials("", "alice", "secret")
    with pytest.raises(SaslError):
        client.step(b"again?")


def test_an_initial_response_is_the_name():
    server = LoginServer()
    assert server.start(b"alice") == Challenge(b"Password:")
    assert server.step(b"secret") == Credentials("", "alice", "secret")


@pytest.mark.parametrize("answer", [b"", b"\xff", b"a\0b", b"x" * 10_000])
def test_malformed(answer):
    assert LoginServer().start(answer) == Failed(Failure.MALFORMED)
    server = LoginServer()
    server.start(b"alice")
    assert server.step(answer) == Failed(Failure.MALFORMED)


@given(st.lists(st.binary(max_size=20), max_size=4))
def test_any_octets(answers):
    server = LoginServer()
    step = server.start(None)
    for answer in answers:
        if not isinstance(step, Challenge):
            break
        step = server.step(answer)
    assert isinstance(step, Challenge | Credentials | Failed)
