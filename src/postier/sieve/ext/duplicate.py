"""duplicate: whether a unique id was seen by an earlier run.

Not here: remembering (`Result.tracked`, which the caller stores after a successful run; `world.Duplicates`). Source:
RFC 7352. Invariants: ids of the same run are no duplicates (§3); a failing run tracks nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postier.sieve.actions import Tracked
from postier.sieve.comparators import ascii_lower
from postier.sieve.problems import RunError
from postier.sieve.running import Run, Test
from postier.sieve.spec import Command, Extension, Tag, Takes
from postier.sieve.texts import expand, storable

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_NEEDS = ("duplicate",)
DEFAULT_PERIOD_S = 7 * 86_400  # RFC 7352 §3.3
MAX_PERIOD_S = 90 * 86_400  # silently put in place of a longer one (RFC 7352 §3.3)


def _duplicate(_: Compiler, arguments: Arguments) -> Test:
    handle = arguments.optional_text(":handle")
    header, unique_id = arguments.optional_text(":header"), arguments.optional_text(":uniqueid")
    seconds, is_last = arguments.number(":seconds"), arguments.has(":last")
    period_s = min(DEFAULT_PERIOD_S if seconds is None else seconds, MAX_PERIOD_S)

    def duplicate(run: Run) -> bool:
        if run.world.is_imap_event:  # RFC 7352 §3.4
            raise RunError('"duplicate" is for deliveries only')
        if unique_id is not None:
            value = expand(unique_id, run)
        else:
            name = "message-id" if header is None else ascii_lower(expand(header, run))
            values = run.seen.values(name)
            if not values:
                return False
            value = values[0]
        if not period_s:
            return False
        label, value = "" if handle is None else storable(expand(handle, run)), storable(value)
        was_seen = run.world.duplicates.was_seen(label, value)
        if not was_seen or is_last:
            if len(run.tracked) >= run.limits.duplicate_tests and (label, value) not in run.tracked:
                raise RunError(f"the script tracks more than {run.limits.duplicate_tests} unique ids")
            run.tracked[label, value] = Tracked(label, value, period_s, is_last)
        return was_seen

    return duplicate


EXTENSION = Extension(
    names=_NEEDS,
    tests=(
        Command(
            "duplicate",
            _duplicate,
            tags=(
                Tag(":handle", Takes.STRING),
                Tag(":header", Takes.STRING, "unique id"),
                Tag(":uniqueid", Takes.STRING, "unique id"),
                Tag(":seconds", Takes.NUMBER),
                Tag(":last"),
            ),
            needs=_NEEDS,
        ),
    ),
)
