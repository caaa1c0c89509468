"""The MTA-STS policies of our domains: `https://mta-sts.<domain>/.well-known/mta-sts.txt`.

Not here: what a policy says (`accounts.own_sts`). Source: RFC 8461 §3.2, §3.3. Invariant: nothing is redirected, for senders must not
follow.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from postier.web.request import Request
from postier.web.response import Response, failure

HOST_PREFIX = "mta-sts."
PATH = "/.well-known/mta-sts.txt"
CONTENT_TYPE = "text/plain"


class PolicySite:
    """A `Site` with one page for each domain; `text_of` gives the policy of a domain, None if it has none."""

    def __init__(self, text_of: Callable[[str], Awaitable[str | None]]) -> None:
        self._text_of = text_of

    async def answer(self, request: Request) -> Response:
        """See `Site`."""
        if request.path != PATH or not request.host.startswith(HOST_PREFIX):
            return failure(HTTPStatus.NOT_FOUND)
        text = await self._text_of(request.host.removeprefix(HOST_PREFIX))
        if text is None:
            return failure(HTTPStatus.NOT_FOUND)
        return Response(HTTPStatus.OK, text.encode(), CONTENT_TYPE)
