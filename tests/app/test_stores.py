import os
import pwd
import stat

import pytest
from msgspec import structs

from postier.app.settings import Blobs, Settings
from postier.app.settings import Store as StoreSettings
from postier.app.start_error import StartError
from postier.app.stores import as_owner, open_store
from postier.store.postgres import PostgresStore
from postier.store.sqlite import SqliteStore


@pytest.fixture
def settings(tmp_path):
    return Settings(hostname="mx.x.test", data=tmp_path / "data")


async def test_the_embedded_store_is_made_private_and_opened_again(settings):
    before = os.umask(0)
    try:
        store = await open_store(settings)
    finally:
        os.umask(before)
    assert isinstance(store, SqliteStore)
    await store.write(lambda tx: tx.run("INSERT INTO domain (domain, created_at) VALUES ('x.test', 1)"))
    for file in settings.data.iterdir():
        assert not file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), file
    await store.close()
    store = await open_store(settings)
    assert await store.read(lambda tx: tx.value("SELECT domain FROM domain")) == "x.test"
    await store.close()


async def test_postgresql_is_named_by_its_url(settings, postgres_server):
    store = await open_store(
        structs.replace(settings, store=StoreSettings(url=postgres_server.new_database()))
    )
    assert isinstance(store, PostgresStore)
    await store.close()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://x", "store.url: expected"),
        ("sqlite:/elsewhere", "store.url: expected"),
        ("postgresql://a:s3cret@127.0.0.1:1/d", "can't be opened"),
        ("postgresql://a:s3cret@[/d", "can't be opened"),
        ("postgresql://a:s3cret%zz@h/d", "can't be opened"),
    ],
)
async def test_what_can_not_be_opened_is_told_without_secrets(settings, url, told):
    with pytest.raises(StartError, match=told) as caught:
        await open_store(structs.replace(settings, store=StoreSettings(url=url)))
    assert "s3cret" not in str(caught.value)


async def test_other_blobs_are_refused(settings):
    with pytest.raises(StartError, match=r"blobs\.url"):
        await open_store(structs.replace(settings, blobs=Blobs(url="s3://bucket")))


async def test_a_damaged_store_is_told(settings):
    settings.data.mkdir()
    (settings.data / "postier.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(StartError, match="can't be opened"):
        await open_store(settings)


async def test_a_file_in_place_of_the_folder_is_told(settings):
    settings.data.write_text("")
    with pytest.raises(StartError, match="is not a folder"):
        await open_store(settings)


def test_root_becomes_the_owner_of_the_store(settings):
    """In a process of its own, for the way back to root is closed."""
    is_root = os.geteuid() == 0
    nobody = pwd.getpwnam("nobody")
    child = os.fork()
    if child == 0:
        try:
            as_owner(structs.replace(settings, user="nobody") if is_root else settings)
        finally:
            os._exit(0 if (os.geteuid() == nobody.pw_uid) == is_root else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    if is_root:
        assert settings.data.stat().st_uid == nobody.pw_uid
