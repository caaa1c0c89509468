"""enotify: telling someone, by mail or by what else the server has.

Not here: sending, the pieces of a mailto URI (`mailto`). Source: RFC 5435; RFC 5436; RFC 8580 §6. Invariants: `method`
was checked; nobody is notified twice by mail in one run (RFC 5436 §2.7).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from postier.sieve.actions import Notify
from postier.sieve.addresses import outbound_address
from postier.sieve.comparators import ascii_lower
from postier.sieve.ext.fcc import copy_of
from postier.sieve.mailto import Mailto, parse_mailto, scheme_of, without_people
from postier.sieve.matching import build_match
from postier.sieve.problems import RunError, readable
from postier.sieve.running import Op, Run, Test
from postier.sieve.spec import Command, Extension, Family, Place, Tag, Takes
from postier.sieve.texts import expand, expand_all

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_NEEDS = ("enotify",)
_OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*=[^\x00\r\n]*")

__all__ = ["EXTENSION", "Mailto", "parse_mailto"]


def method_fault(run: Run, method: str) -> str | None:
    """Why a method cannot be used, or None when it can (RFC 5435 §3.2)."""
    fault = syntax_fault(method)
    if fault is None and (scheme := scheme_of(method)) not in run.world.notify_schemes:
        return f'there is no method "{scheme}:"'
    return fault


def syntax_fault(method: str) -> str | None:
    """What is wrong with the URI itself, wherever it runs."""
    scheme = scheme_of(method)
    if scheme is None:
        return "it is no URI"
    if scheme == "mailto" and parse_mailto(method) is None:
        return "it is no mailto: URI with addresses"
    return None


def _is_mailto(method: str) -> bool:
    return method[:7].lower() == "mailto:"


def _left(run: Run, uri: str) -> str | None:
    """The URI with the people that are to be notified by mail, or None (RFC 5436 §2.7)."""
    told = [value.partition(";")[0].strip().lower() for value in run.message.values("auto-submitted")]
    if any(each != "no" for each in told):
        run.tell("no notification: the letter was made by a machine (Auto-Submitted)")
        return None
    left = without_people(uri, run.notified)
    mailto = None if left is None else parse_mailto(left)
    if mailto is None:
        run.tell("no notification: all of these people are notified already")
        return None
    run.notified |= {each.lower() for each in (*mailto.to, *mailto.cc)}
    return left


def _check(compiler: Compiler, arguments: Arguments) -> None:
    """What is constant is checked with the script."""
    method, sender = arguments.text("method"), arguments.optional_text(":from")
    importance = arguments.optional_text(":importance")
    if isinstance(importance, str) and importance not in {"1", "2", "3"}:
        compiler.report(arguments.offset(":importance"), ':importance is "1", "2" or "3"')
    for option in arguments.texts(":options"):
        if isinstance(option, str) and not _OPTION.fullmatch(option):
            compiler.report(
                arguments.offset(":options"), f'"{option[:40]}" is no option such as "name=value"'
            )
    if isinstance(method, str) and (fault := syntax_fault(method)):
        compiler.report(arguments.offset("method"), f"the notification method cannot be used: {fault}")
    if (
        isinstance(method, str)
        and isinstance(sender, str)
        and _is_mailto(method)
        and outbound_address(sender) is None
    ):
        compiler.report(arguments.offset(":from"), f'"{sender[:60]}" is no address')  # RFC 5435 §3.3


def _notify(compiler: Compiler, arguments: Arguments) -> Op:
    _check(compiler, arguments)
    method, message = arguments.text("method"), arguments.optional_text(":message")
    sender, importance = arguments.optional_text(":from"), arguments.optional_text(":importance")
    options = arguments.texts(":options")
    copy = copy_of(compiler, arguments)

    def notify(run: Run) -> None:
        uri = expand(method, run)
        fault = method_fault(run, uri)
        if fault is not None:
            raise RunError(f'the notification method "{uri[:60]}" cannot be used: {fault}')
        author = None if sender is None else readable(expand(sender, run))
        is_mail = _is_mailto(uri)
        if author is not None and is_mail and outbound_address(author) is None:
            raise RunError(":from is no address")
        grade = "2" if importance is None else expand(importance, run)
        if grade not in {"1", "2", "3"}:
            raise RunError(':importance is "1", "2" or "3"')
        left = _left(run, uri) if is_mail else uri
        if left is None:
            return
        action = Notify(
            left,
            run.line,
            None if message is None else readable(expand(message, run)),
            int(grade),
            author,
            tuple(map(readable, expand_all(options, run))),
            copy(run),
        )
        run.notifications += 1
        if run.notifications > run.limits.notifications:
            raise RunError(f"the script notifies more than {run.limits.notifications} times")
        run.act(action, cancels=False)

    return notify


def _valid_notify_method(_: Compiler, arguments: Arguments) -> Test:
    methods = arguments.texts("notification URIs")
    return lambda run: all(method_fault(run, each) is None for each in expand_all(methods, run))


def _notify_method_capability(compiler: Compiler, arguments: Arguments) -> Test:
    uri, name = arguments.text("notification URI"), arguments.text("notification capability")
    match = build_match(compiler, arguments)
    if match is None:
        return lambda _: False
    test, is_count = match.test, match.is_count

    def notify_method_capability(run: Run) -> bool:
        method, capability = expand(uri, run), ascii_lower(expand(name, run))
        scheme = method.partition(":")[0].lower()
        if capability == "fcc" and scheme in run.world.notify_schemes:  # RFC 8580 §6.1: a scheme is enough
            return test(run, ["yes" if scheme == "mailto" else "no"])
        if capability != "online" or method_fault(run, method) is not None:
            return False
        return test(run, [""] if is_count else ["maybe"])  # RFC 5436 §2.2

    return notify_method_capability


EXTENSION = Extension(
    names=_NEEDS,
    commands=(
        Command(
            "notify",
            _notify,
            (Place("method", Takes.STRING),),
            (
                Tag(":from", Takes.STRING),
                Tag(":importance", Takes.STRING),
                Tag(":options", Takes.STRINGS),
                Tag(":message", Takes.STRING),
            ),
            (Family.FCC,),
            _NEEDS,
        ),
    ),
    tests=(
        Command(
            "valid_notify_method",
            _valid_notify_method,
            (Place("notification URIs", Takes.STRINGS),),
            needs=_NEEDS,
        ),
        Command(
            "notify_method_capability",
            _notify_method_capability,
            (
                Place("notification URI", Takes.STRING),
                Place("notification capability", Takes.STRING),
                Place("key list", Takes.STRINGS),
            ),
            families=(Family.MATCH,),
            needs=_NEEDS,
        ),
    ),
)
