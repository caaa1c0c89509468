"""Generators of `mailauth` driven by a resolver: what they ask is looked up, what is found is sent.

Not here: any knowledge of the checks. Invariant: a check whose answers are all cached runs to its end without giving
up the loop.
"""

from collections.abc import Generator, Iterable
from typing import Any, Protocol, TypeVar

from postier.mailauth.questions import Answer, Question

T = TypeVar("T")


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


async def ask(check: Generator[Any, Any, T], resolver: Answering) -> T:
    """Drive `check` to its result. It yields a Question and is sent an Answer, or a tuple and a tuple (in parallel)."""
    try:
        asked = next(check)
        while True:
            if isinstance(asked, tuple):
                asked = check.send(await resolver.query_all(asked))
                continue
            answer = resolver.cached(asked)
            asked = check.send(answer if answer is not None else await resolver.query(asked))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        check.close()
