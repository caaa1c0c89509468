"""Opens the store that the configuration names.

Not here: the engines (`store`). Invariants: a store that is not there is made, data folder included; the URL's secrets
are in no error's text.
"""

import os
import pwd
from pathlib import Path
from urllib.parse import urlsplit

from postier.app import privileges
from postier.app.data_folder import make_folder
from postier.app.settings import Settings
from postier.app.start_error import StartError
from postier.store.packs import PackStore
from postier.store.sqlite import SqliteStore
from postier.store.transaction import Store, StoreError

PACKS_FOLDER = "packs"
SQLITE = "sqlite:"
POSTGRESQL = ("postgresql:", "postgres:")
PACKS = "pack:"


async def open_store(settings: Settings) -> Store:
    """The store of the settings, at the newest schema; close it in the end. Raises StartError."""
    url = settings.store.url
    if url != SQLITE and not url.startswith(POSTGRESQL):
        raise StartError(f'store.url: expected "{SQLITE}" or "postgresql://user@host/database"')
    if settings.blobs.url != PACKS:
        raise StartError(f'blobs.url: expected "{PACKS}"; this build keeps bodies in pack files only')
    make_folder(settings.data)
    try:
        packs = PackStore(settings.data / PACKS_FOLDER)
    except OSError as error:
        raise StartError(f"data folder {settings.data} is not writable: {error.strerror}") from None
    try:
        return _open(settings, packs)
    except StoreError as error:
        packs.close()
        raise StartError(f"the store can't be opened: {_without_password(str(error), url)}") from None


def _open(settings: Settings, packs: PackStore) -> Store:
    if settings.store.url == SQLITE:
        return SqliteStore(settings.data, packs)
    try:
        from postier.store.postgres import PostgresStore
    except ImportError:
        raise StartError(
            "store.url: PostgreSQL needs the package psycopg; install postier[postgres]"
        ) from None
    return PostgresStore(settings.store.url, packs)


def _without_password(text: str, url: str) -> str:
    try:
        password = urlsplit(url).password
    except ValueError:
        return "store.url is malformed"
    return text.replace(password, "[hidden]") if password else text


def as_owner(settings: Settings) -> None:
    """As root, become the user whose store it is: the configured one, or who owns the data folder; else nothing.

    Without it the first command run by root would leave files that the server can't open. Raises StartError.
    """
    if os.geteuid() != 0:
        return
    who = privileges.identity(settings.user, settings.group) or _owner(settings.data)
    if who is None:
        return
    if make_folder(settings.data):
        os.chown(settings.data, who.uid, who.gid)
    privileges.drop(who)


def _owner(folder: Path) -> privileges.Identity | None:
    try:
        found = folder.stat()
        entry = pwd.getpwuid(found.st_uid)
    except (OSError, KeyError):  # no folder yet, or a number without a name
        return None
    return None if entry.pw_uid == 0 else privileges.Identity(entry.pw_name, entry.pw_uid, found.st_gid)
