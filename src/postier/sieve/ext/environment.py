"""environment and imapsieve: items about where the script runs.

Not here: the items (`world.World.environment`). Source: RFC 5183; RFC 6785 §4. Invariants: an unknown item matches
nothing; items of an IMAP event are empty at delivery (RFC 6785 §4.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postier import __version__
from postier.sieve.comparators import ascii_lower
from postier.sieve.matching import build_match
from postier.sieve.running import Run, Test
from postier.sieve.spec import Command, Extension, Family, Place, Takes
from postier.sieve.texts import expand

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_NEEDS = ("environment",)
_IMAP_ITEMS = ("imap.user", "imap.email", "imap.cause", "imap.mailbox", "imap.changedflags")
_DEFAULTS = {
    "name": "Postier",
    "version": __version__,
    "phase": "during",
    "location": "MDA",
    "remote-host": "",
    "remote-ip": "",
}


def item(run: Run, name: str, *, has_imap: bool) -> str | None:
    """An item, or None when it is not known."""
    if name in _IMAP_ITEMS and not has_imap:
        return None
    found = run.world.environment.get(name)
    if found is not None:
        return found
    if run.world.is_imap_event and name in {"phase", "location"}:  # RFC 6785 §4.1
        return "post" if name == "phase" else "MS"
    return "" if name in _IMAP_ITEMS else _DEFAULTS.get(name)


def _environment(compiler: Compiler, arguments: Arguments) -> Test:
    name = arguments.text("name")
    has_imap = compiler.has("imapsieve")
    match = build_match(compiler, arguments)
    if match is None:
        return lambda _: False
    test, is_count = match.test, match.is_count

    def environment(run: Run) -> bool:
        found = item(run, ascii_lower(expand(name, run)), has_imap=has_imap)
        if found is None:
            return False  # RFC 5183 §4: MUST fail unconditionally
        return test(run, [] if is_count and not found else [found])

    return environment


EXTENSION = Extension(
    names=("environment", "imapsieve"),
    tests=(
        Command(
            "environment",
            _environment,
            (Place("name", Takes.STRING), Place("key list", Takes.STRINGS)),
            families=(Family.MATCH,),
            needs=_NEEDS,
        ),
    ),
)
