"""vacation and vacation-seconds: an answer to whoever writes, once in a while.

Not here: remembering who was answered (the caller, by `Vacation.handle`, recipient and period), making the letter.
Source: RFC 5230 (eid2035), RFC 6131, RFC 3834 §2. Invariants: no answer to the null sender, lists, bulk, machines, the
owner, nor to what was not addressed to the owner; one vacation in a run.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from postier.mime import encoded_words
from postier.mime.threads import message_ids
from postier.sieve.actions import Reject, Vacation
from postier.sieve.addresses import mailbox_list, outbound_address, path_address
from postier.sieve.ext.fcc import copy_of
from postier.sieve.problems import RunError, readable
from postier.sieve.running import Op, Run
from postier.sieve.spec import Command, Extension, Family, Place, Tag, Takes
from postier.sieve.texts import expand, expand_all, storable

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_NEEDS = ("vacation",)
DAY_S = 86_400
DEFAULT_DAYS = 7  # RFC 5230 §4.1
MIN_DAYS = 1
MAX_DAYS = 366  # RFC 5230 §4.1 wants more than 30
_WIDE = "the header of a :mime reason must be ASCII"
MAX_REFERENCES = 20  # ids in the References of an answer
MAX_SUBJECT_CHARACTERS = 500  # of the subject made from the letter's own

_TO_FIELDS = ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc")  # RFC 5230 §4.5
# RFC 5230 §4.6; RFC 2369, RFC 2919
_LIST_FIELDS = [
    "list-id",
    "list-help",
    "list-subscribe",
    "list-unsubscribe",
    "list-post",
    "list-owner",
    "list-archive",
]
_MACHINES = re.compile(
    r"(?:mailer-daemon|listserv|majordomo|sympa|mailman|noreply|no-reply|donotreply|do-not-reply|bounces?|owner-.*"
    r"|.*-request|.*-owner|.*-bounces?|bounces?[+=-].*|prvs=.*|srs[01][=+-].*)",
    re.IGNORECASE | re.DOTALL,
)


def _vacation(compiler: Compiler, arguments: Arguments) -> Op:
    period_s = _period_s(arguments)
    subject, sender = arguments.optional_text(":subject"), arguments.optional_text(":from")
    addresses, is_mime = arguments.texts(":addresses"), arguments.has(":mime")
    handle, reason = arguments.optional_text(":handle"), arguments.text("reason")
    if isinstance(sender, str) and not mailbox_list(sender):
        compiler.report(arguments.offset(":from"), f'"{sender[:60]}" is no address')
    if is_mime and isinstance(reason, str) and _has_wide_header(reason):
        compiler.report(arguments.offset("reason"), _WIDE)
    copy = copy_of(compiler, arguments)
    identity = _identity(arguments)

    def vacation(run: Run) -> None:
        if run.has_vacation:  # RFC 5230 §4.7: even if nothing was to be answered the first time
            raise RunError("vacation runs a second time")
        run.has_vacation = True
        if any(isinstance(each, Reject) for each in run.actions):
            raise RunError("vacation and reject exclude each other")
        own = {each.lower() for each in [*run.world.own_addresses, *expand_all(addresses, run)]}
        if run.envelope.recipient:
            own.add(run.envelope.recipient.lower())
        why_not = unanswerable(run, own)
        if why_not is not None:
            run.tell(f"no answer: {why_not}")
            return
        assert run.envelope.sender
        author = None if sender is None else readable(expand(sender, run))
        if author is not None and not mailbox_list(author):
            raise RunError(":from is no address")
        said = expand(reason, run) if is_mime else readable(expand(reason, run))
        if is_mime and _has_wide_header(said):
            raise RunError(_WIDE)
        message_id, references = _thread(run)
        answer = Vacation(
            run.envelope.sender,
            said,
            _subject(run) if subject is None else _said(expand(subject, run)),
            identity if handle is None else f"h:{storable(expand(handle, run))}",
            period_s,
            run.line,
            author if author is not None else _addressed(run, own),
            is_mime,
            message_id,
            references,
            copy(run),
        )
        run.act(answer, cancels=False)

    return vacation


def _has_wide_header(entity: str) -> bool:
    """RFC 5230 §5: no 8-bit text in it."""
    return not entity.partition("\r\n\r\n")[0].isascii()


def _period_s(arguments: Arguments) -> int:
    seconds, days = arguments.number(":seconds"), arguments.number(":days")
    if seconds is not None:
        return min(seconds, MAX_DAYS * DAY_S)
    return DAY_S * min(max(DEFAULT_DAYS if days is None else days, MIN_DAYS), MAX_DAYS)


def _identity(arguments: Arguments) -> str:
    """What stands for the answer without a handle: its arguments before their variables (RFC 5230 §4.2)."""
    digest = sha256()
    for name in (":subject", ":from", ":mime", "reason"):
        written = arguments.written(name) if name != ":mime" else ("1",) * arguments.has(name)
        for text in written:
            octets = text.encode("utf-8", "surrogateescape")
            digest.update(b"%s %d:" % (name.encode(), len(octets)) + octets)
    return f"d:{digest.hexdigest()}"


def unanswerable(run: Run, own: set[str]) -> str | None:
    """Why a message must not be answered by a machine, or None when it may be."""
    sender = run.envelope.sender
    if not sender:
        return "it has no sender"
    if outbound_address(sender) is None:
        return "its sender is no address"
    if sender.lower() in own:
        return "it is the owner's own"
    if _MACHINES.fullmatch(path_address(sender).local or ""):
        return "its sender is a machine"
    message = run.message
    for value in message.values("auto-submitted"):
        if value.partition(";")[0].strip().lower() != "no":
            return "it was made by a machine (Auto-Submitted)"
    for name in _LIST_FIELDS:
        if message.values(name):
            return f"it came over a list ({name})"
    for value in message.values("precedence"):
        if value.lower() in {"bulk", "junk", "list"}:
            return f"it is bulk (Precedence: {value.lower()})"
    if any(
        "oof" in value.lower() or value.lower() == "all"
        for value in message.values("x-auto-response-suppress")
    ):
        return "its sender wants no automatic answers"
    if (run.world.verdict.spam_percent or 0) >= 100:
        return "it is spam"
    if not any(address.whole.lower() in own for name in _TO_FIELDS for address in message.addresses(name)):
        return "it is not addressed to the owner"
    return None


def _addressed(run: Run, own: set[str]) -> str | None:
    """The owner's address that the letter was written to, if it names one (RFC 5230 eid2035)."""
    found = (each.whole for name in ("to", "cc") for each in run.message.addresses(name))
    return next((each for each in found if each.lower() in own), None)


