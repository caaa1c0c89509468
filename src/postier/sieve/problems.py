"""What is wrong with a script: where, and what was expected.

Not here: finding it. Source: RFC 5228 §2.10.6. Invariants: lines and columns count from 1, columns in characters; a
script with a problem never runs; `RunError` is the one error of a running script; what is told is Unicode.
"""

from bisect import bisect_right
from difflib import get_close_matches
from functools import cached_property

import msgspec


def readable(text: str) -> str:
    """The text for people: what is no UTF-8 (a lone surrogate) is the replacement character."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class Problem(msgspec.Struct, frozen=True, order=True):
    """One mistake in a script."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


class ScriptError(ValueError):
    """A script that cannot run; `problems` is never empty and in the order of the script."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class RunError(Exception):
    """A script that failed while it ran: the message is kept and the owner told (RFC 5228 §2.10.6)."""

    def __init__(self, message: str, line: int = 0) -> None:
        self.message = readable(message)
        super().__init__(self.message)
        self.line = line


class CostError(RunError):
    """A run that went over what a run may cost (`limits`: steps, work, regex_work)."""


class Source:
    """The text of a script, with the lines of its offsets."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        position = self.text.find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        return starts

    def line(self, offset: int) -> int:
        """The line of an offset."""
        return bisect_right(self._starts, offset)

    def problem(self, offset: int, message: str) -> Problem:
        """A problem at an offset."""
        line = self.line(offset)
        return Problem(line, offset - self._starts[line - 1] + 1, readable(message))


def nearest(word: str, known: list[str]) -> str:
    """` (did you mean "...")` when a known word is near, else nothing."""
    found = get_close_matches(word[:80].lower(), known, 1, 0.7)
    return f' (did you mean "{found[0]}"?)' if found else ""
