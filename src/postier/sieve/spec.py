"""How commands, tests, tags and extensions are declared.

Not here: the declarations (`commands`, `tests`, `ext`), checking against them (`check`). Source: RFC 5228 §2.6, §2.10.5.
Invariants: declarations are data; everything an extension adds stands in its one `Extension`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler
    from postier.sieve.matching import MatchBuilder

Capabilities = tuple[str, ...]  # any one of them is enough; empty: nothing is needed


class Takes(Enum):
    """What stands behind a tag or at a position."""

    NUMBER = "a number"
    STRING = "a string"
    STRINGS = "a string or a list of strings"


class Family(Enum):
    """Tags that many tests share."""

    MATCH = "match"  # match type and comparator
    ADDRESS_PART = "address part"
    INDEX = "index"
    MIME = "mime"
    FCC = "fcc"


class Tag(msgspec.Struct, frozen=True):
    """A tag. Of a `group` at most one may stand; it is the tag itself when empty."""

    name: str
    takes: Takes | None = None
    group: str = ""
    needs: Capabilities = ()


class Place(msgspec.Struct, frozen=True):
    """A positional argument; optional ones are filled last (RFC 5232 §3.1)."""

    name: str
    takes: Takes
    is_optional: bool = False


class Tests(Enum):
    """What tests a command takes."""

    NONE = "no test"
    ONE = "one test"
    LIST = "a list of tests in parentheses"


class Command(msgspec.Struct, frozen=True):
    """A command or a test. `build` gives what runs: an Op for a command, a Test for a test."""

    name: str
    build: Callable[[Compiler, Arguments], Any]
    places: tuple[Place, ...] = ()
    tags: tuple[Tag, ...] = ()
    families: tuple[Family, ...] = ()
    needs: Capabilities = ()
    tests: Tests = Tests.NONE
    has_block: bool = False


class MatchType(msgspec.Struct, frozen=True):
    """A match type: its tag and how it is compiled."""

    tag: Tag
    build: MatchBuilder


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """All that one extension brings."""

    names: tuple[str, ...]
    commands: tuple[Command, ...] = ()
    tests: tuple[Command, ...] = ()
    match_types: tuple[MatchType, ...] = ()
    tags: tuple[tuple[str | Family, tuple[Tag, ...]], ...] = ()  # for a command's name, or a family
