"""What a sender asked to be told of its letter: from the SMTP parameters into the queue's rows and out again, through aliases.

Not here: the parameters' syntax (`smtp.parameters`), the reports (`bounce`, `receipts`, `settle`). Sources: RFC 3461 §5.2, RFC 2852 §4.
Invariants: in the rows values stand as the parameters are written, "" for none; no request is lost by naming an address twice; a
sender that is not proved can't make anybody send what it would not send by itself (SECURITY 32, docs/adr/0025).
"""

import msgspec

from postier.mime.address import Address
from postier.smtp.parameters import (
    MAX_BY_SECONDS,
    NO_RECIPIENT_PARAMETERS,
    NOTIFY_DEFAULT,
    DeliverBy,
    MailParameters,
    Notify,
    ParameterError,
    RecipientParameters,
    Return,
    format_original_recipient,
    notify_words,
    parse_recipient_parameters,
)
from postier.smtp.xtext import decode_xtext, encode_xtext

SECOND_US = 1_000_000


class Asked(msgspec.Struct, frozen=True):
    """An accepted forward-path with its parameters: the accounts that it names, and how many addresses elsewhere."""

    forward_path: Address
    parameters: RecipientParameters
    account_ids: tuple[int, ...]
    leaving: int = 0

    @property
    def is_expanded(self) -> bool:
        """Whether it is an alias for several (RFC 3461 §5.2.7.3)."""
        return len(self.account_ids) + self.leaving > 1


class Deadline(msgspec.Struct, frozen=True):
    """By when a letter is to be delivered, in microseconds since 1970 (RFC 2852 §4: the deliver-by-time)."""

    at_us: int
    is_return: bool
    is_traced: bool

    def is_over(self, now_us: int) -> bool:
        """Whether the time has passed."""
        return now_us >= self.at_us

    def left(self, now_us: int) -> DeliverBy:
        """What is left of it, as the next server is told."""
        return DeliverBy(int((self.at_us - now_us) // SECOND_US), self.is_return, self.is_traced)


def is_wanted(notify: Notify | None, what: Notify) -> bool:
    """Whether the sender wants this report; None: it did not say."""
    return what in (NOTIFY_DEFAULT if notify is None else notify)


def without_success(parameters: RecipientParameters) -> RecipientParameters:
    """What goes on without asking for reports of success: to each of several addresses that an alias names, which is reported as
    expanded (RFC 3461 §5.2.7.3 (c)); of a sender that is not proved.
    """
    if parameters.notify is None:
        return parameters
    return RecipientParameters(parameters.notify & ~Notify.SUCCESS, parameters.orcpt)


def merged(one: RecipientParameters, other: RecipientParameters) -> RecipientParameters:
    """The requests for an address that is reached in two ways."""
    if one.notify == other.notify:
        return one
    notify = Notify.NEVER
    for each in (one, other):
        notify |= NOTIFY_DEFAULT if each.notify is None else each.notify
    return RecipientParameters(notify, one.orcpt)


def restrained_mail(parameters: MailParameters) -> MailParameters:
    """What goes on of a sender that is not proved: no whole copies to a stranger, no reports but on failures."""
    ret, by = parameters.ret, parameters.deliver_by
    if ret is None and by is None:
        return parameters
    if by is not None:
        by = DeliverBy(by.seconds, is_return=True) if by.is_return else None
    if ret is not None:
        ret = Return.HEADERS
    return msgspec.structs.replace(parameters, ret=ret, deliver_by=by)


def recipient_columns(parameters: RecipientParameters) -> tuple[str, str]:
    """`dsn_notify` and `dsn_orcpt` of a recipient's row."""
    notify, orcpt = parameters.notify, parameters.orcpt
    return (
        "" if notify is None else ",".join(notify_words(notify)),
        "" if orcpt is None else format_original_recipient(orcpt, smtputf8=True),
    )


def recipient_parameters(notify: str, orcpt: str) -> RecipientParameters:
    """The parameters that a row holds."""
    if not notify and not orcpt:
        return NO_RECIPIENT_PARAMETERS
    words = [f"{name}={value}" for name, value in (("NOTIFY", notify), ("ORCPT", orcpt)) if value]
    try:
        return parse_recipient_parameters(" ".join(words).encode())
    except ParameterError:  # no row of ours
        return NO_RECIPIENT_PARAMETERS


def envid_column(parameters: MailParameters) -> str:
    """`dsn_envid` of a letter's row."""
    return "" if parameters.envid is None else encode_xtext(parameters.envid)


def ret_column(parameters: MailParameters) -> str:
    """`dsn_ret` of a letter's row."""
    return "" if parameters.ret is None else parameters.ret.value


def by_columns(parameters: MailParameters, received_at: int) -> tuple[int, str]:
    """`deliver_by` and `by_mode` of a letter's row; RFC 2852 §4: the time counts from when MAIL was received."""
    by = parameters.deliver_by
    if by is None:
        return 0, ""
    seconds = max(-MAX_BY_SECONDS, min(by.seconds, MAX_BY_SECONDS))
    return received_at + seconds * SECOND_US, ("R" if by.is_return else "N") + "T" * by.is_traced


def deadline_of(deliver_by: int, by_mode: str) -> Deadline | None:
    """The deadline that a row holds."""
    return Deadline(deliver_by, "R" in by_mode, "T" in by_mode) if by_mode else None


def mail_parameters(
    *,
    smtputf8: bool,
    requires_tls: bool,
    ret: str,
    envid: str,
    deadline: Deadline | None,
    now_us: int,
) -> MailParameters:
    """The parameters of a letter in the queue, as if it were received now."""
    return MailParameters(
        smtputf8=smtputf8,
        requiretls=requires_tls,
        ret=ret_of(ret),
        envid=decode_xtext(envid) if envid else None,
        deliver_by=None if deadline is None else deadline.left(now_us),
    )


def ret_of(column: str) -> Return | None:
    """RET that a row holds."""
    return Return(column) if column else None
