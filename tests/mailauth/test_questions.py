import pytest

from postier.mailauth.questions import (
    NODATA,
    NXDOMAIN,
    SERVFAIL,
    TIMEOUT,
    AddressQuestion,
    Answer,
    StaticResolver,
    Status,
    TxtQuestion,
    run,
)


def check():
    first = yield TxtQuestion("a.test")
    second = yield AddressQuestion("b.test", 4)
    return first, second


def test_run_sends_each_answer_and_returns_the_result():
    resolver = StaticResolver({TxtQuestion("a.test"): Answer((b"x",))})
    assert run(check(), resolver) == (Answer((b"x",)), NXDOMAIN)
    assert resolver.asked == [TxtQuestion("a.test"), AddressQuestion("b.test", 4)]


def test_a_check_without_questions():
    def silent():
        return 7
        yield TxtQuestion("never.test")

    assert run(silent(), StaticResolver({})) == 7


@pytest.mark.parametrize(
    ("answer", "is_void", "is_error"),
    [
        (Answer((b"x",)), False, False),
        (Answer(), True, False),
        (NODATA, True, False),
        (NXDOMAIN, True, False),
        (TIMEOUT, False, True),
        (SERVFAIL, False, True),
        (Answer(status=Status.REFUSED), False, True),
    ],
)
def test_void_and_error(answer, is_void, is_error):
    assert (answer.is_void, answer.is_error) == (is_void, is_error)
