"""`dns.ask`: generators get their answers, one by one or several at once."""

import pytest

from postier.dns.ask import ask
from postier.dns.resolver import Resolver
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
