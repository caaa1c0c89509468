"""A server on each engine, and one on the embedded store alone for what no engine changes."""

import pytest_asyncio

from tests.servers.imap.served import Served


@pytest_asyncio.fixture
async def served(store, tmp_path):
    async with Served(store, tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def embedded(sqlite_store, tmp_path):
    async with Served(sqlite_store, tmp_path) as running:
        yield running
