import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.address import Address
from postier.mime.dates import Moment
from postier.mime.decode import content_of, text_of
from postier.mime.dsn import (
    MAX_FIELD_CHARACTERS,
    MAX_RETURNED_HEADER_OCTETS,
    Action,
    RecipientStatus,
    Report,
    build_dsn,
    utf8_addr_xtext,
)
from postier.mime.header_lines import Correspondent, HeaderValueError
from postier.mime.normalise import is_canonical
from postier.mime.structure import parse

ORIGINAL = b"From: alice@alpha.test\r\nSubject: x\r\n\r\nsecret body\r\n"
STATUS = RecipientStatus(
    recipient=Address("carole", "beta.test"),
    action=Action.FAILED,
    status="5.1.1",
    orcpt="rfc822;Carole+2Bx@beta.test",
    remote_mta="mx.beta.test",
    diagnostic="550 5.1.1 no such user",
    last_attempt=Moment(1_795_489_198),
    final_log_id="q1",
)


def report(*recipients: RecipientStatus, **more: object) -> Report:
    values: dict[str, object] = {
        "reporting_mta": "mx.alpha.test",
        "recipients": recipients or (STATUS,),
        "from_": Correspondent(Address("postmaster", "alpha.test"), "Mail Delivery System"),
        "to": Address("alice", "alpha.test"),
        "date": Moment(1_795_489_198),
        "message_id": "dsn1@alpha.test",
        "original": ORIGINAL,
        "envid": "QQ+2B1",
        "arrival": Moment(1_795_489_000),
        "received_from_mta": "client.alpha.test",
    }
    return Report(**(values | more))  # type: ignore[arg-type]


def with_status(**changes: object) -> RecipientStatus:
    return RecipientStatus(**({name: getattr(STATUS, name) for name in STATUS.__struct_fields__} | changes))  # type: ignore[arg-type]


def test_a_failure() -> None:
    raw = build_dsn(report(), "tok")
    assert is_canonical(raw)
    root = parse(raw)
    assert root.media_type == "multipart/report"
    assert (b"report-type", b"delivery-status") in root.params
    assert [part.media_type for part in root.children] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    text, status, headers = root.children
    assert content_of(raw, status) == (
        b"Original-Envelope-Id: QQ+1\r\nReporting-MTA: dns; mx.alpha.test\r\n"
        b"Received-From-MTA: dns; client.alpha.test\r\nArrival-Date: Tue, 24 Nov 2026 02:56:40 +0000\r\n\r\n"
        b"Original-Recipient: rfc822; Carole+x@beta.test\r\nFinal-Recipient: rfc822; carole@beta.test\r\n"
        b"Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.beta.test\r\n"
        b"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\nLast-Attempt-Date: Tue, 24 Nov 2026 02:59:58 +0000\r\n"
        b"Final-Log-ID: q1\r\n"
    )
    assert content_of(raw, headers) == b"From: alice@alpha.test\r\nSubject: x\r\n"
    assert b"secret" not in raw
    assert "carole@beta.test" in text_of(raw, text)
    assert "mx.beta.test said: 550 5.1.1 no such user" in text_of(raw, text)
    assert b"Auto-Submitted: auto-replied\r\n" in raw
    assert b"Subject: Your message could not be delivered\r\n" in raw


def test_the_whole_message_is_returned() -> None:
    raw = build_dsn(report(return_full=True), "tok")
    message = parse(raw).children[2]
    assert message.media_type == "message/rfc822"
    assert content_of(raw, message) == ORIGINAL


def test_a_delay_and_a_success() -> None:
    delayed = with_status(action=Action.DELAYED, status="4.4.1", will_retry_until=Moment(1_795_500_000))
    raw = build_dsn(report(delayed, with_status(action=Action.DELIVERED, will_retry_until=Moment(0))), "tok")
    assert raw.count(b"Will-Retry-Until:") == 1
    assert b"Subject: Your message is delayed" in raw
    raw = build_dsn(
        report(with_status(action=Action.EXPANDED, status="2.0.0"), original=None, text="Bonjour"), "tok"
    )
    assert len(parse(raw).children) == 2
    assert b"Bonjour" in raw


def test_utf8_addresses() -> None:
    status = with_status(recipient=Address("jörg", "beta.test"), orcpt="utf-8;j\\x{F6}rg@beta.test")
    original = "From: jörg@alpha.test\r\n\r\nx\r\n".encode()
    raw = build_dsn(report(status, original=original), "tok")
    assert raw.isascii()
    assert b"Final-Recipient: utf-8; j\\x{F6}rg@beta.test\r\n" in raw
    assert b"Original-Recipient: utf-8; j\\x{F6}rg@beta.test\r\n" in raw
    returned = parse(raw).children[2]
    assert (returned.media_type, returned.encoding) == ("message/global-headers", "base64")
    assert content_of(raw, returned) == "From: jörg@alpha.test\r\n".encode()
    raw = build_dsn(report(status, original=original, return_full=True), "tok", smtputf8=True)
    kinds = [(part.media_type, part.encoding) for part in parse(raw).children]
    assert kinds[1:] == [("message/global-delivery-status", "8bit"), ("message/global", "8bit")]
    assert "Original-Recipient: utf-8; jörg@beta.test\r\n".encode() in raw
    raw = build_dsn(report(to=Address("jörg", "alpha.test")), "tok")
    assert b"To: =?utf-8?q?j=C3=B6rg=40alpha=2Etest?= :;\r\n" in raw


def test_unitext() -> None:
    assert utf8_addr_xtext("jörg+a=b\\@x") == "j\\x{F6}rg\\x{2B}a\\x{3D}b\\x{5C}@x"


def test_what_peers_said_cannot_break_out() -> None:
    evil = with_status(
        diagnostic="550 no\r\nAction: delivered\x00\n\nX",
        orcpt="rfc822;a+0D+0AAction:+20delivered@b",
        remote_mta="m\r\nY: z",
    )
    raw = build_dsn(report(evil, envid="x+0D+0A+0D+0Ay"), "tok")
    assert is_canonical(raw)
    status = content_of(raw, parse(raw).children[1])
    assert status.count(b"\r\nAction:") == 1
    assert status.count(b"\r\n\r\n") == 1
    with pytest.raises(HeaderValueError):
        build_dsn(report(message_id="a\r\nb"), "tok")


def test_limits_of_returned_text() -> None:
    raw = build_dsn(
        report(with_status(diagnostic="y" * MAX_FIELD_CHARACTERS * 2), original=b"X: y\r\n" * 20_000), "tok"
    )
    assert is_canonical(raw)
    assert raw.replace(b"\r\n ", b"").count(b"y" * MAX_FIELD_CHARACTERS) == 1
    assert parse(raw).children[2].size <= MAX_RETURNED_HEADER_OCTETS


@given(
    said=st.text(max_size=60),
    orcpt=st.text(max_size=60),
    original=st.binary(max_size=100),
    smtputf8=st.booleans(),
    full=st.booleans(),
)
def test_anything_a_peer_says_gives_a_report(
    *, said: str, orcpt: str, original: bytes, smtputf8: bool, full: bool
) -> None:
    evil = with_status(diagnostic=said, orcpt=orcpt, remote_mta=said)
    raw = build_dsn(report(evil, envid=orcpt, original=original, return_full=full), "tok", smtputf8=smtputf8)
    assert is_canonical(raw)
    root = parse(raw)
    assert len(root.children) == 3
    assert content_of(raw, root.children[1]).count(b"\r\nAction:") == 1
