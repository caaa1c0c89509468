"""Reports to the sender: what failed for good, what is late, what is there. Source: RFC 3464, RFC 5321 §6.1, RFC 3461 §6, RFC 2852 §5.

Not here: the report's MIME form (`mime.dsn`), when one is due (`settle`, `receipts`). Invariants: a report has the null reverse-path;
a letter with the null reverse-path gets none, so reports never answer reports; a report comes from our postmaster (RFC 3464 §2)
and is signed in the name of that domain.
"""

from collections.abc import Sequence

import msgspec

from postier.accounts.directory import Directory
from postier.accounts.names import POSTMASTER
from postier.accounts.resolution import Forward, Local, LocalRecipient
from postier.mime.address import Address
from postier.mime.dates import Moment
from postier.mime.dsn import Action, RecipientStatus, Report, build_dsn
from postier.mime.header_lines import Correspondent
from postier.mta.acceptance import Acceptance
from postier.mta.letter_id import letter_id_text
from postier.mta.outcomes import Delivered, Failed, Outcome
from postier.mta.queue_rows import Job, QueueRecipient
from postier.mta.signing import sign
from postier.mta.trace_fields import return_path_field
from postier.smtp.parameters import MailParameters

MAX_RETURNED_OCTETS = 1024 * 1024  # RFC 3461 §6.2: of a longer letter only the header is returned


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The letter that is reported on: what its envelope said, what it is. Times are in microseconds since 1970."""

    reverse_path: str
    message_id: str
    arrived_at: int
    content: bytes
    envid: str = ""  # as xtext
    returns_full: bool = False  # RET=FULL
    needs_utf8: bool = False
    requires_tls: bool = False
    deliver_by: int | None = None


async def report(
    job: Job,
    told: Sequence[tuple[QueueRecipient, Outcome]],
    original: bytes,
    *,
    directory: Directory,
    hostname: str,
    letter_id: int,
    now_us: int,
    retry_until_us: int,
) -> Acceptance | None:
    """The report on these recipients as a letter of its own; None if there is nobody to tell."""
    message = job.message
    if not message.reverse_path or not told:
        return None
    deadline = message.deadline
    subject = Subject(
        reverse_path=message.reverse_path,
        message_id=message.message_id,
        arrived_at=message.created_at,
        content=original,
        envid=message.dsn_envid,
        returns_full=message.dsn_ret == "FULL",
        needs_utf8=message.needs_utf8,
        requires_tls=message.requires_tls,
        deliver_by=None if deadline is None else deadline.at_us,
    )
    statuses = [_status(recipient, outcome, now_us, retry_until_us) for recipient, outcome in told]
    return await report_on(
        subject, statuses, directory=directory, hostname=hostname, letter_id=letter_id, now_us=now_us
    )


async def report_on(
    subject: Subject,
    statuses: Sequence[RecipientStatus],
    *,
    directory: Directory,
    hostname: str,
    letter_id: int,
    now_us: int,
) -> Acceptance:
    """A report as a letter of its own; the subject has a reverse-path."""
    sender = Address.parse(subject.reverse_path)
    local: tuple[LocalRecipient, ...] = ()
    remote: tuple[Address, ...] = ()
    match await directory.resolve(sender):
        case Local(recipients):
            local = recipients
        case Forward(targets, recipients):
            local, remote = recipients, targets
        case _:
            remote = (sender,)
    id_text = letter_id_text(letter_id)
    domain = await directory.postmaster_domain()
    content = build_dsn(
        Report(
            reporting_mta=hostname,
            recipients=tuple(statuses),
            from_=Correspondent(Address(POSTMASTER, domain or hostname), "Mail Delivery System"),
            to=sender,
            date=_moment(now_us),
            message_id=f"{id_text}@{hostname}",
            original=subject.content,
            # RFC 3461 §4.3: RET is for reports that tell of a failure
            return_full=subject.returns_full
            and len(subject.content) <= MAX_RETURNED_OCTETS
            and any(each.action is Action.FAILED for each in statuses),
            envid=subject.envid or None,
            arrival=_moment(subject.arrived_at),
            deliver_by=None if subject.deliver_by is None else _moment(subject.deliver_by),
            in_reply_to=subject.message_id.strip("<>") or None,
        ),
        id_text,
        smtputf8=subject.needs_utf8,
    )
    if domain:  # else `postier doctor` tells of domains without keys
        content = await sign(directory, content, domain, now_us // 1_000_000) + content
    return Acceptance(
        letter_id=letter_id,
        peer="",
        reverse_path="",
        # RFC 8689 §5: what told of a protected letter is protected like it; RFC 3461 §6.1: no RET
        parameters=MailParameters(smtputf8=subject.needs_utf8, requiretls=subject.requires_tls),
        content=return_path_field("") + content,
        relayed_content=content if remote else b"",
        local=local,
        remote=remote,
        message_id=f"<{id_text}@{hostname}>",
        received_at=now_us,
    )


def _status(recipient: QueueRecipient, outcome: Outcome, now_us: int, retry_until_us: int) -> RecipientStatus:
    match outcome:
        case Delivered():
            action = Action.RELAYED
        case Failed():
            action = Action.FAILED
        case _:
            action = Action.DELAYED
    return RecipientStatus(
        recipient=Address.parse(recipient.forward_path),
        action=action,
        status=outcome.status,
        orcpt=recipient.dsn_orcpt or None,
        remote_mta=outcome.host or None,
        diagnostic=outcome.reply,
        last_attempt=_moment(now_us),
        will_retry_until=_moment(retry_until_us) if action is Action.DELAYED else None,
    )


def _moment(at_us: int) -> Moment:
    return Moment(at_us // 1_000_000, 0)
