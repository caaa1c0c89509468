"""The letters that scripts cause: whatever a script and a stranger say, their header is ours."""

import email
import email.policy

from hypothesis import given
from hypothesis import strategies as st

from postier.mime.address import Address
from postier.mime.header_lines import Correspondent
from postier.mime.normalise import is_canonical
from postier.mta.sieving.letters import Stamp, answer, correspondents, notice, notification, refusal
from postier.sieve.actions import Notify, Reject, Vacation
from postier.sieve.ext.enotify import Mailto

STAMP = Stamp("1jvz", "mx.alpha.test", 1_790_000_000)
OWNER = Address("alice", "alpha.test")
ZOE = Address("zoe", "remote.test")
TEXTS = st.text(max_size=80)
FIELDS = {
    "date", "from", "message-id", "to", "cc", "subject", "in-reply-to", "references", "auto-submitted", "mime-version",
    "content-type", "content-transfer-encoding", "importance", "return-path", "content-disposition", "x-a", "content-id",
}  # fmt: skip


def checked(octets: bytes) -> email.message.Message:
    """Canonical, and no field that was not meant."""
    assert is_canonical(octets)
    message = email.message_from_bytes(octets)
    names = [name.lower() for name in message]
    assert set(names) <= FIELDS
    assert len(names) == len(set(names))
    return message


def test_an_answer_in_octets_that_are_no_utf8():
    """A `:mime` reason holds them as surrogates; other surrogates are nothing that could be sent."""
    reason = b"Content-Type: text/plain; charset=latin1\r\n\r\nGr\xfc\xdfe".decode("utf-8", "surrogateescape")
    action = Vacation(str(ZOE), reason + "\ud800", "Away", "h", 1, is_mime=True)
    octets = answer(action, Correspondent(OWNER), ZOE, STAMP, smtputf8=False)
    assert octets.endswith(b"\r\n\r\nGr\xfc\xdfe\xef\xbf\xbd\r\n")


@given(TEXTS, TEXTS, TEXTS, st.lists(TEXTS, max_size=3), st.booleans())
def test_an_answer(reason, subject, reply_to, references, is_mime):
    action = Vacation(
        str(ZOE),
        reason if not is_mime else f"Content-Type: text/plain; charset=utf-8\r\nX-Evil: 1\r\n\r\n{reason}",
        subject,
        "h",
        1,
        is_mime=is_mime,
        in_reply_to=reply_to,
        references=tuple(references),
    )
    message = checked(answer(action, Correspondent(OWNER), ZOE, STAMP, smtputf8=False))
    assert message["Auto-Submitted"] == "auto-replied (vacation)"
    assert message["To"] == "zoe@remote.test"
    assert message.get_content_maintype() == "text"


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_a_notification(told, subject, body, value):
    mailto = Mailto(("a@pager.test",), ("b@pager.test",), subject, body, (("x-a", value),))
    action = Notify("mailto:a@pager.test", message=told or None)
    octets = notification(action, mailto, Correspondent(OWNER), OWNER, "Hello", STAMP, smtputf8=False)
    message = checked(octets)
    assert octets.startswith(b'Auto-Submitted: auto-notified; owner-email="alice@alpha.test"\r\n')
    assert (message["To"], message["Cc"]) == ("a@pager.test", "b@pager.test")


@given(TEXTS, st.none() | TEXTS, st.booleans(), st.binary(max_size=200))
def test_a_refusal(reason, original_id, is_ereject, original):
    action = Reject(reason, is_ereject=is_ereject)
    octets = refusal(action, Correspondent(OWNER), OWNER, ZOE, original, original_id, STAMP, smtputf8=False)
    message = checked(octets)
    kind = "delivery-status" if is_ereject else "disposition-notification"
    assert message.get_param("report-type") == kind


@given(TEXTS, TEXTS)
def test_a_notice(subject, text):
    message = checked(notice(Correspondent(OWNER), OWNER, subject, text, STAMP))
    assert message["Return-Path"] == "<>"


def test_an_owner_outside_ascii():
    owner = Address("jürgen", "alpha.test")
    mailto = Mailto(("a@pager.test",))
    for smtputf8 in (True, False):
        octets = notification(
            Notify("mailto:a@pager.test"), mailto, Correspondent(OWNER), owner, "x", STAMP, smtputf8=smtputf8
        )
        assert (b"owner-token=" in octets) is not smtputf8
    assert "jürgen" in notice(Correspondent(OWNER), owner, "x", "y", STAMP).decode()


@given(st.text())
def test_any_text_names_people_or_nobody(text):
    assert all(isinstance(each, Correspondent) for each in correspondents(text))


def test_people_with_names():
    assert correspondents('"Ali, B" <a@x.test>, b@x.test, nobody') == [
        Correspondent(Address("a", "x.test"), "Ali, B"),
        Correspondent(Address("b", "x.test")),
    ]
