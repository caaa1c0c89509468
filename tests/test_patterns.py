"""Our regular expressions mean the same on every Python that we run on.

Until 3.11.5 a possessive repeat of a group that can backtrack matched wrongly (python/cpython#106052); of one character it is right.
"""

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from re import _constants as codes
from re import _parser as parser
from typing import Any

import pytest

import postier

ONE_CHARACTER = {codes.IN, codes.LITERAL, codes.NOT_LITERAL, codes.ANY}


def patterns() -> dict[str, re.Pattern[Any]]:
    names = [each.name for each in pkgutil.walk_packages(postier.__path__, "postier.")]
    return {
        f"{name}.{label}": value
        for name in names
        if not name.endswith("__main__")
        for label, value in vars(import_module(name)).items()
        if isinstance(value, re.Pattern)
    }


def possessive_groups(tree: Any) -> Iterator[Any]:
    """The repeats, at any depth, that give nothing back and are of more than one character."""
    for code, argument in tree:
        if code is codes.ATOMIC_GROUP or (
            code is codes.POSSESSIVE_REPEAT
            and (len(argument[2]) != 1 or argument[2][0][0] not in ONE_CHARACTER)
        ):
            yield argument
        for part in argument if isinstance(argument, tuple) else [argument]:
            for branch in part if isinstance(part, list) else [part]:
                if isinstance(branch, parser.SubPattern):
                    yield from possessive_groups(branch)


@pytest.mark.parametrize("pattern", [r"(?:ab|c)*+", r"x(?:y(?:a+b)?+)z", r"(?=(?:ab)++)|c", r"(?>ab)"])
def test_the_check_finds_them(pattern: str) -> None:
    assert [*possessive_groups(parser.parse(pattern))]


def test_no_group_is_repeated_possessively() -> None:
    found = patterns()
    assert len(found) > 100
    wrong = [
        name
        for name, pattern in found.items()
        if [*possessive_groups(parser.parse(pattern.pattern, pattern.flags & re.VERBOSE))]
    ]
    assert wrong == []
