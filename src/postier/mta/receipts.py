"""The report that a letter is delivered here, for senders that asked for it: NOTIFY=SUCCESS (RFC 3461 §5.2.3, §5.2.7).

    an account                        "delivered"
    an alias for one account          "delivered", under the address that the sender knows
    an alias for one address elsewhere   nothing: who delivers it reports (§5.2.7.2)
    an alias for several              "expanded" (§5.2.7.3 (c))

Not here: what other servers confirm or don't (`settle`), the letter of the report (`bounce`). Invariants: it is stored with the letter, in
one transaction; only a proved sender gets one, and not of junk, so a forger can't make us write to strangers (SECURITY 32,
docs/adr/0025); a recipient whose script refuses the letter is not confirmed.
"""

from collections.abc import Collection

from postier.accounts.directory import Directory
from postier.defence.verdict import Treatment
from postier.mime.dsn import Action, RecipientStatus
from postier.mta.acceptance import Acceptance
from postier.mta.bounce import Subject, report_on
from postier.mta.requests import Asked, envid_column, recipient_columns
from postier.smtp.parameters import Notify

STATUS = "2.0.0"


async def receipt(
    acceptance: Acceptance,
    *,
    is_proved: bool,
    refusing: Collection[int] = (),
    directory: Directory,
    hostname: str,
    letter_id: int,
) -> Acceptance | None:
    """The report on what is delivered, under an id of its own; None if there is nothing to tell. `refusing` are the accounts that do
    not take the letter.
    """
    if not acceptance.asked or not acceptance.reverse_path or not is_proved:
        return None
    verdict = acceptance.verdict
    if verdict is not None and verdict.treatment is not Treatment.DELIVER:
        return None
    statuses = [status for asked in acceptance.asked if (status := _status(asked, refusing)) is not None]
    if not statuses:
        return None
    parameters = acceptance.parameters
    subject = Subject(
        reverse_path=acceptance.reverse_path,
        message_id=acceptance.message_id,
        arrived_at=acceptance.received_at,
        content=acceptance.content,
        envid=envid_column(parameters),
        needs_utf8=parameters.smtputf8,
        requires_tls=parameters.requiretls,
    )
    return await report_on(
        subject,
        statuses,
        directory=directory,
        hostname=hostname,
        letter_id=letter_id,
        now_us=acceptance.received_at,
    )


def _status(asked: Asked, refusing: Collection[int]) -> RecipientStatus | None:
    notify = asked.parameters.notify
    if notify is None or Notify.SUCCESS not in notify:
        return None
    if asked.is_expanded:
        action = Action.EXPANDED
    elif asked.leaving or any(each in refusing for each in asked.account_ids):
        return None
    else:
        action = Action.DELIVERED
    return RecipientStatus(
        recipient=asked.forward_path,
        action=action,
        status=STATUS,
        orcpt=recipient_columns(asked.parameters)[1] or None,
    )
