"""Which script an account has, remembered for a while in this process, and scripts compiled once.

Not here: the rows (`accounts.scripts`), running them (`running`). Invariants: an account without a script costs a look into a dict;
what is remembered is forgotten when a script changes, and after REMEMBERED_S whatever happens; a script is compiled beside the
event loop; memory is bounded by the octets of the scripts.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from postier.accounts.scripts import SCRIPTS_TOPIC
from postier.mailbox.annotations import event_scripts
from postier.managesieve.names import script_name
from postier.mta.sieving.operator_lists import OperatorLists
from postier.sieve.problems import ScriptError
from postier.sieve.script import Script, compile_script
from postier.store.transaction import ReadTx, Store

REMEMBERED_S = 60.0  # wake-ups can be lost
MAX_REMEMBERED = 50_000  # accounts; all are forgotten when there are more
MAX_COMPILED_OCTETS = 4 << 20  # of script text; compiled it takes some twenty times as much
MAX_GLOBAL_OCTETS = 1 << 20  # of a global script


class Version(msgspec.Struct, frozen=True):
    """A script as it was at a time; `changed_at` is in microseconds since 1970."""

    account_id: int
    name: str
    changed_at: int


class Choice(msgspec.Struct, frozen=True):
    """The scripts of an account that run by themselves: at deliveries, and at IMAP events.

    `events` has the mailboxes whose annotation chooses, also none; `event` is that of all others.
    """

    delivery: Version | None = None
    event: Version | None = None
    events: Mapping[int, Version | None] = MappingProxyType({})

    def event_in(self, mailbox_id: int) -> Version | None:
        """The script for what happens in this mailbox: the server's is no second choice (RFC 6785 §2.3.1)."""
        return self.events.get(mailbox_id, self.event)


class NotCompiledError(Exception):
    """The script is to be compiled first, which is for a thread."""


_NONE = Choice()


class Shelf:
    """One process's scripts; belongs to one event loop, but `compiled` may be called from threads."""

    def __init__(
        self,
        store: Store,
        *,
        event_script: str = "",
        global_folder: Path | None = None,
        list_folder: Path | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`event_script` is the script that runs at IMAP events where no annotation chooses ("": none), `global_folder` has those of all.

        `list_folder` has the operator's lists.
        """
        self._store = store
        self._now = now
        self._choices: dict[int, Choice] = {}
        self._until = 0.0
        self._generation = 0
        self._compiled: OrderedDict[tuple[int, str, int], Script | ScriptError] = OrderedDict()
        self._lock = threading.Lock()
        self.event_script = event_script
        self.global_folder = global_folder
        self.operator_lists = OperatorLists(list_folder)
        self._unwatch = store.watch_topic(SCRIPTS_TOPIC, self.forget)

    async def choice(self, account_id: int) -> Choice:
        """The scripts of an account. Raises StoreError."""
        known = self.known(account_id)
        if known is not None:
            return known
        generation = self._generation
        choice = await self._store.read(_choice, account_id, self.event_script)
        if generation == self._generation:  # else a change came while this was read
            if len(self._choices) >= MAX_REMEMBERED:
                self._choices.clear()
            self._choices[account_id] = choice
        return choice

    def known(self, account_id: int) -> Choice | None:
        """What is remembered."""
        if self._now() >= self._until:
            self._choices.clear()
            self._until = self._now() + REMEMBERED_S
        return self._choices.get(account_id)

    def forget(self) -> None:
        """Ask the store again from now on."""
        self._generation += 1
        self._choices.clear()

    def close(self) -> None:
        """Hear of changes no more."""
        self._unwatch()
        self.forget()

    def compiled(self, tx: ReadTx, version: Version, *, may_compile: bool) -> Script | None:
        """The script of this version; None if it has gone since. Raises ScriptError, NotCompiledError."""
        key = (version.account_id, version.name, version.changed_at)
        with self._lock:
            found = self._compiled.get(key)
            if found is not None:
                self._compiled.move_to_end(key)
        if isinstance(found, ScriptError):
            raise found
        if found is not None:
            return found
        if not may_compile:
            raise NotCompiledError
        content = tx.value(
            "SELECT content FROM sieve_script WHERE account_id = ? AND name = ? AND changed_at = ?", *key
        )
        return None if content is None else self._compile(key, bytes(content))

    def included(self, tx: ReadTx, account_id: int, name: str, *, may_compile: bool) -> Script | None:
        """A script of the account by name. Raises ScriptError, NotCompiledError."""
        changed_at = tx.value(
            "SELECT changed_at FROM sieve_script WHERE account_id = ? AND name = ?", account_id, name
        )
        if changed_at is None:
            return None
        return self.compiled(tx, Version(account_id, name, changed_at), may_compile=may_compile)

    def shared(self, name: str, *, may_compile: bool) -> Script | None:
        """A script of the global folder (RFC 6609 §3.2). Raises ScriptError, NotCompiledError."""
        if self.global_folder is None:
            return None
        if not may_compile:  # the folder is read in a thread
            raise NotCompiledError
        path = self.global_folder / f"{name}.sieve"  # `include` has checked that the name is no path
        try:
            key = (0, name, path.stat().st_mtime_ns)
            with self._lock:
                found = self._compiled.get(key)
            if isinstance(found, ScriptError):
                raise found
            if found is not None:
                return found
            with path.open("rb") as file:
                return self._compile(key, file.read(MAX_GLOBAL_OCTETS + 1))
        except OSError:
            return None

    def _compile(self, key: tuple[int, str, int], content: bytes) -> Script:
        made: Script | ScriptError
        try:
            made = compile_script(content)
        except ScriptError as error:
            made = error
        with self._lock:
            self._compiled[key] = made
            octets = sum(map(_octets, self._compiled.values()))
            while octets > MAX_COMPILED_OCTETS and len(self._compiled) > 1:
                _, gone = self._compiled.popitem(last=False)
                octets -= _octets(gone)
        if isinstance(made, ScriptError):
            raise made
        return made


def _octets(made: Script | ScriptError) -> int:
    return len(made.text) + 1_000 if isinstance(made, Script) else 1_000


def _choice(tx: ReadTx, account_id: int, event_script: str) -> Choice:
    """RFC 6785 §2.3.1, and after the annotations the configuration: a script of that name is there for nothing else."""
    versions = {}
    delivery = None
    for name, changed_at, is_active in tx.rows(
        "SELECT name, changed_at, is_active FROM sieve_script WHERE account_id = ?", account_id
    ):
        versions[name] = version = Version(account_id, name, changed_at)
        if is_active:
            delivery = version
    if not versions:
        return _NONE
    of_mailboxes, of_server = event_scripts(tx, account_id)
    return Choice(
        delivery,
        versions.get(event_script if of_server is None else script_name(of_server) or ""),
        {mailbox_id: versions.get(script_name(value) or "") for mailbox_id, value in of_mailboxes.items()},
    )
