"""The page of the metrics. Not here: what is counted (`app.metrics`)."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from postier.web.request import Request
from postier.web.response import Response, failure

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # what Prometheus calls its text format


class MetricsSite:
    """A `Site` with one page, `/metrics`."""

    def __init__(self, page: Callable[[], Awaitable[bytes]]) -> None:
        self._page = page

    async def answer(self, request: Request) -> Response:
        """See `Site`."""
        if request.path != "/metrics":
            return failure(HTTPStatus.NOT_FOUND)
        return Response(HTTPStatus.OK, await self._page(), CONTENT_TYPE)
