"""Fixtures for every room: real stores on both engines."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from postier.store.packs import PackStore
from postier.store.postgres import PostgresStore
from postier.store.sqlite import SqliteStore
from postier.store.transaction import Store
from tests.postgres_server import PostgresServer

pytest_plugins = ("tests.dns_server",)


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the crash test and the model of IMAP sessions go on."""
    parser.addoption(
        "--model-seconds", type=float, default=3, help="for how long the sessions of tests/model go on"
    )
    parser.addoption("--model-seed", type=int, default=1, help="what they do by chance")
    parser.addoption(
        "--kills", type=int, default=20, help="how many times the server is killed in tests/crash"
    )


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL of this test run on a Unix socket; fails (never skips) when it is not installed."""
    server = PostgresServer()
    server.start()
    yield server
    server.stop()


@pytest_asyncio.fixture
async def sqlite_store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty embedded store."""
    store = SqliteStore(tmp_path, PackStore(tmp_path / "packs"))
    yield store
    await store.close()


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store on each engine in turn."""
    packs = PackStore(tmp_path / "packs")
    made: Store
    if request.param == "sqlite":
        made = SqliteStore(tmp_path, packs)
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        made = PostgresStore(server.new_database(), packs)
    yield made
    await made.close()
