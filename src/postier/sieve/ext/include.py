"""include: scripts in scripts, `return`, and variables that they share.

Not here: the scripts (`world.Scripts`), the namespace global (`check`). Source: RFC 6609. Invariants: a script that is
running is never run again inside itself; depth and number are bounded; each script has its own `require`, variables and
match variables.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from postier.sieve.problems import RunError, ScriptError
from postier.sieve.running import Frame, LeaveScript, Op, Run
from postier.sieve.spec import Command, Extension, Place, Tag, Takes

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_NEEDS = ("include",)
# RFC 5804 §1.6: no control characters, no line and paragraph separators; nor what would be a path
_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029/\\\ud800-\udfff]{1,128}")


def is_script_name(name: str) -> bool:
    """Whether it can name a script (RFC 5804 §1.6)."""
    return _NAME.fullmatch(name) is not None and name not in {".", ".."}


def _include(compiler: Compiler, arguments: Arguments) -> Op:
    offset = arguments.offset("script name")
    name = compiler.constant(arguments.text("script name"), offset, "the name of a script")
    if name is not None and not is_script_name(name):
        compiler.report(offset, "this cannot be the name of a script")
    is_global, is_once = arguments.has(":global"), arguments.has(":once")
    is_optional = arguments.has(":optional")
    key = (is_global, unicodedata.normalize("NFC", name or ""))  # RFC 5198 §2, as ManageSieve stores names

    def include(run: Run) -> None:
        is_running = any(frame.key == key for frame in run.frames)
        if is_once and (is_running or key in run.included):
            return
        if is_running:
            raise RunError(f'the script "{key[1]}" includes itself')
        if len(run.frames) >= run.limits.include_depth:
            raise RunError(f"scripts are included deeper than {run.limits.include_depth}")
        try:
            script = run.world.scripts.find(key[1], is_global=is_global)
        except ScriptError as error:
            raise RunError(f'the script "{key[1]}" is broken: {error}') from None
        if script is None:
            if is_optional:
                return
            raise RunError(f'there is no script "{key[1]}"')
        run.included.add(key)
        run.includes += 1
        if run.includes > run.limits.includes:
            raise RunError(f"more than {run.limits.includes} scripts are included")
        script.run_inside(run, Frame(key))

    return include


def _return(_: Compiler, __: Arguments) -> Op:
    def leave(_: Run) -> None:
        raise LeaveScript

    return leave


def _global(compiler: Compiler, arguments: Arguments) -> Op:
    if not compiler.demand(("variables",), arguments.node.offset, '"global"'):
        return lambda _: None
    offset = arguments.offset("names")
    for text in arguments.texts("names"):
        variable = compiler.name_of_variable(text, offset)
        if variable is None:
            continue
        if "." in str(text):
            compiler.report(offset, f'"{str(text)[:40]}" has a namespace; "global" takes plain names')
        elif variable.name in compiler.assigned:
            compiler.report(offset, f'"{variable.name}" has been set before it is declared global')
        else:
            compiler.globals.add(variable.name)
    return lambda _: None


EXTENSION = Extension(
    names=_NEEDS,
    commands=(
        Command(
            "include",
            _include,
            (Place("script name", Takes.STRING),),
            (
                Tag(":personal", group="location"),
                Tag(":global", group="location"),
                Tag(":once"),
                Tag(":optional"),
            ),
            needs=_NEEDS,
        ),
        Command("return", _return, needs=_NEEDS),
        Command("global", _global, (Place("names", Takes.STRINGS),), needs=_NEEDS),
    ),
)
