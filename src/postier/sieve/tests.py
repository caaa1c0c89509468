"""The tests of the base language.

Not here: those of extensions (`ext`). Source: RFC 5228 §5. Invariants: tests change nothing but match variables;
`allof` and `anyof` stop at the first test that decides (RFC 5229 §3.2).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from postier.sieve.addresses import ADDRESS_FIELDS, part_of
from postier.sieve.comparators import ascii_lower
from postier.sieve.fields import MIME_OPTIONS, finder, mime_values, names_of
from postier.sieve.matching import build_match
from postier.sieve.message import AddressValue, addresses_in, field_text
from postier.sieve.running import Run, Test
from postier.sieve.spec import Command, Family, Place, Tag, Takes, Tests

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler


_FIELD_NAME = re.compile(r"[!-9;-~]+")
_ADDRESS_COST = 32  # what looking at an address costs, in characters


def _never(_: Run) -> bool:
    return False


def _always(_: Run) -> bool:
    return True


def _true(_: Compiler, __: Arguments) -> Test:
    return _always


def _false(_: Compiler, __: Arguments) -> Test:
    return _never


def _not(_: Compiler, arguments: Arguments) -> Test:
    inner: Test = arguments.tests[0]
    return lambda run: not inner(run)


def _allof(_: Compiler, arguments: Arguments) -> Test:
    tests: tuple[Test, ...] = arguments.tests

    def allof(run: Run) -> bool:
        for test in tests:  # noqa: SIM110 # a generator would cost more than most tests
            if not test(run):
                return False
        return True

    return allof


def _anyof(_: Compiler, arguments: Arguments) -> Test:
    tests: tuple[Test, ...] = arguments.tests

    def anyof(run: Run) -> bool:
        for test in tests:  # noqa: SIM110 # as above
            if test(run):
                return True
        return False

    return anyof


def _size(compiler: Compiler, arguments: Arguments) -> Test:
    limit = arguments.number("limit")
    assert limit is not None
    match arguments.first_of(":over", ":under"):
        case ":over":
            return lambda run: _octets(run) > limit
        case ":under":
            return lambda run: _octets(run) < limit
        case _:
            compiler.report(arguments.node.offset, '"size" needs :over or :under')
            return _never


def _octets(run: Run) -> int:
    """Of the message as it is now (RFC 5293 §7); RFC 5703 §4.1 shows it in a loop: the size of the part."""
    if run.part is None and run.seen is not run.message:
        return run.seen.size
    if run.part is None or run.part is run.message.root():
        content = run.content()
        return run.message.size if content is None else len(content)
    return run.part.body_end - run.part.header_start


def _exists(compiler: Compiler, arguments: Arguments) -> Test:
    names = names_of(arguments.texts("header names"))
    find = finder(compiler, arguments)
    if find is None:
        return lambda run: all(run.seen.values(name) for name in names(run))
    found = find
    return lambda run: all(found(run, [name]) for name in names(run))


def _header(compiler: Compiler, arguments: Arguments) -> Test:
    names = names_of(arguments.texts("header names"))
    find = finder(compiler, arguments)
    match = build_match(compiler, arguments)
    if match is None:
        return _never
    test = match.test
    if find is None:
        fixed = [each for each in arguments.texts("header names") if isinstance(each, str)]
        if len(fixed) == len(arguments.texts("header names")) == 1:
            name = ascii_lower(fixed[0])
            return lambda run: test(run, run.seen.values(name))
        return lambda run: test(run, [each for name in names(run) for each in run.seen.values(name)])
    found = find
    option = arguments.first_of(*MIME_OPTIONS)
    parameters = arguments.texts(":param")

    def header(run: Run) -> bool:
        entries = found(run, names(run))
        if option is None:
            return test(run, [field_text(value) for _, _, value in entries])
        return test(run, [each for entry in entries for each in mime_values(run, entry, option, parameters)])

    return header


def _address(compiler: Compiler, arguments: Arguments) -> Test:
    texts = arguments.texts("header names")
    for text in texts:
        # RFC 5228 §2.4.2.2: what is no name of a field finds nothing and MUST NOT be an error
        if isinstance(text, str) and ascii_lower(text) not in ADDRESS_FIELDS and _FIELD_NAME.fullmatch(text):
            told = f'"address" cannot be used with the field "{text[:40]}", which holds no addresses'
            compiler.report(arguments.offset("header names"), told)
    names = names_of(texts)
    find = finder(compiler, arguments)
    match = build_match(compiler, arguments)
    if match is None:
        return _never
    test, is_count = match.test, match.is_count
    part = arguments.first_of(":localpart", ":domain", ":all", ":user", ":detail")
    # RFC 5228 §5.1: MUST restrict
    are_known = all(isinstance(text, str) and ascii_lower(text) in ADDRESS_FIELDS for text in texts)

    def address(run: Run) -> bool:
        take = part_of(part, run.world.detail_separator)
        named = names(run) if are_known else [name for name in names(run) if name in ADDRESS_FIELDS]
        if find is None:
            addresses = run.seen.addresses(named[0]) if len(named) == 1 else _addresses_of(run, named)
        else:
            addresses = [each for _, _, value in find(run, named) for each in addresses_in(value)]
        run.charge(_ADDRESS_COST * len(addresses))
        values = [
            value
            for each in addresses
            if (value := (each.whole or None) if is_count else take(each)) is not None
        ]
        return test(run, values)

    return address


def _addresses_of(run: Run, names: list[str]) -> list[AddressValue]:
    return [each for name in names for each in run.seen.addresses(name)]


_NAMES = Place("header names", Takes.STRINGS)
_KEYS = Place("key list", Takes.STRINGS)

TESTS = (
    Command(
        "address",
        _address,
        (_NAMES, _KEYS),
        families=(Family.MATCH, Family.ADDRESS_PART, Family.INDEX, Family.MIME),
    ),
    Command("allof", _allof, tests=Tests.LIST),
    Command("anyof", _anyof, tests=Tests.LIST),
    Command("exists", _exists, (_NAMES,), families=(Family.MIME,)),
    Command("false", _false),
    Command("header", _header, (_NAMES, _KEYS), families=(Family.MATCH, Family.INDEX, Family.MIME)),
    Command("not", _not, tests=Tests.ONE),
    Command(
        "size",
        _size,
        (Place("limit", Takes.NUMBER),),
        (Tag(":over", group="relation"), Tag(":under", group="relation")),
    ),
    Command("true", _true),
)
