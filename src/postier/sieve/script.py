"""Compiled scripts, and running them on messages: what embedders call.

Not here: doing what comes out (the caller). Source: RFC 5228 §2.10. docs/sieve.md shows it in use. Invariants: a script
is compiled once and may run any number of times; it never changes; a run never raises for anything that a script or a
message holds: what goes wrong is in the `Result`, and the mail is kept.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property

from msgspec.structs import replace

from postier.sieve.actions import Action, Keep, Result, Step
from postier.sieve.addresses import is_plain_path, path_address
from postier.sieve.check import NOT_AT_IMAP_EVENTS, Compiler
from postier.sieve.limits import LIMITS, ScriptLimits
from postier.sieve.message import Message, MessageSource, RawMessage
from postier.sieve.parse import parse
from postier.sieve.parts import look, part_at, path_here
from postier.sieve.problems import CostError, Problem, RunError, ScriptError, Source
from postier.sieve.running import Frame, LeaveScript, Op, Run, StopRun
from postier.sieve.vocabulary import CAPABILITIES
from postier.sieve.world import EMPTY_WORLD, Envelope, World

_NO_ENVELOPE = Envelope()


class Script:
    """A script without mistakes. Made by `compile_script`."""

    def __init__(
        self, text: str, op: Op, required: frozenset[str], limits: ScriptLimits, disabled: frozenset[str]
    ) -> None:
        self.text = text
        self.required = required
        self.limits = limits
        self._op = op
        self._disabled = disabled

    @cached_property
    def traced(self) -> Script:
        """The same script, saying each step; compiled at the first call."""
        return _compile(self.text, self.limits, self._disabled, is_traced=True)

    def run_inside(self, run: Run, frame: Frame) -> None:
        """Run it as part of a run (RFC 6609): its own frame, the same actions; in a loop its message is the part."""
        script = self if run.trace is None else self.traced
        outer, part, path = run.frame, run.part, run.part_path
        frame.base = path_here(run)
        run.frame, run.part = frame, None
        run.frames.append(frame)
        if frame.base != outer.base:
            look(run)
        with suppress(LeaveScript):
            script._op(run)  # noqa: SLF001 # its own class
        run.frames.pop()
        run.frame = outer
        if part is not None:
            run.part, run.part_path = part_at(run.message.root(), path), path
            look(run)

    def run(
        self,
        message: bytes | MessageSource,
        envelope: Envelope = _NO_ENVELOPE,
        world: World = EMPTY_WORLD,
        *,
        with_trace: bool = False,
        limits: ScriptLimits | None = None,
    ) -> Result:
        """Run it on a message: see `run_script`. `limits` stand in for the script's own in this run."""
        source = RawMessage(message) if isinstance(message, bytes) else message
        frame = Frame()
        run = Run(
            Message(source),
            _plain(envelope),
            world,
            limits or self.limits,
            frame,
            [] if with_trace else None,
        )
        error: RunError | None = None
        op = self.traced._op if with_trace else self._op  # noqa: SLF001 # its own class
        try:
            if world.is_imap_event and not NOT_AT_IMAP_EVENTS.isdisjoint(self.required):
                raise RunError("the script requires what is for deliveries only")  # RFC 6785 §3.11
            op(run)
        except (StopRun, LeaveScript):
            pass
        except RunError as found:
            error = found
        except (
            RecursionError
        ):  # the limits of nesting and includes keep it away, unless the caller is deep already
            error = RunError("the script is nested too deeply")
        return _failed(run, error) if error is not None else _finished(run)


def _plain(envelope: Envelope) -> Envelope:
    """The envelope with its paths as addresses, whatever they came in."""
    sender, recipient = envelope.sender, envelope.recipient
    if is_plain_path(sender) and is_plain_path(recipient):
        return envelope
    return replace(
        envelope,
        sender=None if sender is None else path_address(sender).whole,
        recipient=None if recipient is None else path_address(recipient).whole,
    )


def _finished(run: Run) -> Result:
    keep = run.keep_implicitly() if run.is_kept else None
    return Result(
        tuple(run.actions),
        keep,
        flags=run.flags,
        tracked=tuple(run.tracked.values()),
        trace=tuple(run.trace or ()),
    )


def _failed(run: Run, error: RunError) -> Result:
    """RFC 5228 §2.10.6: an implicit keep; RFC 5293 §7: of the message as it came."""
    line = error.line or run.line
    trace = (
        (*(run.trace or ()), Step(line, "", None, f"error: {error.message}")) if run.trace is not None else ()
    )
    return Result(
        (),
        Keep(is_implicit=True),
        error.message,
        line,
        trace=trace,
        is_too_costly=isinstance(error, CostError),
    )


def compile_script(
    text: str | bytes, limits: ScriptLimits = LIMITS, *, disabled: frozenset[str] = frozenset()
) -> Script:
    """Check and compile a script; raises ScriptError with all its mistakes.

    `disabled` are capabilities that this place does not offer. Octets that are no UTF-8 are taken as they are.
    """
    octets = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if octets > limits.script_octets:
        raise ScriptError((Problem(1, 1, f"the script is larger than {limits.script_octets} octets"),))
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    return _compile(text.removeprefix("\ufeff"), limits, disabled, is_traced=False)


def _compile(text: str, limits: ScriptLimits, disabled: frozenset[str], *, is_traced: bool) -> Script:
    source = Source(text)
    compiler = Compiler(source, limits, disabled, is_traced=is_traced)
    op = compiler.script(parse(source, limits))
    compiler.fail()
    return Script(text, op, frozenset(compiler.required), limits, disabled)


def run_script(
    script: Script,
    message: bytes | MessageSource,
    envelope: Envelope = _NO_ENVELOPE,
    world: World = EMPTY_WORLD,
    *,
    with_trace: bool = False,
) -> Result:
    """Run a script on a message; never raises for what they hold.

    The actions are to be taken in their order, all or none, then the implicit keep if there is one.
    """
    return script.run(message, envelope, world, with_trace=with_trace)


def capabilities(disabled: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The extensions that `require` finds, sorted; comparators with their prefix."""
    return tuple(sorted(CAPABILITIES - disabled))


__all__ = ["Action", "Script", "capabilities", "compile_script", "run_script"]
