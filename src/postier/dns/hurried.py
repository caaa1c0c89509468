"""A resolver with a budget of time for all that is asked of it: what is not answered by then has timed out.

Not here: looking up (`resolver`). Invariant: after the deadline nothing is waited for; what is cached is answered still.
"""

import asyncio
from collections.abc import Iterable

from postier.dns.ask import Answering
from postier.mailauth import questions
from postier.mailauth.questions import Answer, Question


class HurriedResolver:
    """An `Answering` for one letter."""

    def __init__(self, resolver: Answering, budget_s: float) -> None:
        self._resolver = resolver
        self._deadline = asyncio.get_running_loop().time() + budget_s

    async def query(self, question: Question) -> Answer:
        """The answer, or TIMEOUT."""
        known = self._resolver.cached(question)
        if known is not None:
            return known
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._resolver.query(question)
        except TimeoutError:
            return questions.TIMEOUT

    def cached(self, question: Question) -> Answer | None:
        """The answer if it is there at once."""
        return self._resolver.cached(question)

    async def query_all(self, asked: Iterable[Question]) -> tuple[Answer, ...]:
        """The answers in the order of the questions, TIMEOUT for each that is late."""
        asked = tuple(asked)
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._resolver.query_all(asked)
        except TimeoutError:
            return tuple(self._resolver.cached(question) or questions.TIMEOUT for question in asked)

    async def owner(self, question: Question) -> str:
        """The name that holds the records; the name asked for when it is late."""
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._resolver.owner(question)
        except TimeoutError:
            return getattr(question, "name", "")
