"""All words that scripts may use: the base language and every extension, gathered into tables.

Not here: the declarations themselves. Source: RFC 5228 §2.10.5; docs/sieve.md lists the extensions. Invariants: a name
is declared once; the tables never change.
"""

from postier.sieve import commands, tests
from postier.sieve.ext import EXTENSIONS
from postier.sieve.matching import build_contains, build_is, build_matches
from postier.sieve.spec import Command, Family, MatchType, Tag, Takes

CAPABILITIES = frozenset(name for extension in EXTENSIONS for name in extension.names) | {
    "comparator-i;octet",
    "comparator-i;ascii-casemap",
    "comparator-i;ascii-numeric",
    "comparator-i;unicode-casemap",
}

COMMANDS: dict[str, Command] = {
    each.name: each
    for each in (*commands.COMMANDS, *(command for extension in EXTENSIONS for command in extension.commands))
}
TESTS: dict[str, Command] = {
    each.name: each
    for each in (*tests.TESTS, *(test for extension in EXTENSIONS for test in extension.tests))
}
MATCH_TYPES: dict[str, MatchType] = {
    each.tag.name: each
    for each in (
        MatchType(Tag(":is", group="match type"), build_is),
        MatchType(Tag(":contains", group="match type"), build_contains),
        MatchType(Tag(":matches", group="match type"), build_matches),
        *(match_type for extension in EXTENSIONS for match_type in extension.match_types),
    )
}

_BASE_FAMILIES = {
    Family.MATCH: (*(each.tag for each in MATCH_TYPES.values()), Tag(":comparator", Takes.STRING)),
    Family.ADDRESS_PART: tuple(Tag(name, group="address part") for name in (":localpart", ":domain", ":all")),
}
_ADDED: dict[str | Family, list[Tag]] = {}
for _extension in EXTENSIONS:
    for _where, _more in _extension.tags:
        _ADDED.setdefault(_where, []).extend(_more)


def _all_tags(command: Command) -> dict[str, Tag]:
    found = [*command.tags, *_ADDED.get(command.name, ())]
    for family in command.families:
        found += [*_BASE_FAMILIES.get(family, ()), *_ADDED.get(family, ())]
    return {each.name: each for each in found}


_TAGS: dict[int, dict[str, Tag]] = {
    id(each): _all_tags(each) for each in (*COMMANDS.values(), *TESTS.values())
}


def tags_of(command: Command) -> dict[str, Tag]:
    """The tags that a command or test may have, by name."""
    return _TAGS[id(command)]
