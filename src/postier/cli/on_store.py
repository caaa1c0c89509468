"""Runs one act on the store that the configuration names, whether the server runs or not.

Not here: the acts. Invariants: the store is closed whatever happens; started as root, a command becomes the
configuration's user first, so that what it makes belongs to the server; every refusal is one line and exit 1.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from postier.accounts.refusals import DirectoryError
from postier.cli.invocation import Invocation
from postier.store.transaction import ConflictError, Store, StoreError

T = TypeVar("T")


def on_store(invocation: Invocation, act: Callable[[Store], Awaitable[T]]) -> T:
    """Open the store (or make it), run the act, close. Raises ClickException, StartError, ConfigurationError."""
    import structlog

    from postier.app.settings import Settings
    from postier.app.stores import as_owner, open_store

    async def run(settings: Settings) -> T:
        store = await open_store(settings)
        try:
            return await act(store)
        finally:
            await store.close()

    settings = invocation.settings()
    as_owner(settings)
    # what is logged on the way is no part of the answer
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    try:
        return asyncio.run(run(settings))
    except DirectoryError as error:
        raise click.ClickException(str(error)) from None
    except ConflictError:
        raise click.ClickException("somebody else changed the same thing just now; try again") from None
    except StoreError as error:
        raise click.ClickException(f"the store can't do it now: {error}") from None
