"""regex: `:regex`, in time that grows with the value and never explodes.

Not here: the syntax (`pattern`), the machine (`automaton`). Source: the draft of the Sieve regex extension; SECURITY 15
and 21. Invariants: a constant expression is compiled with the script and its mistakes are the script's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from postier.sieve.automaton import Automaton
from postier.sieve.matching import Match, Wanted
from postier.sieve.pattern import PatternError, compile_pattern
from postier.sieve.problems import RunError
from postier.sieve.running import Run
from postier.sieve.spec import Extension, MatchType, Tag

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_NEEDS = ("regex",)
_MADE_COST = (
    4  # thread steps for a character, or an instruction, of an expression that is made while the script runs
)
_VALUE_COST = 64  # what holding any value against an expression costs, in characters
_USABLE = frozenset({"i;octet", "i;ascii-casemap"})


def _regex(compiler: Compiler, arguments: Arguments, wanted: Wanted) -> Match | None:
    name = wanted.comparator.name
    if name not in _USABLE:
        compiler.report(
            arguments.offset(":comparator"), f'the comparator "{name}" cannot be used with :regex'
        )
        return None
    ignores_case = name == "i;ascii-casemap"
    limit = compiler.limits.regex_program
    fixed = wanted.fixed()
    known: list[Automaton] | None = None
    if fixed is not None:
        known = []
        for key in fixed:
            room = compiler.limits.regex_programs - compiler.regex_size
            try:
                program = compile_pattern(
                    key, ignores_case=ignores_case, max_program=min(limit, max(room, 0))
                )
            except PatternError as error:
                compiler.report(arguments.offset("key list"), f"the regular expression is wrong: {error}")
                return None
            compiler.regex_size += len(program.code)
            known.append(Automaton(program))

    def test(run: Run, values: Sequence[str]) -> bool:
        automata = known if known is not None else _made(run, wanted.now(run), ignores_case=ignores_case)
        for value in values:
            run.charge((len(value) + _VALUE_COST) * len(automata))
            for each in automata:
                if each.is_in(value, run.charge_regex):
                    if wanted.sets_variables:
                        run.frame.matches = each.groups(value, run.charge_regex) or ()
                    return True
        return False

    return Match(test)


def _made(run: Run, keys: list[str], *, ignores_case: bool) -> list[Automaton]:
    """The expressions of keys that variables stand in."""
    automata: list[Automaton] = []
    for key in keys:
        run.charge_regex(_MADE_COST * (len(key) + 1))
        try:
            program = compile_pattern(key, ignores_case=ignores_case, max_program=run.limits.regex_program)
        except PatternError as error:
            raise RunError(f"the regular expression is wrong: {error}") from None
        run.charge_regex(_MADE_COST * len(program.code))
        automata.append(Automaton(program))
    return automata


EXTENSION = Extension(
    names=_NEEDS, match_types=(MatchType(Tag(":regex", group="match type", needs=_NEEDS), _regex),)
)
