"""The loop of these tests is the one that servers run on; `start` starts nodes for one test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest_asyncio
import uvloop

from postier.store.transaction import Store
from tests.servers.imap.fixtures import embedded, served
from tests.servers.smtp_server import Node, Options, populate, running_node

__all__ = ["embedded", "served"]

Start = Callable[..., Awaitable[Node]]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


def _starter(stack: AsyncExitStack, store: Store, folder: Path) -> Start:
    async def start(**options: object) -> Node:
        return await stack.enter_async_context(running_node(store, folder, Options(**options)))  # type: ignore[arg-type]

    return start


@pytest_asyncio.fixture
async def start(store: Store, tmp_path: Path) -> AsyncIterator[Start]:
    """`await start(role=..., tls=...)`: a node over the store, on each engine in turn."""
    await store.write(populate)
    async with AsyncExitStack() as stack:
        yield _starter(stack, store, tmp_path)


@pytest_asyncio.fixture
async def start_embedded(sqlite_store: Store, tmp_path: Path) -> AsyncIterator[Start]:
    """The same on the embedded engine only: for what does not reach the store."""
    await sqlite_store.write(populate)
    async with AsyncExitStack() as stack:
        yield _starter(stack, sqlite_store, tmp_path)
