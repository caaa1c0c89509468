"""The letters that scripts cause: answers, notifications, reports of refusals, and notices to the owner.

Not here: whether they are sent (`decide`, `effects`), signing. Sources: RFC 5230 §5, RFC 3834 §3.1 (answers); RFC 5436 §2.7
(notifications); RFC 5429 §2.1.2, §2.2.1 (refusals). Invariants: every letter says that a machine made it (Auto-Submitted); what
comes from scripts and strangers can't add a header field (SECURITY 19).
"""

import re
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from postier.mime.address import Address
from postier.mime.address_list import parse_address_list
from postier.mime.build import id_line
from postier.mime.dates import Moment, format_date
from postier.mime.dsn import Action, RecipientStatus, Report, build_dsn
from postier.mime.entities import text_entity
from postier.mime.header_lines import (
    Correspondent,
    HeaderValueError,
    address_line,
    line,
    text_line,
)
from postier.mime.headers import split_header
from postier.mime.mdn import Refusal, build_mdn
from postier.mime.normalise import normalise
from postier.mta.sieving.memory import digest_of
from postier.sieve.actions import Notify, Reject, Vacation
from postier.sieve.ext.enotify import Mailto

MAX_SUBJECT_CHARACTERS = 1_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_LONE = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")
_IMPORTANCE = {1: "high", 2: "normal", 3: "low"}
_REFUSED = (
    "Your message was refused by the recipient's mail filtering program.\nThe reason given is as follows:\n\n"
)


class Stamp(msgspec.Struct, frozen=True):
    """What makes a letter a letter of its own: its id as text, the host it is made on, when."""

    id_text: str
    hostname: str
    now_s: int

    @property
    def message_id(self) -> str:
        """Without brackets."""
        return f"{self.id_text}@{self.hostname}"

    @property
    def moment(self) -> Moment:
        """Now, in UTC."""
        return Moment(self.now_s)


def correspondents(text: str) -> list[Correspondent]:
    """The people that a mailbox-list names; those that are no addresses are left out."""
    found = []
    for mailbox in parse_address_list(text.encode("utf-8", "replace")).mailboxes:
        address = mailbox.addr_spec()
        if address is not None:
            found.append(Correspondent(address, _plain(mailbox.name)))
    return found


def answer(action: Vacation, author: Correspondent, to: Address, stamp: Stamp, *, smtputf8: bool) -> bytes:
    """The answer of a vacation action (RFC 5230 §5)."""
    lines = [
        *_head(stamp, [author], [Correspondent(to)], (), smtputf8=smtputf8),
        text_line("Subject", _plain(action.subject), smtputf8=smtputf8),
        *_ids("In-Reply-To", (action.in_reply_to,) if action.in_reply_to is not None else ()),
        *_ids("References", action.references),
        b"Auto-Submitted: auto-replied (vacation)\r\n",  # RFC 3834 §5.2
        b"MIME-Version: 1.0\r\n",
    ]
    body = _entity(action.reason) if action.is_mime else text_entity(action.reason).octets()
    return b"".join(lines) + body


def notification(
    action: Notify,
    mailto: Mailto,
    author: Correspondent,
    owner: Address,
    subject: str,
    stamp: Stamp,
    *,
    smtputf8: bool,
) -> bytes:
    """A notification by mail; `subject` is the one of the letter that caused it."""
    told = action.message or mailto.subject or subject or "You have new mail"
    fields = []
    for name, value in mailto.fields:
        written = "-".join(word.capitalize() for word in name.split("-"))
        fields += _tried(partial(text_line, written, _plain(value), smtputf8=smtputf8))
    to, cc = ([Correspondent(Address.parse(each)) for each in people] for people in (mailto.to, mailto.cc))
    lines = [
        # RFC 5436 §2.7.1: a trace field, above all others
        line("Auto-Submitted", ["auto-notified;", f" owner-{_owner(owner, smtputf8=smtputf8)}"]),
        *_head(stamp, [author], to, cc, smtputf8=smtputf8),
        text_line("Subject", _plain(told), smtputf8=smtputf8),
        f"Importance: {_IMPORTANCE.get(action.importance, 'normal')}\r\n".encode(),
        *fields,
        b"MIME-Version: 1.0\r\n",
    ]
    return b"".join(lines) + text_entity(mailto.body or "").octets()


