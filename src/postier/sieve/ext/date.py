"""date and index: tests on the dates of fields and on now; `:index` and `:last`.

Not here: the parts of a date (`dateparts`), the look-up of fields (`fields`). Source: RFC 5260 (eid6349). Invariants:
`currentdate` is one moment for the whole run (§5).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from postier.mime.dates import Moment, parse_date
from postier.sieve.comparators import ascii_lower
from postier.sieve.dateparts import PARTS, date_part, parse_zone
from postier.sieve.fields import finder
from postier.sieve.matching import build_match
from postier.sieve.problems import RunError, nearest
from postier.sieve.running import Run, Test
from postier.sieve.spec import Command, Extension, Family, Place, Tag, Takes
from postier.sieve.texts import Text, expand

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_DATE, _INDEX = ("date",), ("index",)
_TIME = re.compile(rb"(?<!\d)(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2}))?(?!\d)")
_TOO_LONG = re.compile(rb"\d{5}")  # for a year


def _check_part(compiler: Compiler, arguments: Arguments) -> Text:
    part = arguments.text("date part")
    if isinstance(part, str) and ascii_lower(part) not in PARTS:
        told = f'there is no date part "{part[:20]}"{nearest(part, sorted(PARTS))}'
        compiler.report(arguments.offset("date part"), told)
    return part


def _zone(compiler: Compiler, arguments: Arguments) -> Callable[[Run, Moment], int]:
    """The zone to show a moment in, minutes east of UTC."""
    if arguments.has(":originalzone"):
        return lambda _, moment: moment.zone_minutes
    zone = arguments.optional_text(":zone")
    if zone is None:
        return lambda run, _: run.world.now.zone_minutes
    if isinstance(zone, str) and parse_zone(zone) is None:
        compiler.report(arguments.offset(":zone"), f'"{zone[:20]}" is no zone such as +0100')

    def minutes(run: Run, _: Moment) -> int:
        found = parse_zone(expand(zone, run))
        if found is None:
            raise RunError(":zone is no zone such as +0100")
        return found

    return minutes


def _date(compiler: Compiler, arguments: Arguments) -> Test:
    name, part, zone = (
        arguments.text("header name"),
        _check_part(compiler, arguments),
        _zone(compiler, arguments),
    )
    find = finder(compiler, arguments)
    match = build_match(compiler, arguments)
    if match is None:
        return lambda _: False
    test = match.test

    def date(run: Run) -> bool:
        field = ascii_lower(expand(name, run))
        if find is None:
            found = [value for _, _, value in run.seen.named(field)[:1]]
        else:
            found = [value for _, _, value in find(run, [field])]
        values: list[str] = []
        for value in found:
            moment = _moment(value)
            shown = moment and date_part(
                Moment(moment.epoch_s, zone(run, moment)), ascii_lower(expand(part, run))
            )
            values += [shown] if shown else []
        return test(run, values)

    return date


def _moment(value: bytes) -> Moment | None:
    """The date of a field: the last one, behind a semicolon, or the whole (RFC 5260 §4)."""
    text = b" ".join(value.split())
    _, semicolon, after = text.rpartition(b";")
    found = _valid(after.strip()) if semicolon else None
    return found or _valid(text)


def _valid(text: bytes) -> Moment | None:
    """A date with a time that there is: where a sort order would do with less, a test is false (RFC 5260 §4)."""
    time = _TIME.search(text)
    if time is None or int(time[1]) > 23 or int(time[2]) > 59 or int(time[3] or b"0") > 60:
        return None
    if _TOO_LONG.search(text, 0, time.start()):
        return None
    return parse_date(text)


def _currentdate(compiler: Compiler, arguments: Arguments) -> Test:
    part, zone = _check_part(compiler, arguments), _zone(compiler, arguments)
    match = build_match(compiler, arguments)
    if match is None:
        return lambda _: False
    test = match.test

    def currentdate(run: Run) -> bool:
        now = run.world.now
        shown = date_part(Moment(now.epoch_s, zone(run, now)), ascii_lower(expand(part, run)))
        return test(run, [] if shown is None else [shown])

    return currentdate


_ZONE = Tag(":zone", Takes.STRING, "zone", _DATE)
_PART = Place("date part", Takes.STRING)
_KEYS = Place("key list", Takes.STRINGS)

EXTENSION = Extension(
    names=("date", "index"),
    tests=(
        Command(
            "date",
            _date,
            (Place("header name", Takes.STRING), _PART, _KEYS),
            (_ZONE, Tag(":originalzone", group="zone", needs=_DATE)),
            (Family.MATCH, Family.INDEX),
            _DATE,
        ),
        Command("currentdate", _currentdate, (_PART, _KEYS), (_ZONE,), (Family.MATCH,), _DATE),
    ),
    tags=((Family.INDEX, (Tag(":index", Takes.NUMBER, needs=_INDEX), Tag(":last", needs=_INDEX))),),
)
