"""Generators of `mailauth` driven by a resolver: what they ask is looked up, what is found is sent.

Not here: any knowledge of the checks. Invariant: a check whose answers are all cached runs to its end without giving
up the loop; one that asks on and on is told of time-outs after `BUDGET_S`, so that it ends (RFC 7208 §4.6.4, for SPF, and good
for the others too).
"""

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from postier.mailauth.questions import TIMEOUT, Answer, Question

T = TypeVar("T")

BUDGET_S = 20.0  # RFC 7208 §4.6.4: at least 20 seconds; the question that is open then may still be answered


class Answering(Protocol):
    """What this room asks of a resolver; `dns.resolver.Resolver` is one."""

    async def query(self, question: Question) -> Answer:
        """The answer; never raises for a fact of the network."""
        ...

    def cached(self, question: Question) -> Answer | None:
        """The answer if it is there at once."""
        ...

    async def query_all(self, asked: Iterable[Question]) -> tuple[Answer, ...]:
        """The answers in the order of the questions, asked in parallel."""
        ...

    async def owner(self, question: Question) -> str:
        """The name that holds the records, after all aliases."""
        ...


async def ask(
    check: Generator[Any, Any, T], resolver: Answering, *, now: Callable[[], float] = time.monotonic
) -> T:
    """Drive `check` to its result. It yields a Question and is sent an Answer, or a tuple and a tuple (in parallel)."""
    end_s = now() + BUDGET_S
    try:
        asked = next(check)
        while True:
            if isinstance(asked, tuple):
                is_late = now() >= end_s
                asked = check.send((TIMEOUT,) * len(asked) if is_late else await resolver.query_all(asked))
                continue
            answer = resolver.cached(asked)
            if answer is None:
                answer = TIMEOUT if now() >= end_s else await resolver.query(asked)
            asked = check.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        check.close()


async def ask_together(
    checks: Sequence[Generator[Any, Any, Any]],
    resolver: Answering,
    *,
    now: Callable[[], float] = time.monotonic,
) -> list[Any]:
    """Drive several checks to their results: what they ask at one time is looked up in parallel, without a task each."""
    results: list[Any] = [None] * len(checks)
    end_s = now() + BUDGET_S

    def advance(number: int, answer: Answer | None) -> Question | None:
        check = checks[number]
        try:
            asked = check.send(answer)
            while (known := resolver.cached(asked)) is not None:
                asked = check.send(known)
        except StopIteration as stop:
            results[number] = stop.value
            return None
        question: Question = asked
        return question

    try:
        open_questions = {n: asked for n in range(len(checks)) if (asked := advance(n, None)) is not None}
        while open_questions:
            if now() >= end_s:
                answers: tuple[Answer, ...] = (TIMEOUT,) * len(open_questions)
            else:
                answers = await resolver.query_all(tuple(open_questions.values()))
            open_questions = {
                n: asked
                for n, answer in zip(open_questions, answers, strict=True)
                if (asked := advance(n, answer)) is not None
            }
    finally:
        for check in checks:
            check.close()
    return results
