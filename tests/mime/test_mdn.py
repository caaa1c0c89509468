"""Disposition notifications read back by the standard library."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.address import Address
from postier.mime.dates import Moment
from postier.mime.header_lines import Correspondent
from postier.mime.mdn import Refusal, build_mdn
from postier.mime.normalise import is_canonical

ORIGINAL = b"From: zoe@remote.test\r\nSubject: Hello\r\n\r\nHi.\r\n"


def refusal(**facts) -> Refusal:
    told = {
        "reporting_host": "mx.alpha.test",
        "recipient": Address("alice", "alpha.test"),
        "from_": Correspondent(Address("postmaster", "alpha.test"), "Mail"),
        "to": Address("zoe", "remote.test"),
        "date": Moment(1_790_000_000),
        "message_id": "2@mx.alpha.test",
        "text": "Not from you.\n",
        "original": ORIGINAL,
        "original_message_id": "1@remote.test",
    }
    return Refusal(**told | facts)


def test_its_three_parts():
    message = email.message_from_bytes(build_mdn(refusal(), "t"), policy=email.policy.default)
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["In-Reply-To"] == "<1@remote.test>"
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "disposition-notification"
    text, told, header = message.iter_parts()
    assert text.get_content() == "Not from you.\r\n"
    assert told.get_content_type() == "message/disposition-notification"
    assert told.as_bytes().decode().replace("\r\n", "\n").partition("\n\n")[2].split("\n")[:4] == [
        "Reporting-UA: mx.alpha.test; Postier",
        "Final-Recipient: rfc822; alice@alpha.test",
        "Original-Message-ID: <1@remote.test>",
        "Disposition: automatic-action/MDN-sent-automatically; deleted",
    ]
    assert "Subject: Hello" in header.get_content()


@pytest.mark.parametrize("smtputf8", [False, True])
def test_addresses_in_utf8(smtputf8):
    octets = build_mdn(refusal(recipient=Address("jürgen", "alpha.test")), "t", smtputf8=smtputf8)
    assert octets.isascii() is not smtputf8
    assert (b"global-disposition-notification" in octets) is smtputf8


@given(st.text(), st.binary())
def test_any_words_and_any_letter(text, original):
    octets = build_mdn(refusal(text=text, original=original, original_message_id=None), "t")
    assert is_canonical(octets)
    assert octets.partition(b"\r\n\r\n")[0].count(b"\r\nTo:") == 1
