"""One pair of servers for all clients; after each test neither log may tell of an error of the server's own."""

from collections.abc import Callable, Iterator

import pytest

from tests.clients.two_servers import Account, TwoServers, two_servers


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoServers]:
    """alpha.test and beta.test, running."""
    with two_servers(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture
def account(servers: TwoServers) -> Iterator[Callable[..., Account]]:
    """`account(name, domain)`: a new account, its mailboxes empty."""
    before = len(servers.complaints())
    yield servers.account
    assert servers.complaints()[before:] == []


@pytest.fixture
def alice(account: Callable[..., Account]) -> Account:
    """An account of alpha.test."""
    return account("alice")


@pytest.fixture
def carole(account: Callable[..., Account]) -> Account:
    """Another account of alpha.test."""
    return account("carole")


@pytest.fixture
def bob(account: Callable[..., Account]) -> Account:
    """An account of beta.test, the other server."""
    return account("bob", "beta.test")
