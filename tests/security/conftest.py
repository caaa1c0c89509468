"""The servers of these tests: IMAP of `tests.servers.imap.fixtures`, SMTP of `tests.servers.conftest`."""

from tests.servers.conftest import pytest_asyncio_loop_factories, start, start_embedded
from tests.servers.imap.fixtures import embedded, served

__all__ = ["embedded", "pytest_asyncio_loop_factories", "served", "start", "start_embedded"]
