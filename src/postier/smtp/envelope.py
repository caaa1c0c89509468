"""What the client side sends one message by, and what became of each recipient.

Not here: the dialogue, the queue. Sources: RFC 5321 §4.2.1 and §4.5.3.1.10, RFC 1870 §6, RFC 6152 §3, RFC 6531 §3.5, RFC
8689 §4.2.1, RFC 3461 §5.2, RFC 2852 §4.1.4. Invariant: every recipient of an envelope gets exactly one result.
"""

import msgspec

from postier.mime.address import Address
from postier.smtp import reason as why
from postier.smtp.extensions import Extensions
from postier.smtp.parameters import (
    NO_RECIPIENT_PARAMETERS,
    NOTIFY_DEFAULT,
    Body,
    DeliverBy,
    MailParameters,
    Notify,
    RecipientParameters,
    Return,
)
from postier.smtp.reason import Reason
from postier.smtp.replies import Reply


class EnvelopeRecipient(msgspec.Struct, frozen=True):
    """One recipient, with the DSN parameters to pass on where the server offers DSN."""

    address: Address
    parameters: RecipientParameters = NO_RECIPIENT_PARAMETERS


class Envelope(msgspec.Struct, frozen=True):
    """One message for one server; `reverse_path` None is the null path."""

    reverse_path: Address | None
    recipients: tuple[EnvelopeRecipient, ...]
    size_bytes: int | None = None
    is_8bit: bool = False  # the body has octets over 127
    has_utf8_headers: bool = False  # the headers have (RFC 6532)
    ret: Return | None = None
    envid: str | None = None
    requires_tls: bool = False  # REQUIRETLS
    deliver_by: DeliverBy | None = None  # what is left of the time


class Delivered(msgspec.Struct, frozen=True):
    """The server has taken the message for this recipient."""

    recipient: EnvelopeRecipient
    reply: Reply


class Deferred(msgspec.Struct, frozen=True):
    """Not now: the server's 4yz, or our reason (connection lost, nonsense received)."""

    recipient: EnvelopeRecipient
    cause: Reply | Reason


class Failed(msgspec.Struct, frozen=True):
    """Never: the server's 5yz, or our reason (it lacks what the message needs)."""

    recipient: EnvelopeRecipient
    cause: Reply | Reason


Result = Delivered | Deferred | Failed


def result_of(recipient: EnvelopeRecipient, cause: Reply | Reason) -> Result:
    """The result that a reply or a reason means, by the first digit alone (RFC 5321 §4.3.2)."""
    if isinstance(cause, Reply) and cause.is_positive:
        return Delivered(recipient, cause)
    return Failed(recipient, cause) if cause.is_permanent else Deferred(recipient, cause)


def refused_recipient(recipient: EnvelopeRecipient, reply: Reply, *, others_accepted: bool) -> Result:
    """The result of a RCPT that was not accepted.

    RFC 5321 §4.5.3.1.10: 552 may be an old server's "too many recipients", which another transaction cures; it is
    taken so where others were accepted and no enhanced code says that the mailbox is meant.
    """
    if reply.code == 552 and (reply.enhanced == "5.5.3" or (others_accepted and not reply.enhanced)):
        return Deferred(recipient, reply)
    return result_of(recipient, reply)


def message_obstacle(envelope: Envelope, extensions: Extensions, *, is_tls: bool) -> Reason | None:
    """Why this server cannot take the message at all; found before a command is sent."""
    limit = extensions.max_size_bytes
    if limit is not None and envelope.size_bytes is not None and envelope.size_bytes > limit:
        return why.MESSAGE_TOO_BIG.with_text(f"Message too big for the next host, which takes {limit} octets")
    if envelope.requires_tls and not is_tls:
        return why.ENCRYPTION_NEEDED  # RFC 8689 §4.2.1
    if envelope.requires_tls and not extensions.has("REQUIRETLS"):
        return why.REQUIRETLS_UNSUPPORTED
    by = envelope.deliver_by
    if by is not None and by.is_return:  # RFC 2852 §4.1.4.1
        if by.seconds <= 0:
            return why.DELIVERY_TIME_EXPIRED
        if not extensions.has("DELIVERBY"):
            return why.DELIVERBY_UNSUPPORTED
        if by.seconds < extensions.min_by_seconds:
            return why.DELIVERBY_UNSUPPORTED.with_text(
                f"The next host needs {extensions.min_by_seconds} seconds, {by.seconds} are left"
            )
    if envelope.is_8bit and not extensions.has("8BITMIME"):
        return why.CONVERSION_REQUIRED  # RFC 6152 §3
    if not extensions.has("SMTPUTF8"):
        if envelope.has_utf8_headers:
            return why.UTF8_HEADERS  # RFC 6531 §3.5
        if envelope.reverse_path is not None and not envelope.reverse_path.is_ascii:
            return why.NON_ASCII_SENDER
    return None


def needs_smtputf8(envelope: Envelope) -> bool:
    """Whether the SMTPUTF8 parameter belongs to MAIL (RFC 6531 §3.4)."""
    return (
        envelope.has_utf8_headers
        or (envelope.reverse_path is not None and not envelope.reverse_path.is_ascii)
        or any(not recipient.address.is_ascii for recipient in envelope.recipients)
    )


def mail_parameters(envelope: Envelope, extensions: Extensions, *, is_authenticated: bool) -> MailParameters:
    """What of the envelope this server can be told in MAIL."""
    offers_dsn = extensions.has("DSN")
    return MailParameters(
        size_bytes=envelope.size_bytes if extensions.has("SIZE") else None,
        body=Body.EIGHT_BIT if envelope.is_8bit and extensions.has("8BITMIME") else None,
        smtputf8=needs_smtputf8(envelope) and extensions.has("SMTPUTF8"),
        ret=envelope.ret if offers_dsn else None,
        envid=envelope.envid if offers_dsn else None,
        # RFC 4954 §5: AUTH=<> wherever we have logged in and do not vouch for the sender
        auth="" if is_authenticated and extensions.has("AUTH") else None,
        requiretls=envelope.requires_tls,
        deliver_by=envelope.deliver_by if extensions.has("DELIVERBY") else None,
    )


def recipient_parameters(
    envelope: Envelope, recipient: EnvelopeRecipient, extensions: Extensions
) -> RecipientParameters:
    """What of the recipient's requests this server can be told in RCPT."""
    if not extensions.has("DSN"):  # RFC 3461 §5.2.2 (a)
        return NO_RECIPIENT_PARAMETERS
    parameters, by = recipient.parameters, envelope.deliver_by
    if by is None or by.is_return or by.seconds <= 0 or extensions.has("DELIVERBY"):
        return parameters
    notify = NOTIFY_DEFAULT if parameters.notify is None else parameters.notify
    if notify:  # RFC 2852 §4.1.4.2: the host that lets the time pass without knowing it tells of delays
        notify |= Notify.DELAY
    return RecipientParameters(notify, parameters.orcpt)
