"""The duty that fetches logos: faults end nothing, roots are read again, the end is quick."""

import asyncio

import msgspec
import pytest

from postier.app.logo_fetcher import LogoFetcher, roots_of
from postier.app.settings import Bimi, Settings
from postier.app.start_error import StartError
from postier.mta.logos.shelf import LogoShelf
from postier.store.transaction import StoreUnavailableError
from tests.mailauth.bimi.marks import authority, pem
from tests.mta.logos.test_fetching import Files, now_us, wish
from tests.mta.post_office import eventually


class Failing:
    """A source with a fault, then none."""

    def __init__(self):
        self.errors = [ZeroDivisionError(), StoreUnavailableError("away")]
        self.files = Files()

    async def query(self, question):
        if self.errors:
            raise self.errors.pop(0)
        return await self.files.query(question)


async def test_a_fault_ends_nothing(sqlite_store):
    shelf, source = LogoShelf(sqlite_store, now_us), Failing()
    for number in range(3):
        shelf.wishes.put_nowait(msgspec.structs.replace(wish(), fingerprint=bytes([number])))
    kept = "SELECT count(*) FROM judged_logo WHERE fetching_until = 0"
    async with asyncio.TaskGroup() as tasks:
        service = LogoFetcher(sqlite_store, shelf, source, now_us)
        await service.start(tasks)
        await eventually(lambda: sqlite_store.read(lambda tx: tx.value(kept)))
        service.stop_accepting()
        await service.finish(0.0)
    assert source.errors == []


def settings(path):
    return Settings(hostname="mx.alpha.test", bimi=Bimi(check=True, roots=path))


async def test_roots_are_read_and_bad_ones_stop_the_start_but_not_a_reload(sqlite_store, tmp_path):
    path = tmp_path / "roots.pem"
    assert roots_of(settings(None)) == ()
    path.write_bytes(pem(authority().root))
    shelf = LogoShelf(sqlite_store, now_us, roots_of(settings(path)))
    assert shelf.roots == (authority().root,)
    service = LogoFetcher(sqlite_store, shelf, Files(), now_us)
    path.write_text("-----BEGIN CERTIFICATE-----\njunk")
    with pytest.raises(StartError, match=r"bimi\.roots"):
        roots_of(settings(path))
    with pytest.raises(StartError):
        roots_of(settings(tmp_path / "nowhere"))
    service.reload(settings(path))
    assert shelf.roots == (authority().root,)
    path.write_bytes(pem(authority("Others").root))
    service.reload(settings(path))
    assert shelf.roots == (authority("Others").root,)
