"""What an examination says of the issuer whose tokens log in."""

import pytest

from postier.app.doctor.finding import State
from postier.app.doctor.issuer import examine_issuer
from postier.app.settings import OAuth
from postier.dns.resolver import Resolver
from tests.accounts.tokens.signing import AUDIENCE, ISSUER, jwk, jwk_set
from tests.issuer_server import CLIENT_ID, CLIENT_SECRET, IssuerServer
from tests.ports import free_port

WRONG, WARNING, FINE = State.WRONG, State.WARNING, State.FINE


@pytest.fixture
def server():
    with IssuerServer() as running:
        yield running


async def examined(**settings):
    found = await examine_issuer(
        OAuth(issuer=ISSUER, audience=AUDIENCE, **settings), Resolver([("127.0.0.1", 1)])
    )
    assert all(one.cure for one in found if one.state is not FINE)
    return [(one.state, one.says) for one in found]


async def test_no_issuer_is_nothing_to_look_at():
    assert await examine_issuer(OAuth(), Resolver([("127.0.0.1", 1)])) == []


@pytest.mark.parametrize(
    ("keys", "states", "words"),
    [
        (jwk_set(jwk("ES256"), jwk("RS256")), [FINE], f"2 keys of {ISSUER}"),
        (jwk_set(jwk("ES256"), jwk("RS256", d="AA")), [FINE, WARNING], f"one key of {ISSUER}"),
        (
            jwk_set({"kty": "oct"}),
            [WRONG, WARNING],
            "no key that can be used: nobody can log in with a token",
        ),
        (b"<html>", [WRONG], "is no JWK set: it is not JSON"),
    ],
)
async def test_keys(server, keys, states, words):
    server.keys = keys
    found = await examined(keys_url=server.url("/keys"))
    assert [state for state, _ in found] == states
    assert words in found[0][1]


async def test_keys_that_are_not_there(server, tmp_path):
    server.status = 500
    for settings in (
        {"keys_url": server.url("/")},
        {"keys_url": f"http://127.0.0.1:{free_port()}/"},
        {"keys_path": tmp_path / "gone"},
    ):
        ((state, says),) = await examined(**settings)
        assert (state, "the issuer's keys can't be had" in says) == (WRONG, True)


@pytest.mark.parametrize(
    ("secret", "status", "expected"),
    [
        (CLIENT_SECRET, 200, (FINE, f"{ISSUER} answers about tokens")),
        ("wrong", 200, (WRONG, "401")),
        (CLIENT_SECRET, 503, (WRONG, "503")),
    ],
)
async def test_answers(server, secret, status, expected):
    server.status = status
    ((state, says),) = await examined(
        introspection_url=server.url("/ask"), client_id=CLIENT_ID, client_secret=secret
    )
    assert (state, expected[1] in says) == (expected[0], True)


async def test_an_issuer_to_whom_every_token_is_good(server):
    server.answer = lambda *_: b'{"active": true, "username": "alice@alpha.test"}'
    settings = {"introspection_url": server.url("/"), "client_id": "x", "client_secret": "y"}
    ((state, says),) = await examined(**settings)
    assert (state, "no simple no" in says) == (WRONG, True)


@pytest.mark.parametrize(
    ("answer", "state"),
    [(b'{"issuer": "%b"}' % ISSUER.encode(), FINE), (b'{"issuer": "x"}', WARNING), (b"[]", WARNING)],
)
async def test_the_configuration_document(server, tmp_path, answer, state):
    (tmp_path / "keys").write_bytes(jwk_set(jwk("ES256")))
    server.keys = answer
    found = await examined(keys_path=tmp_path / "keys", openid_configuration=server.url("/conf"))
    assert [one for one, _ in found] == [FINE, state]
