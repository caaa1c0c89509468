"""Match types: how values of the message are held against the keys of a test.

Not here: `:count` and `:value` (`ext.relational`), `:regex` (`ext.regex`), `:list` (`ext.extlists`); where the values
come from. Source: RFC 5228 §2.7; RFC 5229 §3.2 (what a successful :matches leaves behind). Invariants: keys without
variables are folded once, when the script is compiled; every comparison is charged by its length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from postier.mime.collation import fold_character
from postier.sieve.comparators import COMPARATORS, DEFAULT, Comparator
from postier.sieve.glob import Glob
from postier.sieve.running import Run
from postier.sieve.texts import Text, expand_all

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_GLOB_COST = 64  # what holding any value against a pattern costs
_KEY_COST = 256  # what a character of a pattern costs that is compiled while the script runs

Matcher = Callable[[Run, Sequence[str]], bool]


class Match(msgspec.Struct, frozen=True):
    """A compiled match: whether any value matches any key. With `is_count` the number of values does."""

    test: Matcher
    is_count: bool = False


class Wanted(msgspec.Struct, frozen=True):
    """What a match is made of."""

    keys: tuple[Text, ...]
    comparator: Comparator
    sets_variables: bool
    splits_keys: bool = False  # a key is a list of words (RFC 5232 §2)

    def fixed(self) -> list[str] | None:
        """The keys when none has variables."""
        found = [key for key in self.keys if isinstance(key, str)]
        return self._split(found) if len(found) == len(self.keys) else None

    def now(self, run: Run) -> list[str]:
        """The keys as they are now."""
        return self._split(expand_all(self.keys, run))

    def _split(self, keys: list[str]) -> list[str]:
        return [word for key in keys for word in key.split()] if self.splits_keys else keys


MatchBuilder = Callable[["Compiler", "Arguments", Wanted], Match | None]


def build_match(
    compiler: Compiler,
    arguments: Arguments,
    keys_name: str = "key list",
    *,
    sets_variables: bool = True,
    splits_keys: bool = False,
) -> Match | None:
    """The match of a test whose keys stand at the place `keys_name`; None when it is wrong (reported)."""
    from postier.sieve.vocabulary import MATCH_TYPES

    tag = arguments.first_of(*MATCH_TYPES) or ":is"
    comparator = DEFAULT
    written = arguments.optional_text(":comparator")
    if written is not None:
        offset = arguments.offset(":comparator")
        name = compiler.constant(written, offset, "the comparator")
        if name is None or not compiler.demand_comparator(name, offset):
            return None
        comparator = COMPARATORS[name]
    sets = sets_variables and compiler.has("variables")
    wanted = Wanted(arguments.texts(keys_name), comparator, sets, splits_keys)
    return MATCH_TYPES[tag].build(compiler, arguments, wanted)


def substrings_are_there(compiler: Compiler, arguments: Arguments, comparator: Comparator, tag: str) -> bool:
    """RFC 5228 §2.7.1: some comparators know whole values only."""
    if comparator.has_substrings:
        return True
    offset = arguments.offset(":comparator")
    compiler.report(offset, f'the comparator "{comparator.name}" cannot be used with {tag}')
    return False


def build_is(_: Compiler, __: Arguments, wanted: Wanted) -> Match:
    """`:is`."""
    key_of, comparator = wanted.comparator.key, wanted.comparator
    fixed = wanted.fixed()
    known = frozenset(map(key_of, fixed)) if fixed is not None else None

    def test(run: Run, values: Sequence[str]) -> bool:
        keys = known if known is not None else frozenset(map(key_of, wanted.now(run)))
        for value in values:
            run.charge(len(value))
            if comparator.weight:
                run.charge(comparator.cost(value))
            if key_of(value) in keys:
                return True
        return False

    return Match(test)


def build_contains(compiler: Compiler, arguments: Arguments, wanted: Wanted) -> Match | None:
    """`:contains`."""
    comparator = wanted.comparator
    fold = comparator.fold
    if not substrings_are_there(compiler, arguments, comparator, ":contains") or fold is None:
        return None
    fixed = wanted.fixed()
    known = list(map(fold, fixed)) if fixed is not None else None

    def test(run: Run, values: Sequence[str]) -> bool:
        keys = known if known is not None else list(map(fold, wanted.now(run)))
        for value in values:
            run.charge((len(value) + 1) * len(keys))
            if comparator.weight:
                run.charge(comparator.cost(value))
            folded = fold(value)
            for key in keys:
                if key in folded:
                    return True
        return False

    return Match(test)


def build_matches(compiler: Compiler, arguments: Arguments, wanted: Wanted) -> Match | None:
    """`:matches`."""
    comparator = wanted.comparator
    fold = comparator.fold
    if not substrings_are_there(compiler, arguments, comparator, ":matches") or fold is None:
        return None
    form = _octets if comparator.is_octets else _same
    fixed = wanted.fixed()
    known = [Glob(form(fold(key))) for key in fixed] if fixed is not None else None
    sets = wanted.sets_variables

    def test(run: Run, values: Sequence[str]) -> bool:
        globs = known
        if globs is None:
            keys = wanted.now(run)
            run.charge(_KEY_COST * sum(map(len, keys)))
            globs = [Glob(form(fold(key))) for key in keys]
        cost = sum([each.cost for each in globs])
        floor = _GLOB_COST * len(globs)
        for value in values:
            run.charge(len(value) * cost + floor)
            if comparator.weight:
                run.charge(comparator.cost(value))
            folded = form(fold(value))
            for each in globs:
                found = each.match(folded)
                if found is not None:
                    if sets:
                        run.frame.matches = [value, *_captured(comparator, value, found)]
                    return True
        return False

    return Match(test)


def _same(text: str) -> str:
    return text


def _octets(text: str) -> str:
    """A character for each octet: "?" matches one octet with these comparators (RFC 5228 §2.7.1)."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def _captured(comparator: Comparator, value: str, ranges: list[tuple[int, int]]) -> list[str]:
    """What the wildcards stand for, in the value as it was before folding."""
    if value.isascii():
        return [value[start:end] for start, end in ranges]
    if comparator.is_octets:
        octets = value.encode("utf-8", "surrogateescape")
        return [octets[start:end].decode("utf-8", "surrogateescape") for start, end in ranges]
    places = [index for index, each in enumerate(value) for _ in fold_character(each)]
    places.append(len(value))
    return [value[places[start] : places[end]] for start, end in ranges]
