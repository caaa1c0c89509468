"""The first rows of a new server: its domain with keys, its first administrator, and what to publish.

Not here: the files (`cli.init`). Invariant: everything is one transaction; nothing is left of a founding that failed.
"""

import asyncio
import datetime as dt
from collections.abc import Sequence

from postier.accounts.accounts import add_account
from postier.accounts.credentials import Secrets, password_secrets
from postier.accounts.dkim_keys import DkimKey, domain_keys, make_keys
from postier.accounts.domain_rows import has_domain
from postier.accounts.domains import add_domain
from postier.accounts.publishing import records_of, zone_lines
from postier.accounts.refusals import DirectoryError
from postier.app.offered_services import services_of
from postier.app.settings import Settings
from postier.app.start_error import StartError
from postier.app.stores import open_store
from postier.mailbox.folders import default_mailboxes
from postier.mime.address import Address
from postier.store.transaction import StoreError, WriteTx


def found_directory(settings: Settings, first: Address, password: str) -> list[str]:
    """Make the domain and the administrator in the settings' store; gives lines to print. Raises StartError."""
    keys = make_keys(first.domain, dt.datetime.now(dt.UTC).date())
    secret = password_secrets(password)
    try:
        published = asyncio.run(_write(settings, first, secret, keys))
    except (DirectoryError, StoreError) as error:
        raise StartError(f"{first}: {error}") from None
    records = records_of(first.domain, settings.hostname, published, services_of(settings))
    return [
        f"administrator: {first}",
        f"password:      {password}",
        "",
        *zone_lines(records, settings.hostname),
        "",
    ]


async def _write(
    settings: Settings, first: Address, secret: Secrets, keys: Sequence[DkimKey]
) -> list[DkimKey]:
    store = await open_store(settings)
    try:
        return await store.write(_found, first, secret, keys)
    finally:
        await store.close()


def _found(tx: WriteTx, first: Address, secret: Secrets, keys: Sequence[DkimKey]) -> list[DkimKey]:
    """The domain's keys; those of a shared database that has the domain already stay."""
    if not has_domain(tx, first.domain):
        add_domain(tx, first.domain, keys)
    add_account(tx, first, secret, default_mailboxes, is_admin=True)
    return domain_keys(tx, first.domain)
