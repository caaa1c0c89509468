"""A script as its grammar sees it: commands with arguments, tests and blocks.

Not here: what the names mean (`check`). Source: RFC 5228 §8.2. Invariants: names are in lower case; offsets point into
the script's text.
"""

from __future__ import annotations

import msgspec


class StringArgument(msgspec.Struct, frozen=True):
    """A string, or a list of strings; `offsets` are theirs."""

    offset: int
    values: tuple[str, ...]
    offsets: tuple[int, ...]
    is_list: bool


class NumberArgument(msgspec.Struct, frozen=True):
    """A number."""

    offset: int
    value: int


class TagArgument(msgspec.Struct, frozen=True):
    """A tag with its colon."""

    offset: int
    name: str


Argument = StringArgument | NumberArgument | TagArgument


class Node(msgspec.Struct, frozen=True):
    """A command or a test. `tests` are its test or test list, `block` its block; None when it has none."""

    offset: int
    name: str
    arguments: tuple[Argument, ...] = ()
    tests: tuple[Node, ...] = ()
    has_test_list: bool = False
    block: tuple[Node, ...] | None = None
