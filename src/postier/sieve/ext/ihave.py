"""ihave: extensions that are used only where they are there, and the `error` command.

Not here: the checks that wait for the run (`check`). Source: RFC 5463. Invariants: one unavailable capability and none
of the list is switched on (§4 (4)).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postier.sieve.problems import RunError
from postier.sieve.running import Op, Run, Test
from postier.sieve.spec import Command, Extension, Place, Takes
from postier.sieve.texts import expand

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_NEEDS = ("ihave",)


def _ihave(compiler: Compiler, arguments: Arguments) -> Test:
    offset = arguments.offset("capabilities")
    names: list[str] = []
    for text in arguments.texts("capabilities"):
        name = compiler.constant(text, offset, "a capability")
        if name is None:
            return lambda _: False
        names.append(name)
    if not all(compiler.may_enable(name) for name in names):
        return lambda _: False
    wanted = frozenset(names)

    def ihave(run: Run) -> bool:
        run.frame.enabled |= wanted
        return True

    return ihave


def _error(_: Compiler, arguments: Arguments) -> Op:
    message = arguments.text("message")

    def error(run: Run) -> None:
        raise RunError(expand(message, run))

    return error


EXTENSION = Extension(
    names=_NEEDS,
    commands=(Command("error", _error, (Place("message", Takes.STRING),), needs=_NEEDS),),
    tests=(Command("ihave", _ihave, (Place("capabilities", Takes.STRINGS),), needs=_NEEDS),),
)