def _said(subject: str) -> str:
    """A subject on one line; encoded words in it are what they say, as they would be for every reader."""
    return " ".join(encoded_words.decode(subject.encode("utf-8", "surrogateescape")).split())


def _subject(run: Run) -> str:
    """RFC 5230 §5.3."""
    original = run.message.values("subject")
    if not original or not original[0]:
        return "Automated reply"
    return f"Auto: {readable(original[0][:MAX_SUBJECT_CHARACTERS])}"


def _thread(run: Run) -> tuple[str | None, tuple[str, ...]]:
    """In-Reply-To and References (RFC 5230 §5.8, RFC 5322 §3.6.4)."""
    own = [each for value in run.message.values("message-id") for each in message_ids(value.encode())][:1]
    if not own:
        return None, ()
    earlier = [each for value in run.message.values("references") for each in message_ids(value.encode())]
    if not earlier:
        replied = [
            each for value in run.message.values("in-reply-to") for each in message_ids(value.encode())
        ]
        earlier = replied if len(replied) == 1 else []
    return own[0], (*[each for each in earlier if each != own[0]][-MAX_REFERENCES + 1 :], own[0])


EXTENSION = Extension(
    names=("vacation", "vacation-seconds"),
    commands=(
        Command(
            "vacation",
            _vacation,
            (Place("reason", Takes.STRING),),
            (
                Tag(":days", Takes.NUMBER, "period"),
                Tag(":seconds", Takes.NUMBER, "period", ("vacation-seconds",)),
                Tag(":subject", Takes.STRING),
                Tag(":from", Takes.STRING),
                Tag(":addresses", Takes.STRINGS),
                Tag(":mime"),
                Tag(":handle", Takes.STRING),
            ),
            (Family.FCC,),
            ("vacation", "vacation-seconds"),
        ),
    ),
)
