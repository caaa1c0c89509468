"""extlists: values held against lists outside the script, such as the address book.

Not here: the lists (`world.Lists`). Source: RFC 6134.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from postier.sieve.matching import Match, Wanted
from postier.sieve.problems import RunError
from postier.sieve.running import Run, Test
from postier.sieve.spec import Command, Extension, MatchType, Place, Tag, Takes
from postier.sieve.texts import expand_all

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_NEEDS = ("extlists",)
_URN = "urn:ietf:params:sieve:"
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20\x7f\ud800-\udfff]+")
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")  # no list has a member with these
_BOOK = re.compile(r"urn:ietf:params:sieve:addrbook:([^:]+)", re.IGNORECASE)
# RFC 6134 §2.2, and §2.9.2 for dates such as holidays
_LISTING_TESTS = frozenset({"address", "currentdate", "date", "envelope", "header", "string"})


def list_uri(name: str) -> str | None:
    """The URI that a list's name stands for, or None when it is none; the default book in one spelling (§2.5)."""
    uri = _URN + name[1:] if name.startswith(":") else name
    if not _URI.fullmatch(uri):
        return None
    book = _BOOK.fullmatch(uri)
    if book is None:
        return uri
    if "?" in book[1]:  # §2.6: there are no extensions yet
        return None
    named = unquote(book[1])
    if not named or _NO_TEXT.search(named):
        return None
    return f"{_URN}addrbook:{'default' if named.lower() == 'default' else named}"


def _list(compiler: Compiler, arguments: Arguments, wanted: Wanted) -> Match | None:
    if arguments.node.name not in _LISTING_TESTS:
        compiler.report(arguments.offset(":list"), f'"{arguments.node.name}" cannot be used with :list')
        return None
    if arguments.has(":comparator"):
        compiler.report(arguments.offset(":comparator"), ":list and :comparator exclude each other")
        return None

    def test(run: Run, values: Sequence[str]) -> bool:
        for name in wanted.now(run):
            uri = list_uri(name)
            if uri is None or not run.world.lists.is_known(uri):
                raise RunError(f'there is no list "{name[:60]}"')
            asked = [value.strip() for value in values if not _NO_TEXT.search(value)]  # §2.2
            member = run.world.lists.find(uri, asked) if asked else None
            if member is not None:
                if wanted.sets_variables:
                    run.frame.matches = [member]
                return True
        return False

    return Match(test)


def _valid_ext_list(_: Compiler, arguments: Arguments) -> Test:
    names = arguments.texts("list names")

    def valid_ext_list(run: Run) -> bool:
        uris = [list_uri(name) for name in expand_all(names, run)]
        return all(uri is not None and run.world.lists.is_known(uri) for uri in uris)

    return valid_ext_list


EXTENSION = Extension(
    names=_NEEDS,
    tests=(Command("valid_ext_list", _valid_ext_list, (Place("list names", Takes.STRINGS),), needs=_NEEDS),),
    match_types=(MatchType(Tag(":list", group="match type", needs=_NEEDS), _list),),
    tags=(("redirect", (Tag(":list", needs=_NEEDS),)),),
)
