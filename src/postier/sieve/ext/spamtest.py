"""spamtest, spamtestplus and virustest: what the judgement said, as numbers that do not depend on who judged.

Not here: the judgement (`world.Verdict`). Source: RFC 5235.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postier.sieve.matching import build_match
from postier.sieve.running import Run, Test
from postier.sieve.spec import Command, Extension, Family, Place, Tag, Takes

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_VALUE = (Place("value", Takes.STRING),)


def _spamtest(compiler: Compiler, arguments: Arguments) -> Test:
    is_percent = arguments.has(":percent")
    match = build_match(compiler, arguments, "value")
    if match is None:
        return lambda _: False
    test, is_count = match.test, match.is_count

    def spamtest(run: Run) -> bool:
        percent = run.world.verdict.spam_percent
        if is_count:  # RFC 5235 §3.1: 1 if a test was done
            return test(run, [] if percent is None else [""])
        if is_percent:
            return test(run, [_told(run, 0 if percent is None else percent)])
        return test(run, [_told(run, 0 if percent is None else _of_ten(percent))])

    return spamtest


def _of_ten(percent: int) -> int:
    """1 is clear, 10 is certain, everything between is between (RFC 5235 §3.2.1); else in proportion."""
    if percent <= 0:
        return 1
    return 10 if percent >= 100 else max(2, 1 + percent * 9 // 100)


def _told(run: Run, value: int) -> str:
    detail = run.world.verdict.detail
    return f"{value} {detail}" if detail and value else str(value)


def _virustest(compiler: Compiler, arguments: Arguments) -> Test:
    match = build_match(compiler, arguments, "value")
    if match is None:
        return lambda _: False
    test, is_count = match.test, match.is_count

    def virustest(run: Run) -> bool:
        virus = run.world.verdict.virus
        if is_count:
            return test(run, [] if virus is None else [""])
        return test(run, [str(virus or 0)])

    return virustest


EXTENSION = Extension(
    names=("spamtest", "spamtestplus", "virustest"),
    tests=(
        Command(
            "spamtest",
            _spamtest,
            _VALUE,
            (Tag(":percent", needs=("spamtestplus",)),),
            (Family.MATCH,),
            ("spamtest", "spamtestplus"),
        ),
        Command("virustest", _virustest, _VALUE, families=(Family.MATCH,), needs=("virustest",)),
    ),
)
