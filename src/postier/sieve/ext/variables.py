"""variables: `set` with its modifiers, and the `string` test.

Not here: references in strings (`texts`), match variables (`matching`). Source: RFC 5229; RFC 5435 §6 (:encodeurl).
Invariants: a value is cut off at its limit, never an error (§6), and never within what a modifier wrote for one character;
modifiers apply by precedence, whatever their order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from postier.sieve.comparators import ascii_lower, ascii_upper
from postier.sieve.matching import build_match
from postier.sieve.problems import RunError
from postier.sieve.running import Op, Run, Test
from postier.sieve.spec import Command, Extension, Family, Place, Tag, Takes
from postier.sieve.texts import Scope, Variable, expand, expand_all

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_NEEDS = ("variables",)
_MODIFIED_COST = 8  # what a modifier costs for each character
_QUOTED = str.maketrans({each: f"\\{each}" for each in "*?\\"})
_REGEX_QUOTED = str.maketrans({each: f"\\{each}" for each in ".^$*+?()[]{}|\\"})

# RFC 5229 §4.1: the largest precedence first
MODIFIERS: dict[str, tuple[int, Callable[[str], str]]] = {
    ":lower": (40, ascii_lower),
    ":upper": (40, ascii_upper),
    ":lowerfirst": (30, lambda text: ascii_lower(text[:1]) + text[1:]),
    ":upperfirst": (30, lambda text: ascii_upper(text[:1]) + text[1:]),
    ":quotewildcard": (20, lambda text: text.translate(_QUOTED)),
    ":quoteregex": (20, lambda text: text.translate(_REGEX_QUOTED)),
    ":encodeurl": (15, lambda text: quote(text.encode("utf-8", "surrogateescape"), safe="-._~")),
    ":length": (10, lambda text: str(len(text))),
}
_QUOTING = frozenset({":quotewildcard", ":quoteregex", ":encodeurl"})  # they write more for a character
_NEEDED = {":quoteregex": ("regex",), ":encodeurl": ("enotify",)}
MODIFIER_TAGS = tuple(
    Tag(name, group=f"modifier {precedence}", needs=_NEEDED.get(name, ()))
    for name, (precedence, _) in MODIFIERS.items()
)


def modifier(arguments: Arguments) -> Callable[[Run, str], str]:
    """The modifiers of a command as one function."""
    given = sorted((name for name in MODIFIERS if arguments.has(name)), key=lambda name: -MODIFIERS[name][0])
    steps = [MODIFIERS[name][1] for name in given]
    is_quoted = bool(given) and given[-1] in _QUOTING

    def modify(run: Run, text: str) -> str:
        plain = text
        for step in steps:
            run.charge(_MODIFIED_COST * len(text))
            plain, text = text, step(text)
        limit = run.limits.variable_characters
        return _whole(plain, steps[-1], limit) if is_quoted and len(text) > limit else text

    return modify


def _whole(plain: str, quoting: Callable[[str], str], limit: int) -> str:
    """What fits of a quoted text without a backslash or a percent sign that lost what it stood for (RFC 3986 §2.1)."""
    pieces: list[str] = []
    for character in plain[:limit]:
        piece = quoting(character)
        limit -= len(piece)
        if limit < 0:
            break
        pieces.append(piece)
    return "".join(pieces)


def assign(run: Run, variable: Variable, value: str) -> None:
    """Set a variable; raises RunError when there are too many."""
    run.charge(len(value))
    variables = run.globals if variable.scope is Scope.GLOBAL else run.frame.variables
    if variable.name not in variables and len(variables) >= run.limits.variables:
        raise RunError(f"the script sets more than {run.limits.variables} variables")
    variables[variable.name] = value[: run.limits.variable_characters]


def _set(compiler: Compiler, arguments: Arguments) -> Op:
    variable = compiler.name_of_variable(arguments.text("name"), arguments.offset("name"))
    value = arguments.text("value")
    limit = compiler.limits.variable_characters
    if isinstance(value, str) and len(value) > limit:  # RFC 5229 §6: at compile time if possible
        compiler.report(arguments.offset("value"), f"a variable holds at most {limit} characters")
    modify = modifier(arguments)
    if variable is None:
        return lambda _: None
    target = variable
    if target.scope is Scope.SCRIPT:
        compiler.assigned.add(target.name)
    return lambda run: assign(run, target, modify(run, expand(value, run)))


def _string(compiler: Compiler, arguments: Arguments) -> Test:
    sources = arguments.texts("source")
    match = build_match(compiler, arguments)
    if match is None:
        return lambda _: False
    test = match.test
    if match.is_count:  # RFC 5229 §5
        return lambda run: test(run, [each for each in expand_all(sources, run) if each])
    return lambda run: test(run, expand_all(sources, run))


EXTENSION = Extension(
    names=_NEEDS,
    commands=(
        Command(
            "set",
            _set,
            (Place("name", Takes.STRING), Place("value", Takes.STRING)),
            MODIFIER_TAGS,
            needs=_NEEDS,
        ),
    ),
    tests=(
        Command(
            "string",
            _string,
            (Place("source", Takes.STRINGS), Place("key list", Takes.STRINGS)),
            families=(Family.MATCH,),
            needs=_NEEDS,
        ),
    ),
)
