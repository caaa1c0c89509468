"""relational: `:value` and `:count`, with gt, ge, lt, le, eq and ne.

Not here: comparators. Source: RFC 5231. Invariants: the value of the message is the left side, the key the right.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from postier.sieve.matching import Match, Wanted
from postier.sieve.problems import nearest
from postier.sieve.running import Run
from postier.sieve.spec import Extension, MatchType, Tag, Takes

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_NEEDS = ("relational",)
RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}


def _relation(compiler: Compiler, arguments: Arguments, tag: str) -> Callable[[Any, Any], bool] | None:
    offset = arguments.offset(tag)
    name = compiler.constant(arguments.text(tag), offset, f"the relation of {tag}")
    if name is None:
        return None
    found = RELATIONS.get(name.lower())
    if found is None:
        known = ", ".join(RELATIONS)
        compiler.report(offset, f'"{name[:20]}" is no relation ({known}){nearest(name, list(RELATIONS))}')
    return found


def _value(compiler: Compiler, arguments: Arguments, wanted: Wanted) -> Match | None:
    relation = _relation(compiler, arguments, ":value")
    if relation is None:
        return None
    key_of, cost_of = wanted.comparator.key, wanted.comparator.cost
    fixed = wanted.fixed()
    known = None if fixed is None else list(map(key_of, fixed))

    def test(run: Run, values: Sequence[str]) -> bool:
        keys = known if known is not None else list(map(key_of, wanted.now(run)))
        for value in values:
            run.charge((len(value) + 1) * len(keys) + cost_of(value))
            left = key_of(value)
            for key in keys:
                if relation(left, key):
                    return True
        return False

    return Match(test)


def _count(compiler: Compiler, arguments: Arguments, wanted: Wanted) -> Match | None:
    relation = _relation(compiler, arguments, ":count")
    if relation is None:
        return None
    key_of = wanted.comparator.key

    def test(run: Run, values: Sequence[str]) -> bool:
        count = key_of(str(len(values)))
        return any(relation(count, key_of(key)) for key in wanted.now(run))

    return Match(test, is_count=True)


EXTENSION = Extension(
    names=_NEEDS,
    match_types=(
        MatchType(Tag(":value", Takes.STRING, "match type", _NEEDS), _value),
        MatchType(Tag(":count", Takes.STRING, "match type", _NEEDS), _count),
    ),
)
