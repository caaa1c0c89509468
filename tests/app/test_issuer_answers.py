"""Tokens judged by a real server's answers: asked once for all connections, kept for a minute, never beyond exp."""

import asyncio

import pytest
import pytest_asyncio
import structlog

from postier.accounts.foreign_login import TokenUnavailableError
from postier.accounts.tokens.introspection import basic_authorization
from postier.accounts.tokens.signed import MAX_TOKEN_CHARACTERS
from postier.accounts.tokens.verdict import Refusal, TokenAccepted, TokenRefused
from postier.app import issuer_answers
from postier.app.issuer import expected_of, introspection_of
from postier.app.issuer_answers import MAX_IN_FLIGHT, MAX_REMEMBERED, REMEMBERED_S, IssuerAnswers
from postier.app.settings import OAuth
from postier.dns.resolver import Resolver
from tests.accounts.tokens.signing import ALICE, AUDIENCE, ISSUER, NOW_S
from tests.app.test_issuer_keys import Clock
from tests.issuer_server import CLIENT_ID, CLIENT_SECRET, IssuerServer

TOKEN = "opaque"
GOOD = {"active": True, "username": ALICE}
INACTIVE = TokenRefused(Refusal.INACTIVE)


class Running:
    """The issuer's server and a checker that asks it."""

    def __init__(self, server, secret=CLIENT_SECRET, **settings):
        self.server = server
        self.clock = Clock()
        oauth = OAuth(issuer=ISSUER, introspection_url=server.url("/ask"), **settings)
        service = introspection_of(oauth, oauth.introspection_url, Resolver([("127.0.0.1", 1)]))
        self.answers = IssuerAnswers(
            service,
            basic_authorization(CLIENT_ID, secret),
            expected_of(oauth),
            now=self.clock.unix,
            clock=self.clock.monotonic,
        )

    async def check(self, token=TOKEN):
        return await self.answers.check(token)

    @property
    def questions(self):
        return len(self.server.asked)


@pytest_asyncio.fixture
async def tasks():
    async with asyncio.TaskGroup() as group:
        yield group


@pytest.fixture
def server():
    with IssuerServer() as running:
        running.answers["opaque"] = GOOD
        yield running


@pytest_asyncio.fixture
async def issuer(server, tasks):
    running = Running(server)
    await running.answers.start(tasks)
    return running


async def test_an_answer_is_kept_for_a_minute(issuer):
    for passed_s, questions in ((0, 1), (REMEMBERED_S - 1, 1), (REMEMBERED_S, 2)):
        issuer.clock.passed_s = passed_s
        assert await issuer.check() == TokenAccepted(ALICE, None)
        assert issuer.questions == questions
    issuer.server.answers.clear()  # revoked
    issuer.clock.passed_s = 2 * REMEMBERED_S
    assert await issuer.check() == INACTIVE
    assert await issuer.check() == INACTIVE
    assert issuer.questions == 3


async def test_no_answer_is_kept_beyond_exp(issuer):
    issuer.server.answers["opaque"] = GOOD | {"exp": NOW_S + 10}
    for passed_s, questions in ((0, 1), (9, 1), (10, 2), (11, 3)):  # within the leeway it is taken, not kept
        issuer.clock.passed_s = passed_s
        assert await issuer.check() == TokenAccepted(ALICE, NOW_S + 10)
        assert issuer.questions == questions


async def test_connections_that_bring_one_token_share_a_question(issuer):
    found = await asyncio.gather(*(issuer.check() for _ in range(20)))
    assert set(found) == {TokenAccepted(ALICE, None)}
    assert issuer.questions == 1


async def test_tokens_do_not_mix(issuer):
    issuer.server.answers["other"] = GOOD | {"username": "carole@alpha.test"}
    found = await asyncio.gather(*(issuer.check(token) for token in ("opaque", "other", "opaquf") * 3))
    assert found[:3] == [TokenAccepted(ALICE, None), TokenAccepted("carole@alpha.test", None), INACTIVE]
    assert found[3:] == found[:3] * 2


async def test_questions_under_way_are_bounded(issuer):
    tokens = [f"t{number}" for number in range(MAX_IN_FLIGHT + 1)]
    found = await asyncio.gather(*map(issuer.check, tokens), return_exceptions=True)
    assert found[:-1] == [INACTIVE] * MAX_IN_FLIGHT
    assert isinstance(found[-1], TokenUnavailableError)
    assert await issuer.check(tokens[-1]) == INACTIVE


async def test_answers_kept_are_bounded(issuer, monkeypatch):
    assert MAX_REMEMBERED == 10_000
    monkeypatch.setattr(issuer_answers, "MAX_REMEMBERED", 3)
    for number in range(8):
        await issuer.check(f"t{number}")
        assert len(issuer.answers._kept) <= 3


async def test_a_token_that_is_too_long_is_not_asked_about(issuer):
    assert await issuer.check("x" * (MAX_TOKEN_CHARACTERS + 1)) == TokenRefused(Refusal.TOO_LONG)
    assert issuer.questions == 0
    assert await issuer.check("x" * MAX_TOKEN_CHARACTERS) == INACTIVE


@pytest.mark.parametrize(
    ("status", "answer", "event"),
    [
        (503, GOOD, "issuer not asked"),
        (401, GOOD, "issuer not asked"),
        (302, GOOD, "issuer not asked"),
        (200, b"<html>", "issuer not understood"),
        (200, b"{}", "issuer not understood"),
        (200, b'{"active": true}' + b" " * 70_000, "issuer not asked"),
    ],
)
async def test_an_issuer_that_gives_no_answer(issuer, status, answer, event):
    issuer.server.status, issuer.server.answers["opaque"] = status, answer
    issuer.server.location = "/elsewhere" if status == 302 else ""
    with structlog.testing.capture_logs() as lines, pytest.raises(TokenUnavailableError):
        await issuer.check()
    assert [line["event"] for line in lines] == [event]
    assert "opaque" not in str(lines)
    issuer.server.status, issuer.server.answers["opaque"], issuer.server.location = 200, GOOD, ""
    assert await issuer.check() == TokenAccepted(ALICE, None)  # nothing of it is kept
    assert issuer.server.asked == ["/ask", "/ask"]


async def test_nobody_there_and_a_wrong_secret(tasks):
    with IssuerServer() as server:
        running = Running(server, secret="wrong")
        await running.answers.start(tasks)
        with pytest.raises(TokenUnavailableError):
            await running.check()
    with pytest.raises(TokenUnavailableError):
        await running.check()


async def test_audience_and_scope(server, tasks):
    running = Running(server, audience=AUDIENCE, scope="mail")
    await running.answers.start(tasks)
    assert await running.check() == TokenRefused(Refusal.AUDIENCE)
    server.answers["opaque"] = GOOD | {"aud": AUDIENCE, "scope": "mail other", "iss": ISSUER}
    running.clock.passed_s = REMEMBERED_S
    assert isinstance(await running.check(), TokenAccepted)


async def test_before_the_start_nobody_is_asked(server):
    with pytest.raises(TokenUnavailableError):
        await Running(server).check()


async def test_a_fault_of_ours_ends_nothing(tasks):
    class Broken:
        async def ask(self, form):
            raise ZeroDivisionError

    answers = IssuerAnswers(Broken(), "Basic eA==", expected_of(OAuth(issuer=ISSUER)))
    await answers.start(tasks)
    with structlog.testing.capture_logs() as lines, pytest.raises(TokenUnavailableError):
        await answers.check("opaque")
    assert lines[0]["log_level"] == "error"
    answers.stop_accepting()
    await answers.finish(0.0)
