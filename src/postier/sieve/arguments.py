"""The arguments of one command, sorted by its declaration: tags with their values, and what stands at each place.

Not here: strings with variables (`texts`). Source: RFC 5228 §2.6. Invariants: after `sort_arguments` each value is of
the declared type; a mistake is reported once, with its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postier.sieve.problems import nearest
from postier.sieve.spec import Command, Place, Tag, Takes
from postier.sieve.texts import Text
from postier.sieve.tree import Argument, Node, NumberArgument, StringArgument, TagArgument

if TYPE_CHECKING:
    from postier.sieve.check import Compiler


class Arguments:
    """The arguments of one command or test."""

    __slots__ = ("_offsets", "_places", "_tags", "line", "node", "tests")

    def __init__(self, node: Node, line: int) -> None:
        self.node = node
        self.line = line
        self.tests: tuple[Any, ...] = ()
        self._tags: dict[str, Any] = {}
        self._places: dict[str, Any] = {}
        self._offsets: dict[str, int] = {}

    def has(self, name: str) -> bool:
        """Whether a tag or a place is filled."""
        return name in self._tags or name in self._places

    def offset(self, name: str) -> int:
        """Where it stands; the command's own place when it does not."""
        return self._offsets.get(name, self.node.offset)

    def number(self, name: str) -> int | None:
        """The number of a tag or place."""
        value = self._get(name)
        assert value is None or isinstance(value, int)
        return value

    def text(self, name: str) -> Text:
        """The string of a place, or of a tag that is there."""
        value: Text = self._get(name)
        assert value is not None
        return value

    def optional_text(self, name: str) -> Text | None:
        """The string of a tag, or None."""
        value: Text | None = self._get(name)
        return value

    def texts(self, name: str) -> tuple[Text, ...]:
        """The strings of a place or tag; none when it is not there."""
        value = self._get(name)
        if value is None:
            return ()
        listed: tuple[Text, ...] = value if isinstance(value, tuple) else (value,)
        return listed

    def optional_texts(self, name: str) -> tuple[Text, ...] | None:
        """The strings of a place or tag, or None."""
        value: tuple[Text, ...] | None = self._get(name)
        return value

    def written(self, name: str) -> tuple[str, ...]:
        """The strings as they are in the script, before variables (RFC 5230 §4.2)."""
        return tuple([each if isinstance(each, str) else each.written for each in _listed(self._get(name))])

    def first_of(self, *names: str) -> str | None:
        """The first of these tags that is there."""
        return next((name for name in names if name in self._tags), None)

    def _get(self, name: str) -> Any:
        return self._tags.get(name) if name.startswith(":") else self._places.get(name)

    def put(self, name: str, value: Any, offset: int) -> None:
        """Fill a tag or place."""
        (self._tags if name.startswith(":") else self._places)[name] = value
        self._offsets[name] = offset


def _listed(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def sort_arguments(
    compiler: Compiler, command: Command, tags: dict[str, Tag], node: Node
) -> Arguments | None:
    """The arguments of a node, or None when something is wrong with them (it has been reported)."""
    found = Arguments(node, compiler.line(node.offset))
    groups: dict[str, str] = {}
    positional: list[Argument] = []
    rest = iter(node.arguments)
    for argument in rest:
        if not isinstance(argument, TagArgument):
            positional.append(argument)
            continue
        tag = tags.get(argument.name)
        if tag is None:
            known = [name for name in tags if compiler.is_supported(tags[name].needs)]
            compiler.unsupported(
                argument.offset, f'"{node.name}" takes no {argument.name}{nearest(argument.name, known)}'
            )
            return None
        if positional:
            compiler.report(argument.offset, f"{argument.name} must stand before the arguments without a tag")
            return None
        group = tag.group or tag.name
        if group in groups:
            other = groups[group]
            told = (
                f"{tag.name} is given twice"
                if other == tag.name
                else f"{other} and {tag.name} exclude each other"
            )
            compiler.report(argument.offset, told)
            return None
        groups[group] = tag.name
        if not compiler.demand(tag.needs, argument.offset, tag.name):
            return None
        value: Any = True
        offset = argument.offset
        if tag.takes is not None:
            taken = _value(compiler, next(rest, None), tag.takes, offset, f"the value of {tag.name}")
            if taken is None:
                return None
            value, offset = taken
        found.put(tag.name, value, offset)
    return found if _fill(compiler, command, positional, found) else None


def _fill(compiler: Compiler, command: Command, given: list[Argument], found: Arguments) -> bool:
    places = command.places
    required = sum(not place.is_optional for place in places)
    if not required <= len(given) <= len(places):
        wanted = _told_places(places)
        at = given[len(places)].offset if len(given) > len(places) else found.node.offset
        compiler.report(at, f'"{command.name}" takes {wanted}; found {len(given)} arguments without a tag')
        return False
    spare = len(given) - required
    filled = iter(given)
    for place in places:
        if place.is_optional:
            if not spare:
                continue
            spare -= 1
        what = f'the {place.name} of "{command.name}"'
        taken = _value(compiler, next(filled), place.takes, found.node.offset, what)
        if taken is None:
            return False
        found.put(place.name, *taken)
    return True


def _value(
    compiler: Compiler, argument: Argument | None, takes: Takes, offset: int, what: str
) -> tuple[Any, int] | None:
    """The value of an argument of the wanted type and its offset; None when it is of another (reported)."""
    match takes, argument:
        case Takes.NUMBER, NumberArgument(at, number):
            return number, at
        case Takes.STRING, StringArgument(at, (text,), _, False):
            return compiler.text(at, text), at
        case Takes.STRINGS, StringArgument(at, texts, offsets):
            return tuple([compiler.text(*each) for each in zip(offsets, texts, strict=True)]), at
    given = "nothing" if argument is None else _given(argument)
    at = offset if argument is None else argument.offset
    compiler.report(at, f"{what} must be {takes.value}, found {given}")
    return None


def _given(argument: Argument) -> str:
    match argument:
        case NumberArgument():
            return "a number"
        case StringArgument():
            return "a list of strings" if argument.is_list else "a string"
        case TagArgument():
            return argument.name


def _told_places(places: tuple[Place, ...]) -> str:
    if not places:
        return "no arguments without a tag"
    return ", then ".join(
        [f"{'perhaps ' if each.is_optional else ''}the {each.name} ({each.takes.value})" for each in places]
    )
