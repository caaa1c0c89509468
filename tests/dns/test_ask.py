"""`dns.ask`: generators get their answers, one by one or several at once."""

import pytest

from postier.dns.ask import BUDGET_S, ask, ask_together
from postier.dns.resolver import Resolver
from postier.mailauth import spf
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import Answer, Status, TxtQuestion
from tests.dns_responder import reply, responder


def one_by_one(*names: str):
    found = []
    for name in names:
        answer = yield TxtQuestion(name)
        found.append(answer.records)
    return found


def at_once(*names: str):
    answers = yield tuple(TxtQuestion(name) for name in names)
    return [answer.records for answer in answers]


def echo(query: bytes) -> list[bytes]:
    return [reply(query, *(f"{name}.test. 60 TXT {name}" for name in "ab" if name.encode() in query[12:14]))]


@pytest.mark.parametrize("check", [one_by_one, at_once])
async def test_answers_come_in_order(check):
    async with responder(echo) as server:
        resolver = Resolver([("127.0.0.1", server.port)])
        assert await ask(check("a.test", "b.test", "a.test"), resolver) == [(b"a",), (b"b",), (b"a",)]
        assert len(server.asked) == 2


@pytest.mark.parametrize("check", [one_by_one, at_once])
async def test_nothing_asked_is_an_answer_too(check):
    assert await ask(check(), Resolver([("127.0.0.1", 1)])) == []


def test_with_all_answers_cached_the_loop_is_not_given_up():
    resolver = Resolver([("127.0.0.1", 1)])
    for name in ("a.test", "b.test"):
        resolver.cache.put(TxtQuestion(name), Answer((name.encode(),)), name, 60)
    for check in (one_by_one, at_once):
        driving = ask(check("a.test", "b.test"), resolver)
        with pytest.raises(StopIteration) as stop:  # no loop runs here at all
            driving.send(None)
        assert stop.value.value == [(b"a.test",), (b"b.test",)]


async def test_a_failure_is_an_answer():
    def check():
        answer = yield TxtQuestion("a.test")
        return answer.status

    assert await ask(check(), Resolver([("127.0.0.1", 1)])) is Status.SERVFAIL


async def test_an_error_of_the_check_comes_out_and_it_is_closed():
    closed = []

    def check():
        try:
            yield TxtQuestion("a..test")
            raise KeyError
        finally:
            closed.append(True)

    with pytest.raises(KeyError):
        await ask(check(), Resolver([("127.0.0.1", 1)]))
    assert closed


class Slow:
    """A resolver whose every answer takes seconds of a clock that only it moves."""

    def __init__(self, seconds: float) -> None:
        self.now_s = 0.0
        self.asked = 0
        self._seconds = seconds

    def cached(self, question):
        return None

    async def query(self, question):
        (answer,) = await self.query_all((question,))
        return answer

    async def query_all(self, questions):
        self.asked += 1
        self.now_s += self._seconds
        return (Answer((b"v=spf1 include:%d.test -all" % self.asked,)),) * len(questions)


@pytest.mark.parametrize(("seconds", "asked"), [(BUDGET_S, 1), (BUDGET_S / 2, 2), (BUDGET_S / 2 - 1, 3)])
async def test_a_check_has_a_budget_of_time(seconds, asked):  # RFC 7208 §4.6.4
    resolver = Slow(seconds)
    result = await ask(spf.check("192.0.2.1", "a@a.test", "a.test"), resolver, now=lambda: resolver.now_s)
    assert (result.result, resolver.asked) == (Outcome.TEMPERROR, asked)
    assert "timeout" in result.problem
    resolver = Slow(seconds)
    checks = [spf.check("192.0.2.1", f"a@{name}.test", "a.test") for name in "ab"]
    results = await ask_together(checks, resolver, now=lambda: resolver.now_s)
    assert [each.result for each in results] == [Outcome.TEMPERROR] * 2
    assert resolver.asked == asked


async def test_several_questions_at_once_are_late_too():
    resolver = Slow(BUDGET_S)

    def check():
        names = tuple(TxtQuestion(name) for name in ("a.test", "b.test"))
        first = yield names
        second = yield names
        return [answer.status for answer in (*first, *second)]

    found = await ask(check(), resolver, now=lambda: resolver.now_s)
    assert found == [Status.FOUND, Status.FOUND, Status.TIMEOUT, Status.TIMEOUT]
