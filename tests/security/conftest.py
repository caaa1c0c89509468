"""The IMAP server of `tests.servers.imap.fixtures`."""

from tests.servers.imap.fixtures import embedded, served

__all__ = ["embedded", "served"]
