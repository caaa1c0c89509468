"""foreverypart, break and extracttext: a loop over the parts of the message.

Not here: the tests on the part (`fields`), changing it (`replace`). Source: RFC 5703 §3, §7. Parts are visited depth
first, beginning with the one around the loop's parts: what the script has for its message outside of another loop (a
message without parts is one part), the children of the current part inside. Invariants: a part that `replace` took away is not visited;
the number of parts is bounded by `mime.structure`, every visit is a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postier.mime.charsets import codec_of
from postier.mime.decode import KNOWN_ENCODINGS, text_of
from postier.mime.part import Part
from postier.sieve.ext.variables import MODIFIER_TAGS, assign, modifier
from postier.sieve.parts import part_at, path_here
from postier.sieve.problems import RunError
from postier.sieve.running import LeaveLoop, Op, Path, Run
from postier.sieve.spec import Command, Extension, Place, Tag, Takes

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_LOOP, _TEXT = ("foreverypart",), ("extracttext",)


def next_path(root: Part, path: Path, top: Path) -> Path | None:
    """The path after `path`, depth first, below `top`; None at the end."""
    part = part_at(root, path)
    if part is not None and part.children:
        return (*path, 0)
    while len(path) > len(top):
        sibling = (*path[:-1], path[-1] + 1)
        if part_at(root, sibling) is not None:
            return sibling
        path = path[:-1]
    return None


def _foreverypart(compiler: Compiler, arguments: Arguments) -> Op:
    name = arguments.optional_text(":name")
    loop_name = None
    if name is not None:
        loop_name = compiler.constant(name, arguments.offset(":name"), "the name of a loop")
    compiler.loops.append(loop_name)
    number = len(compiler.loops)
    if number > compiler.limits.loop_depth:
        compiler.report(arguments.node.offset, f"loops are nested deeper than {compiler.limits.loop_depth}")
    body = compiler.block(arguments.node.block or ())
    compiler.loops.pop()

    def foreverypart(run: Run) -> None:
        run.loops += 1
        if run.loops > run.limits.loop_depth:  # scripts that are included have loops of their own
            raise RunError(f"loops are nested deeper than {run.limits.loop_depth}")
        outer, outer_path = run.part, run.part_path
        top = path_here(run)
        path: Path | None = top if outer is None else next_path(run.message.root(), top, top)
        try:
            while path is not None:
                run.part = part_at(run.message.root(), path)
                if run.part is None:
                    break
                run.part_path = path
                body(run)
                path = next_path(run.message.root(), path, top)
        except LeaveLoop as leaving:
            if leaving.loop != number:
                raise
        finally:
            run.loops -= 1
            run.part = None if outer is None else part_at(run.message.root(), outer_path)
            run.part_path = outer_path

    return foreverypart


def _break(compiler: Compiler, arguments: Arguments) -> Op:
    number = len(compiler.loops)
    wanted = arguments.optional_text(":name")
    if not compiler.loops:
        compiler.report(arguments.node.offset, '"break" stands in no foreverypart')
    elif wanted is not None:
        offset = arguments.offset(":name")
        name = compiler.constant(wanted, offset, "the name of a loop")
        while number and compiler.loops[number - 1] != name:
            number -= 1
        if not number and name is not None:
            compiler.report(offset, f'there is no loop "{name[:40]}" around this "break"')

    def leave(_: Run) -> None:
        raise LeaveLoop(number)

    return leave


def _extracttext(compiler: Compiler, arguments: Arguments) -> Op:
    if not compiler.demand(("variables",), arguments.node.offset, '"extracttext"'):
        return lambda _: None
    if not compiler.loops:  # RFC 5703 §7
        compiler.report(arguments.node.offset, '"extracttext" stands in no foreverypart')
    variable = compiler.name_of_variable(arguments.text("variable name"), arguments.offset("variable name"))
    first, modify = arguments.number(":first"), modifier(arguments)
    if variable is None:
        return lambda _: None
    target = variable
    compiler.assigned.add(target.name)

    def extracttext(run: Run) -> None:
        text = "" if run.part is None else _text_of(run, run.part)
        limit = run.limits.variable_characters
        assign(run, target, modify(run, text[: limit if first is None else min(first, limit)]))

    return extracttext


def _text_of(run: Run, part: Part) -> str:
    """What it says, HTML without its markup; empty when it is no text, or in an encoding or charset that is not known
    (RFC 5703 §7).
    """
    if part.type != "text" or part.encoding not in KNOWN_ENCODINGS:
        return ""
    if part.charset is not None and codec_of(part.charset) is None:
        return ""
    run.charge(part.size)
    return run.message.text(part, "text", lambda: text_of(run.message.raw(), part))


EXTENSION = Extension(
    names=("foreverypart", "extracttext"),
    commands=(
        Command(
            "foreverypart",
            _foreverypart,
            tags=(Tag(":name", Takes.STRING),),
            needs=_LOOP,
            has_block=True,
        ),
        Command("break", _break, tags=(Tag(":name", Takes.STRING),), needs=_LOOP),
        Command(
            "extracttext",
            _extracttext,
            (Place("variable name", Takes.STRING),),
            (*MODIFIER_TAGS, Tag(":first", Takes.NUMBER)),
            needs=_TEXT,
        ),
    ),
)
