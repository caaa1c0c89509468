"""What a traced script says of each step: the line, what stands there, the result.

Not here: compiling (`check`), which wraps commands and tests in these only when a trace is wanted. Invariants: a string is
shown cut short; what is shown is text for a terminal only after `cli.output.printable`.
"""

from postier.sieve.actions import Step
from postier.sieve.problems import readable
from postier.sieve.running import Op, Run, Test
from postier.sieve.tree import Node, StringArgument, TagArgument

MAX_SHOWN_CHARACTERS = 60  # of a string in a trace


def traced_op(op: Op, line: int, what: str) -> Op:
    """A command that says that it runs."""

    def traced(run: Run) -> None:
        if run.trace is not None:
            run.trace.append(Step(line, what))
        op(run)

    return traced


def traced_test(test: Test, line: int, what: str) -> Test:
    """A test that says its result."""

    def traced(run: Run) -> bool:
        run.line = line
        result = test(run)
        if run.trace is not None:
            run.trace.append(Step(line, what, result))
        return result

    return traced


def describe(node: Node) -> str:
    """A command or test as it is written, on one line, its strings cut short."""
    words = [node.name]
    for argument in node.arguments:
        match argument:
            case TagArgument(_, name):
                words.append(name)
            case StringArgument(_, values, _, is_list):
                shown = ", ".join([_quoted(value) for value in values[:4]]) + (
                    ", ..." if len(values) > 4 else ""
                )
                words.append(f"[{shown}]" if is_list else shown)
            case _:
                words.append(str(argument.value))
    return " ".join(words)


def _quoted(value: str) -> str:
    short = value if len(value) <= MAX_SHOWN_CHARACTERS else f"{value[:MAX_SHOWN_CHARACTERS]}..."
    return '"' + readable(short).replace("\\", "\\\\").replace('"', '\\"') + '"'
