r"""imap4flags: sets of IMAP flags, in variables and with keep and fileinto.

Not here: storing them. Source: RFC 5232. Invariants: a set keeps the order in which flags came, without doubles (case
does not count); what is no flag that a client may set (`\Recent`, spaces, not ASCII) is left out silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from postier.sieve.matching import build_match
from postier.sieve.problems import RunError
from postier.sieve.running import Op, Run, Test
from postier.sieve.spec import Command, Extension, Family, Place, Tag, Takes
from postier.sieve.texts import Text, Variable, expand_all

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_NEEDS = ("imap4flags",)
# RFC 9051 §9: flag-keyword is an atom, a system flag one of five
_FLAG = re.compile(
    r"\\(?:answered|flagged|deleted|seen|draft)|[!#-$&-'+-\[^-z|}~]+(?<!\\)", re.IGNORECASE | re.ASCII
)
MAX_FLAG_CHARACTERS = 200
_FLAG_COST = 16  # what a character of a list of flags costs


def flag_set(run: Run, strings: Iterable[str]) -> tuple[str, ...]:
    """The flags in strings that hold them separated by spaces (RFC 5232 §2)."""
    found: dict[str, str] = {}
    limit = run.limits.flags
    for string in strings:
        run.charge(_FLAG_COST * len(string))
        for flag in string.split():
            if len(flag) <= MAX_FLAG_CHARACTERS and _FLAG.fullmatch(flag):
                found.setdefault(flag.lower(), flag)
                if len(found) > limit:
                    raise RunError(f"a set of more than {limit} flags")
    return tuple(found.values())


def flags_of(run: Run, flags: tuple[Text, ...] | None) -> tuple[str, ...]:
    """Those of a :flags argument, else the internal variable (RFC 5232 §5)."""
    return run.flags if flags is None else flag_set(run, expand_all(flags, run))


def _read(run: Run, variable: Variable | None) -> tuple[str, ...]:
    return run.flags if variable is None else flag_set(run, [variable.value(run)])


def _write(run: Run, variable: Variable | None, flags: tuple[str, ...]) -> None:
    if variable is None:
        run.flags = flags
        return
    from postier.sieve.ext.variables import assign

    assign(run, variable, " ".join(flags))


def _variable(compiler: Compiler, arguments: Arguments) -> Variable | None:
    if not arguments.has("variable name"):
        return None
    offset = arguments.offset("variable name")
    if not compiler.demand(("variables",), offset, f'a variable for "{arguments.node.name}"'):
        return None
    return compiler.name_of_variable(arguments.text("variable name"), offset)


def _setflag(compiler: Compiler, arguments: Arguments) -> Op:
    variable, flags = _variable(compiler, arguments), arguments.texts("flags")
    return lambda run: _write(run, variable, flag_set(run, expand_all(flags, run)))


def _addflag(compiler: Compiler, arguments: Arguments) -> Op:
    variable, flags = _variable(compiler, arguments), arguments.texts("flags")

    def addflag(run: Run) -> None:
        _write(run, variable, flag_set(run, [*_read(run, variable), *expand_all(flags, run)]))

    return addflag


def _removeflag(compiler: Compiler, arguments: Arguments) -> Op:
    variable, flags = _variable(compiler, arguments), arguments.texts("flags")

    def removeflag(run: Run) -> None:
        gone = {flag.lower() for flag in flag_set(run, expand_all(flags, run))}
        _write(run, variable, tuple(each for each in _read(run, variable) if each.lower() not in gone))

    return removeflag


def _hasflag(compiler: Compiler, arguments: Arguments) -> Test:
    variables: list[Variable | None] = [None]
    if arguments.has("variables"):
        offset = arguments.offset("variables")
        if not compiler.demand(("variables",), offset, 'variables for "hasflag"'):
            return lambda _: False
        variables = [compiler.name_of_variable(each, offset) for each in arguments.texts("variables")]
    match = build_match(compiler, arguments, "flags", splits_keys=True)
    if match is None:
        return lambda _: False
    test = match.test
    return lambda run: test(run, [flag for variable in variables for flag in _read(run, variable)])


_FLAGS = Place("flags", Takes.STRINGS)
_CHANGED = (Place("variable name", Takes.STRING, is_optional=True), _FLAGS)
_TAG = (Tag(":flags", Takes.STRINGS, needs=_NEEDS),)

EXTENSION = Extension(
    names=_NEEDS,
    commands=(
        Command("setflag", _setflag, _CHANGED, needs=_NEEDS),
        Command("addflag", _addflag, _CHANGED, needs=_NEEDS),
        Command("removeflag", _removeflag, _CHANGED, needs=_NEEDS),
    ),
    tests=(
        Command(
            "hasflag",
            _hasflag,
            (Place("variables", Takes.STRINGS, is_optional=True), _FLAGS),
            families=(Family.MATCH,),
            needs=_NEEDS,
        ),
    ),
    tags=(("keep", _TAG), ("fileinto", _TAG)),
)
