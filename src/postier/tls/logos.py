"""Answers for BIMI: its files over HTTPS, everything else from the resolver.

Not here: what is asked and judged (`mailauth.bimi`). Invariants: as `https_get`; nothing that the network does is raised.
"""

from collections.abc import Iterable
from pathlib import Path

from postier.dns.ask import Answering
from postier.mailauth.bimi import HttpsQuestion
from postier.mailauth.questions import Answer, Question, Status
from postier.tls.https_get import GetError, Target, get

TIMEOUT_S = 20.0  # for one file


class LogoSource:
    """An `Answering` that also answers `HttpsQuestion`. `authorities`: roots to trust instead of the system's."""

    def __init__(
        self,
        resolver: Answering,
        *,
        authorities: Path | None = None,
        allow_private_addresses: bool = False,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._resolver = resolver
        self._authorities = authorities
        self._allow_private_addresses = allow_private_addresses
        self._timeout_s = timeout_s

    async def query(self, question: Question | HttpsQuestion) -> Answer:
        """The file or the records; a file that can't be had is SERVFAIL with the reason in words."""
        if not isinstance(question, HttpsQuestion):
            return await self._resolver.query(question)
        url = question.url
        try:
            file = await get(
                Target(url.host, url.target, "*/*", question.limit_octets, url.port),
                self._resolver,
                authorities=self._authorities,
                allow_private_addresses=self._allow_private_addresses,
                timeout_s=self._timeout_s,
            )
        except GetError as error:
            return Answer((str(error),), Status.SERVFAIL)
        return Answer((file.octets,))

    def cached(self, question: Question | HttpsQuestion) -> Answer | None:
        """Files are not kept."""
        return None if isinstance(question, HttpsQuestion) else self._resolver.cached(question)

    async def query_all(self, asked: Iterable[Question]) -> tuple[Answer, ...]:
        """As the resolver."""
        return await self._resolver.query_all(asked)

    async def owner(self, question: Question) -> str:
        """As the resolver."""
        return await self._resolver.owner(question)
