"""enotify: telling someone, by mail or by what else the server has.

Not here: sending. Source: RFC 5435; RFC 5436 (mailto); RFC 6068 (its URIs); RFC 8580 §6. Invariants: `method` was
checked; header fields of a mailto URI that RFC 5436 §2.7 calls unsafe are left out by `parse_mailto`; nobody is notified
twice by mail in one run (RFC 5436 §2.7).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

import msgspec

from postier.sieve.actions import Notify
from postier.sieve.addresses import outbound_address, split_list
from postier.sieve.comparators import ascii_lower
from postier.sieve.ext.fcc import copy_of
from postier.sieve.matching import build_match
from postier.sieve.problems import RunError
from postier.sieve.running import Op, Run, Test
from postier.sieve.spec import Command, Extension, Family, Place, Tag, Takes
from postier.sieve.texts import expand, expand_all

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_NEEDS = ("enotify",)
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):((?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)")
_OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*=[^\x00\r\n]*")
_FIELD_NAME = re.compile(r"[!-9;-~]{1,76}")
MAX_RECIPIENTS = 10  # of one notification
MAX_URI_CHARACTERS = 4_096

# RFC 5436 §2.7: fields that a URI must not set, or that have their own meaning
_IGNORED = frozenset(
    [
        "from",
        "auto-submitted",
        "received",
        "message-id",
        "date",
        "return-path",
        "sender",
        "resent-from",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "dkim-signature",
        "to",
        "cc",
        "bcc",
        "subject",
        "body",
        "references",
        "in-reply-to",
    ]
)


class Mailto(msgspec.Struct, frozen=True):
    """What a mailto URI asks for."""

    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    subject: str | None = None
    body: str | None = None
    fields: tuple[tuple[str, str], ...] = ()


def parse_mailto(uri: str) -> Mailto | None:
    """A mailto URI, or None when it is none or names nobody (RFC 6068 §2, RFC 5436 §2.1)."""
    match = _URI.fullmatch(uri) if len(uri) <= MAX_URI_CHARACTERS else None
    if match is None or match[1].lower() != "mailto" or "#" in match[2]:
        return None
    people, _, query = match[2].partition("?")
    # RFC 6068 §2 wants commas between addresses as they are, but many write them as %2C
    to = [each for each in split_list(_decoded(people)) if each.strip()]
    cc: list[str] = []
    subject = body = None
    fields: list[tuple[str, str]] = []
    for pair in query.split("&") if query else ():
        name, equals, value = pair.partition("=")
        if not equals:
            return None
        key, text = _decoded(name).lower(), _decoded(value)
        match key:
            case "to" | "cc":
                (to if key == "to" else cc).extend([each for each in split_list(text) if each.strip()])
            case "subject":
                subject = " ".join(text.split())
            case "body":
                body = text
            case _ if not _FIELD_NAME.fullmatch(key):
                return None
            case _ if key not in _IGNORED:
                fields.append((key, " ".join(text.split())))
    addresses = [[outbound_address(each) for each in listed] for listed in (to, cc)]
    if None in addresses[0] or None in addresses[1]:
        return None
    found = [tuple(dict.fromkeys(each for each in listed if each)) for listed in addresses]
    if (not found[0] and not found[1]) or len(found[0]) + len(found[1]) > MAX_RECIPIENTS:
        return None
    return Mailto(found[0], found[1], subject, body, tuple(fields))


def without_people(uri: str, known: set[str]) -> str | None:
    """A checked mailto URI without these people, in lower case; None when nobody is left."""
    mailto = parse_mailto(uri)
    assert mailto is not None
    to = [each for each in mailto.to if each.lower() not in known]
    cc = [each for each in mailto.cc if each.lower() not in known]
    if len(to) + len(cc) == len(mailto.to) + len(mailto.cc):
        return uri
    if not to and not cc:
        return None
    _, _, query = uri.partition("?")
    kept = [
        pair for pair in query.split("&") if _decoded(pair.partition("=")[0]).lower() not in ("", "to", "cc")
    ]
    pairs = [f"cc={','.join([quote(each, safe='@') for each in cc])}"] if cc else []
    return f"mailto:{','.join([quote(each, safe='@') for each in to])}?{'&'.join(pairs + kept)}".removesuffix(
        "?"
    )


def _decoded(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8", "replace")


def method_fault(run: Run, method: str) -> str | None:
    """Why a method cannot be used, or None when it can (RFC 5435 §3.2)."""
    fault = syntax_fault(method)
    if fault is None and (scheme := method.partition(":")[0].lower()) not in run.world.notify_schemes:
        return f'there is no method "{scheme}:"'
    return fault


def syntax_fault(method: str) -> str | None:
    """What is wrong with the URI itself, wherever it runs."""
    match = _URI.fullmatch(method) if len(method) <= MAX_URI_CHARACTERS else None
    if match is None:
        return "it is no URI"
    if match[1].lower() == "mailto" and parse_mailto(method) is None:
        return "it is no mailto: URI with addresses"
    return None


def _is_mailto(method: str) -> bool:
    return method[:7].lower() == "mailto:"


def _notify(compiler: Compiler, arguments: Arguments) -> Op:
    method, message = arguments.text("method"), arguments.optional_text(":message")
    sender, importance = arguments.optional_text(":from"), arguments.optional_text(":importance")
    options = arguments.texts(":options")
    if isinstance(importance, str) and importance not in {"1", "2", "3"}:
        compiler.report(arguments.offset(":importance"), ':importance is "1", "2" or "3"')
    for option in options:
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
    copy = copy_of(compiler, arguments)

    def notify(run: Run) -> None:
        uri = expand(method, run)
        fault = method_fault(run, uri)
        if fault is not None:
            raise RunError(f'the notification method "{uri[:60]}" cannot be used: {fault}')
        author = None if sender is None else expand(sender, run)
        is_mail = _is_mailto(uri)
        if author is not None and is_mail and outbound_address(author) is None:
            raise RunError(":from is no address")
        grade = "2" if importance is None else expand(importance, run)
        if grade not in {"1", "2", "3"}:
            raise RunError(':importance is "1", "2" or "3"')
        told = [value.partition(";")[0].strip().lower() for value in run.message.values("auto-submitted")]
        if is_mail and any(each != "no" for each in told):  # RFC 5436 §2.7
            run.tell("no notification: the letter was made by a machine (Auto-Submitted)")
            return
        if is_mail:
            fresh = without_people(uri, run.notified)
            if fresh is None:
                run.tell("no notification: all of these people are notified already")
                return
            uri = fresh
            mailto = parse_mailto(uri)
            assert mailto is not None
            run.notified |= {each.lower() for each in (*mailto.to, *mailto.cc)}
        action = Notify(
            uri,
            run.line,
            None if message is None else expand(message, run),
            int(grade),
            author,
            tuple(expand_all(options, run)),
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