def refusal(
    action: Reject,
    author: Correspondent,
    recipient: Address,
    sender: Address,
    original: bytes,
    original_id: str | None,
    stamp: Stamp,
    *,
    smtputf8: bool,
    orcpt: str | None = None,
    envid: str | None = None,
    returns_full: bool = False,
) -> bytes:
    """The report that a letter was refused: a DSN for ereject, an MDN for reject."""
    text = f"{_REFUSED}{action.reason}\n"
    if original_id is not None and not _ids("In-Reply-To", (original_id,)):
        original_id = None
    if not action.is_ereject:
        told = Refusal(
            reporting_host=stamp.hostname,
            recipient=recipient,
            from_=author,
            to=sender,
            date=stamp.moment,
            message_id=stamp.message_id,
            text=text,
            original=original,
            original_message_id=original_id,
        )
        return build_mdn(told, stamp.id_text, smtputf8=smtputf8)
    status = RecipientStatus(
        recipient=recipient,
        action=Action.FAILED,
        orcpt=orcpt,
        status="5.7.1",
        diagnostic="550 5.7.1 Refused by the recipient's mail filter",
        last_attempt=stamp.moment,
    )
    report = Report(
        reporting_mta=stamp.hostname,
        recipients=(status,),
        from_=author,
        to=sender,
        date=stamp.moment,
        message_id=stamp.message_id,
        original=original,
        return_full=returns_full,
        envid=envid,
        subject="Your message was refused",
        text=text,
        in_reply_to=original_id,
    )
    return build_dsn(report, stamp.id_text, smtputf8=smtputf8)


def notice(author: Correspondent, owner: Address, subject: str, text: str, stamp: Stamp) -> bytes:
    """A letter to the owner about a script of theirs."""
    lines = [
        *_head(stamp, [author], [Correspondent(owner)], (), smtputf8=not owner.is_ascii),
        text_line("Subject", _plain(subject)),
        b"Auto-Submitted: auto-generated\r\n",
        b"MIME-Version: 1.0\r\n",
    ]
    return b"Return-Path: <>\r\n" + b"".join(lines) + text_entity(text).octets()


def _head(
    stamp: Stamp,
    authors: Sequence[Correspondent],
    to: Sequence[Correspondent],
    cc: Sequence[Correspondent],
    *,
    smtputf8: bool,
) -> list[bytes]:
    lines = [
        line("Date", [format_date(stamp.now_s)]),
        address_line("From", authors, smtputf8=smtputf8),
        id_line("Message-ID", (stamp.message_id,)),
    ]
    lines += [
        address_line(name, people, smtputf8=smtputf8) for name, people in (("To", to), ("Cc", cc)) if people
    ]
    return lines


def _owner(owner: Address, *, smtputf8: bool) -> str:
    if not smtputf8 and not owner.is_ascii:
        return f"token={digest_of(str(owner)).hex()}"
    escaped = str(owner).replace("\\", "\\\\").replace('"', '\\"')
    return f'email="{escaped}"'


def _ids(name: str, ids: Sequence[str]) -> list[bytes]:
    """A field of those ids that are ids."""
    fit = [each for each in ids if _tried(partial(id_line, name, (each,)))]
    return [id_line(name, fit)] if fit else []


def _tried(make: Callable[[], bytes]) -> list[bytes]:
    try:
        return [make()]
    except HeaderValueError:
        return []


def _entity(text: str) -> bytes:
    """A MIME entity that a script holds: its Content- fields and its body (RFC 5230 §4.3)."""
    # octets that are no UTF-8 stand as surrogates; other surrogates stand for nothing
    octets = normalise(_LONE.sub("\ufffd", text).encode("utf-8", "surrogateescape"))
    header = split_header(octets)
    fields = [lines for lines, key, _ in header.entries if key.startswith(b"content-")]
    ended = [lines if lines.endswith(b"\r\n") else lines + b"\r\n" for lines in fields]
    return b"".join(ended) + b"\r\n" + octets[header.end :]


def _plain(text: str) -> str:
    return _CONTROL.sub(" ", text)[:MAX_SUBJECT_CHARACTERS].strip()
