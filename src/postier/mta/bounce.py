"""Reports to the sender: what failed for good, what is late. Source: RFC 3464, RFC 5321 §6.1, RFC 3461 §6.2.

Not here: the report's MIME form (`mime.dsn`), when one is due (`settle`). Invariants: a report has the null reverse-path;
a letter with the null reverse-path gets none, so reports never answer reports; a report comes from our postmaster (RFC 3464 §2)
and is signed in the name of that domain.
"""

from collections.abc import Sequence

from postier.accounts.directory import Directory
from postier.accounts.names import POSTMASTER
from postier.accounts.resolution import Forward, Local, LocalRecipient
from postier.mime.address import Address
from postier.mime.dates import Moment
from postier.mime.dsn import Action, RecipientStatus, Report, build_dsn
from postier.mime.header_lines import Correspondent
from postier.mta.acceptance import Acceptance
from postier.mta.letter_id import letter_id_text
from postier.mta.outcomes import Failed, Outcome
from postier.mta.queue_rows import Job, QueueRecipient
from postier.mta.signing import sign
from postier.mta.trace_fields import return_path_field
from postier.smtp.parameters import MailParameters


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
    sender = Address.parse(message.reverse_path)
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
            recipients=tuple(
                _status(recipient, outcome, now_us, retry_until_us) for recipient, outcome in told
            ),
            from_=Correspondent(Address(POSTMASTER, domain or hostname), "Mail Delivery System"),
            to=sender,
            date=_moment(now_us),
            message_id=f"{id_text}@{hostname}",
            original=original,
            envid=message.dsn_envid or None,
            arrival=_moment(message.created_at),
            in_reply_to=message.message_id.strip("<>") or None,
        ),
        id_text,
        smtputf8=message.needs_utf8,
    )
    if domain:  # else `postier doctor` tells of domains without keys
        content = await sign(directory, content, domain, now_us // 1_000_000) + content
    return Acceptance(
        letter_id=letter_id,
        peer="",
        reverse_path="",
        # RFC 8689 §5: what told of a protected letter is protected like it
        parameters=MailParameters(smtputf8=message.needs_utf8, requiretls=message.requires_tls),
        content=return_path_field("") + content,
        relayed_content=content if remote else b"",
        local=local,
        remote=remote,
        message_id=f"<{id_text}@{hostname}>",
        received_at=now_us,
    )


def _status(recipient: QueueRecipient, outcome: Outcome, now_us: int, retry_until_us: int) -> RecipientStatus:
    has_failed = isinstance(outcome, Failed)
    return RecipientStatus(
        recipient=Address.parse(recipient.forward_path),
        action=Action.FAILED if has_failed else Action.DELAYED,
        status=outcome.status,
        orcpt=recipient.dsn_orcpt or None,
        remote_mta=outcome.host or None,
        diagnostic=outcome.reply,
        last_attempt=_moment(now_us),
        will_retry_until=None if has_failed else _moment(retry_until_us),
    )


def _moment(at_us: int) -> Moment:
    return Moment(at_us // 1_000_000, 0)
