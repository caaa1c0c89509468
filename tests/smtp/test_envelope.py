import pytest

from postier.mime.address import Address
from postier.smtp import reason
from postier.smtp.envelope import (
    Deferred,
    Delivered,
    Envelope,
    EnvelopeRecipient,
    Failed,
    mail_parameters,
    message_obstacle,
    needs_smtputf8,
    refused_recipient,
    result_of,
)
from postier.smtp.extensions import Extensions
from postier.smtp.parameters import Body, DeliverBy, MailParameters
from postier.smtp.replies import Reply

BOB = EnvelopeRecipient(Address("bob", "b.test"))
UTF8 = EnvelopeRecipient(Address("bøb", "b.test"))
ALL = Extensions(
    {"SIZE": "100", "8BITMIME": "", "SMTPUTF8": "", "REQUIRETLS": "", "DSN": "", "AUTH": "PLAIN"}
)


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (Reply(250), Delivered),
        (Reply(251), Delivered),
        (Reply(450), Deferred),
        (Reply(499), Deferred),
        (Reply(550), Failed),
        (Reply(599), Failed),
        (reason.CONNECTION_LOST, Deferred),
        (reason.CONVERSION_REQUIRED, Failed),
    ],
)
def test_the_first_digit_decides(cause, kind):
    assert type(result_of(BOB, cause)) is kind


def test_552():
    assert type(refused_recipient(BOB, Reply(552), others_accepted=True)) is Deferred
    assert type(refused_recipient(BOB, Reply(552), others_accepted=False)) is Failed
    assert type(refused_recipient(BOB, Reply(552, "5.2.2"), others_accepted=True)) is Failed


@pytest.mark.parametrize(
    ("by", "offers", "obstacle"),
    [
        (DeliverBy(60, is_return=True), {"DELIVERBY": "60"}, None),
        (DeliverBy(59, is_return=True), {"DELIVERBY": "60"}, "deliverby-unsupported"),
        (DeliverBy(60, is_return=True), {}, "deliverby-unsupported"),
        (DeliverBy(0, is_return=True), {"DELIVERBY": ""}, "delivery-time-expired"),
        (DeliverBy(-9), {}, None),
        (DeliverBy(9), {"DELIVERBY": "60"}, None),
    ],
)
def test_times(by, offers, obstacle):
    """RFC 2852 §4.1.4."""
    envelope, extensions = Envelope(None, (BOB,), deliver_by=by), Extensions(offers)
    found = message_obstacle(envelope, extensions, is_tls=True)
    assert (None if found is None else found.name) == obstacle
    told = mail_parameters(envelope, extensions, is_authenticated=False).deliver_by
    assert told == (by if offers else None)


def test_obstacles():
    plain = Envelope(None, (BOB,), size_bytes=101)
    assert message_obstacle(plain, Extensions(), is_tls=False) is None
    assert message_obstacle(plain, ALL, is_tls=False).name == "message-too-big"
    secret = Envelope(None, (BOB,), requires_tls=True)
    assert message_obstacle(secret, ALL, is_tls=False) is reason.ENCRYPTION_NEEDED
    assert message_obstacle(secret, Extensions(), is_tls=True) is reason.REQUIRETLS_UNSUPPORTED
    assert message_obstacle(secret, ALL, is_tls=True) is None
    # a recipient in UTF-8 stands in the way of itself only
    assert message_obstacle(Envelope(None, (UTF8, BOB)), Extensions(), is_tls=False) is None


def test_parameters_follow_the_offers():
    envelope = Envelope(None, (UTF8,), size_bytes=9, is_8bit=True, envid="x")
    assert needs_smtputf8(envelope)
    assert mail_parameters(envelope, Extensions(), is_authenticated=True) == MailParameters()
    told = mail_parameters(envelope, ALL, is_authenticated=True)
    assert told == MailParameters(9, Body.EIGHT_BIT, smtputf8=True, envid="x", auth="")
    assert mail_parameters(envelope, ALL, is_authenticated=False).auth is None
