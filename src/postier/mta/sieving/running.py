"""One run of a script on one letter for one account, in a read transaction.

Not here: what follows from it (`decide`). Source: SECURITY 15. Invariants: on the event loop a run takes some milliseconds at most,
whatever the script and the letter are (`QUICK`); what costs more, and what must be compiled first, is run again beside it, with
the limits of the language; processor time is measured around the run.
"""

import time

import msgspec

from postier.mime.address import Address
from postier.mime.dates import Moment
from postier.mta.sieving.lists import AccountLists
from postier.mta.sieving.memory import Kind, cpu_used, digest_of, is_remembered
from postier.mta.sieving.shelf import NotCompiledError, Shelf, Version
from postier.mta.sieving.world import (
    Folders,
    Inclusions,
    Letter,
    Purse,
    Sightings,
    Surroundings,
    own_addresses,
)
from postier.sieve.actions import Keep, Result, Vacation
from postier.sieve.limits import LIMITS
from postier.sieve.problems import CostError, ScriptError
from postier.sieve.world import Envelope, Verdict, World
from postier.store.transaction import ReadTx, Store

# what may run on the event loop: about two milliseconds
QUICK = msgspec.structs.replace(LIMITS, steps=2_000, work=1 << 20, regex_work=2_000)
QUICK_QUESTIONS = 40  # about mailboxes, unique ids and address books, some 20 µs each
MAX_QUESTIONS = 2_000
_NEEDS_ADDRESSES = frozenset({"vacation", "vacation-seconds", "enclose", "include", "ihave"})


class Case(msgspec.Struct, frozen=True):
    """What a run is about, beside the letter. `flags`, `event` and `environment` are those of an IMAP event."""

    version: Version
    address: Address
    envelope: Envelope
    surroundings: Surroundings
    verdict: Verdict
    now_us: int
    flags: tuple[str, ...] = ()
    is_event: bool = False
    environment: dict[str, str] = {}


class Ran(msgspec.Struct, frozen=True):
    """What came of it. `seen` has what was answered about unique ids; `is_answered`: the vacation's period still runs;
    `cpu_used_us` is the account's of the hour, before this run.
    """

    result: Result
    requires: frozenset[str] = frozenset()
    seen: dict[tuple[str, str], bool] = {}
    is_answered: bool = False
    cpu_us: int = 0
    cpu_used_us: int = 0


class _AgainError(Exception):
    """Not on the event loop."""


def quick_purse() -> Purse:
    """What a run may ask on the event loop."""
    return Purse(QUICK_QUESTIONS, _AgainError)


def full_purse() -> Purse:
    """What a run may ask at all."""
    return Purse(
        MAX_QUESTIONS,
        lambda: CostError(f"the script asks for more than {MAX_QUESTIONS} mailboxes, unique ids and lists"),
    )


async def run(store: Store, shelf: Shelf, letter: Letter, case: Case) -> Ran:
    """Run the script. Raises StoreError."""
    try:
        return await store.read(run_in, shelf, letter, case, is_quick=True)
    except (_AgainError, NotCompiledError):
        return await store.read_bulk(run_in, shelf, letter, case, is_quick=False)


def run_in(tx: ReadTx, shelf: Shelf, letter: Letter, case: Case, *, is_quick: bool) -> Ran:
    """Run it in this transaction. Raises `_AgainError`, NotCompiledError if `is_quick`."""
    account_id = case.version.account_id
    began = time.thread_time_ns()
    try:
        script = shelf.compiled(tx, case.version, may_compile=not is_quick)
    except ScriptError as error:  # it was right when it was stored; the language has changed
        return Ran(Result((), Keep(is_implicit=True), f"the script is not right: {error.problems[0]}"))
    if script is None:  # deleted since it was looked up
        return Ran(Result((), Keep(is_implicit=True)))
    purse = quick_purse() if is_quick else full_purse()
    sightings = Sightings(tx, account_id, case.now_us, purse)
    now_s = case.now_us // 1_000_000
    world = World(
        now=Moment(now_s, (time.localtime(now_s).tm_gmtoff or 0) // 60),
        own_addresses=own_addresses(tx, case.address)
        if not _NEEDS_ADDRESSES.isdisjoint(script.required)
        else (str(case.address),),
        environment=case.surroundings.items(case.address.domain) | case.environment,
        mailboxes=Folders(tx, account_id, purse),
        duplicates=sightings,
        lists=AccountLists(tx, account_id, shelf.operator_lists, purse, may_read=not is_quick),
        scripts=Inclusions(tx, shelf, account_id, may_compile=not is_quick),
        verdict=case.verdict,
        flags=case.flags,
        is_imap_event=case.is_event,
    )
    result = script.run(letter, case.envelope, world, limits=QUICK if is_quick else None)
    if is_quick and result.is_too_costly:
        raise _AgainError
    cpu_us = (time.thread_time_ns() - began) // 1_000
    return Ran(
        result,
        script.required,
        sightings.answers,
        _is_answered(tx, account_id, result, case.now_us),
        cpu_us,
        cpu_used(tx, account_id, case.now_us) if not is_quick else 0,
    )


def _is_answered(tx: ReadTx, account_id: int, result: Result, now_us: int) -> bool:
    for action in result.actions:
        if isinstance(action, Vacation):
            return is_remembered(tx, account_id, Kind.ANSWERED, answer_digest(action), now_us)
    return False


def answer_digest(action: Vacation) -> bytes:
    """What stands for an answer (RFC 5230 §4.2); addresses are compared without case, as people are."""
    return digest_of(action.handle, action.recipient.lower())
