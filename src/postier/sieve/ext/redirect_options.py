"""redirect-dsn and redirect-deliverby: what the redirected letter asks of the servers on its way.

Not here: SMTP. Source: RFC 6009 §6, §7; RFC 3461 §4.1, §4.3; RFC 2852 §4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from postier.sieve.actions import DeliverBy
from postier.sieve.dateparts import parse_iso8601
from postier.sieve.problems import RunError
from postier.sieve.running import Run
from postier.sieve.spec import Extension, Tag, Takes
from postier.sieve.texts import Text, expand

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_DSN, _BY = ("redirect-dsn",), ("redirect-deliverby",)
_NOTIFY = re.compile(r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*", re.IGNORECASE)

Options = tuple[str | None, str | None, DeliverBy | None]


def redirect_options(compiler: Compiler, arguments: Arguments) -> Callable[[Run], Options]:
    """NOTIFY, RET and BY of a redirect."""
    notify, ret = arguments.optional_text(":notify"), arguments.optional_text(":ret")
    relative, absolute = arguments.number(":bytimerelative"), arguments.optional_text(":bytimeabsolute")
    mode, is_traced = arguments.optional_text(":bymode"), arguments.has(":bytrace")
    has_time = relative is not None or absolute is not None
    for tag in (":bymode", ":bytrace"):
        if arguments.has(tag) and not has_time:
            compiler.report(arguments.offset(tag), f"{tag} needs :bytimerelative or :bytimeabsolute")
    for tag, text, check in (
        (":notify", notify, _is_notify),
        (":ret", ret, _is_ret),
        (":bymode", mode, _is_mode),
    ):
        if isinstance(text, str) and not check(text):
            compiler.report(arguments.offset(tag), f'"{text[:40]}" is no value of {tag}')
    if isinstance(absolute, str) and parse_iso8601(absolute) is None:
        compiler.report(
            arguments.offset(":bytimeabsolute"), f'"{absolute[:40]}" is no time such as 2026-11-24T22:00:00Z'
        )
    if not has_time and notify is None and ret is None:
        return lambda _: (None, None, None)

    def options(run: Run) -> Options:
        deliver_by = None
        if has_time:
            absolute_s = None if absolute is None else parse_iso8601(expand(absolute, run))
            if absolute is not None and absolute_s is None:
                raise RunError(":bytimeabsolute is no time such as 2026-11-24T22:00:00Z")
            by_mode = "return" if mode is None else _checked(mode, run, _is_mode, ":bymode").lower()
            deliver_by = DeliverBy(relative, absolute_s, by_mode, is_traced)
        return (
            None if notify is None else _checked(notify, run, _is_notify, ":notify").upper(),
            None if ret is None else _checked(ret, run, _is_ret, ":ret").upper(),
            deliver_by,
        )

    return options


def _checked(text: Text, run: Run, check: Callable[[str], bool], tag: str) -> str:
    value = expand(text, run)
    if not check(value):
        raise RunError(f'"{value[:40]}" is no value of {tag}')
    return value


def _is_notify(value: str) -> bool:
    return _NOTIFY.fullmatch(value) is not None


def _is_ret(value: str) -> bool:
    return value.upper() in {"FULL", "HDRS"}


def _is_mode(value: str) -> bool:
    return value.lower() in {"notify", "return"}


EXTENSION = Extension(
    names=("redirect-dsn", "redirect-deliverby"),
    tags=(
        (
            "redirect",
            (
                Tag(":notify", Takes.STRING, needs=_DSN),
                Tag(":ret", Takes.STRING, needs=_DSN),
                Tag(":bytimerelative", Takes.NUMBER, "time", _BY),
                Tag(":bytimeabsolute", Takes.STRING, "time", _BY),
                Tag(":bymode", Takes.STRING, needs=_BY),
                Tag(":bytrace", needs=_BY),
            ),
        ),
    ),
)
