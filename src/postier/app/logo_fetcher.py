"""The duty of each worker that fetches the logos which its letters wished for, a few at a time.

Not here: what is fetched and kept (`mta.logos`). Invariants: two workers never fetch one claim (`mta.logos.rows`); a fault with one
logo does not end the duty; what is under way when the worker ends is fetched again for a later letter.
"""

import asyncio
from collections.abc import Callable

from cryptography import x509

from postier.app import log
from postier.app.settings import Settings
from postier.app.start_error import StartError
from postier.mailauth.bimi import BimiError, read_roots
from postier.mta.logos.fetching import FileSource, fetch_logo
from postier.mta.logos.shelf import LogoShelf
from postier.store.transaction import ConflictError, Store, StoreError

AT_ONCE = 4


class LogoFetcher:
    """A `Service` (app.worker); it is there only when logos are looked up."""

    def __init__(self, store: Store, shelf: LogoShelf, source: FileSource, now_us: Callable[[], int]) -> None:
        self._store = store
        self._shelf = shelf
        self._source = source
        self._now_us = now_us
        self._workers: list[asyncio.Task[None]] = []

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to wait for wishes."""
        self._workers = [tasks.create_task(self._work()) for _ in range(AT_ONCE)]

    def stop_accepting(self) -> None:
        """End at once: nobody waits for a logo."""
        for worker in self._workers:
            worker.cancel()

    async def finish(self, deadline: float) -> None:
        """Nothing is left to do."""

    def reload(self, settings: Settings) -> None:
        """Read the roots again; if they can't be read, the old ones stay."""
        try:
            self._shelf.trust(roots_of(settings))
        except StartError as error:
            log.logger("logos").error("roots not reloaded", problem=str(error))

    async def _work(self) -> None:
        while True:
            wish = await self._shelf.wishes.get()
            try:
                if await fetch_logo(self._store, wish, self._source, self._shelf.roots, self._now_us):
                    self._shelf.forget(wish.fingerprint)
            except (StoreError, ConflictError) as error:
                log.logger("logos").warning("logo not kept", domain=wish.claim.domain, problem=str(error))
            except Exception:
                log.logger("logos").exception("logo not judged", domain=wish.claim.domain)


def roots_of(settings: Settings) -> tuple[x509.Certificate, ...]:
    """The authorities whose mark certificates are believed. Raises StartError."""
    path = settings.bimi.roots
    if path is None:
        return ()
    try:
        return read_roots(path.read_bytes())
    except (OSError, BimiError) as error:
        raise StartError(f"bimi.roots: {path}: {error}") from None
