"""The nodes of `tests.servers`, with scripts."""

from tests.servers.conftest import pytest_asyncio_loop_factories, start, start_embedded

__all__ = ["pytest_asyncio_loop_factories", "start", "start_embedded"]
