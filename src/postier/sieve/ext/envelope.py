"""envelope, envelope-dsn, envelope-deliverby: tests on what SMTP said around the message.

Not here: the envelope itself (`world.Envelope`). Source: RFC 5228 §5.4; RFC 6009 §4, §5. Invariants: a part that the
envelope does not have matches nothing; the null reverse-path is the empty string whatever part of it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postier.mime.dates import Moment
from postier.sieve.addresses import part_of, path_address
from postier.sieve.comparators import ascii_lower
from postier.sieve.dateparts import date_part, parse_zone
from postier.sieve.matching import build_match
from postier.sieve.problems import RunError, nearest
from postier.sieve.running import Run, Test
from postier.sieve.spec import Command, Extension, Family, Place, Tag, Takes
from postier.sieve.texts import expand, expand_all

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_DSN = {"notify", "orcpt", "ret", "envid"}
_BY = {"bytimeabsolute", "bytimerelative", "bymode", "bytrace"}
_ADDRESSES = {"from", "to"}


def _may_use(compiler: Compiler, part: str, offset: int) -> bool:
    if part in _ADDRESSES:
        return True
    if part in _DSN:
        return compiler.demand(("envelope-dsn",), offset, f'the envelope part "{part}"')
    if part in _BY:
        return compiler.demand(("envelope-deliverby",), offset, f'the envelope part "{part}"')
    compiler.report(
        offset, f'there is no envelope part "{part[:40]}"{nearest(part, [*_ADDRESSES, *_DSN, *_BY])}'
    )
    return False


def _envelope(compiler: Compiler, arguments: Arguments) -> Test:
    texts = arguments.texts("envelope part")
    part = arguments.first_of(":localpart", ":domain", ":all", ":user", ":detail")
    for text in texts:
        if not isinstance(text, str):
            continue
        name = ascii_lower(text)
        if not _may_use(compiler, name, arguments.offset("envelope part")):
            continue
        if part is not None and name not in _ADDRESSES:
            compiler.report(arguments.offset(part), f'{part} cannot be used with the envelope part "{name}"')
    allowed = set(_ADDRESSES)
    allowed |= _DSN if compiler.has("envelope-dsn") else set()
    allowed |= _BY if compiler.has("envelope-deliverby") else set()
    zone = arguments.optional_text(":zone")
    if isinstance(zone, str) and parse_zone(zone) is None:
        compiler.report(arguments.offset(":zone"), f'"{zone[:20]}" is no zone such as +0100')
    match = build_match(compiler, arguments)
    if match is None:
        return lambda _: False
    test, is_count = match.test, match.is_count

    def envelope(run: Run) -> bool:
        if run.world.is_imap_event:  # RFC 6785 §4.6
            raise RunError("there is no envelope here, for nothing is delivered")
        take = part_of(part, run.world.detail_separator)
        values: list[str] = []
        for text in expand_all(texts, run):
            name = ascii_lower(text)
            if name in _ADDRESSES:
                address = run.envelope.sender if name == "from" else run.envelope.recipient
                if address is None:
                    continue
                path = path_address(address)
                # RFC 5228 §5.4: the null reverse-path is the empty string; RFC 5231 §4.2: it counts 0
                if path.whole or (name == "from" and not is_count):
                    value = take(path) if path.whole else ""
                    values += [] if value is None else [value]
            elif name in allowed:
                values += _smtp_values(run, name, None if zone is None else expand(zone, run))
            else:
                raise RunError(f'there is no envelope part "{name[:40]}"')
        return test(run, values)

    return envelope


def _smtp_values(run: Run, name: str, zone: str | None) -> list[str]:
    envelope = run.envelope
    match name:
        case "notify":
            return list(envelope.notify)
        case "orcpt":
            return [] if envelope.orcpt is None else [envelope.orcpt]
        case "ret":
            return [] if envelope.ret is None else [envelope.ret]
        case "envid":
            return [] if envelope.envid is None else [envelope.envid]
    if envelope.by_s is None:
        return []
    match name:
        case "bytimerelative":
            return [str(envelope.by_s)]
        case "bymode":
            return ["notify" if envelope.by_mode.upper() == "N" else "return"]
        case "bytrace":
            return ["trace" if envelope.by_is_traced else ""]
        case _:
            now = run.world.now
            minutes = now.zone_minutes if zone is None else parse_zone(zone)
            if minutes is None:
                raise RunError(f'"{zone}" is no zone such as +0100')
            value = date_part(Moment(now.epoch_s + envelope.by_s, minutes), "iso8601")
            return [] if value is None else [value]


EXTENSION = Extension(
    names=("envelope", "envelope-dsn", "envelope-deliverby"),
    tests=(
        Command(
            "envelope",
            _envelope,
            (Place("envelope part", Takes.STRINGS), Place("key list", Takes.STRINGS)),
            (Tag(":zone", Takes.STRING, needs=("envelope-deliverby",)),),
            (Family.MATCH, Family.ADDRESS_PART),
            ("envelope",),
        ),
    ),
)
