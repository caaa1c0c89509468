import re

import pytest

from postier.smtp import reason
from postier.smtp.reason import REASONS, Reason, Severity
from postier.smtp.replies import reply_of


@pytest.mark.parametrize("entry", REASONS.values(), ids=REASONS.keys())
def test_every_reason_is_consistent(entry):
    assert REASONS[entry.name] is entry
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name)
    assert 400 <= entry.code <= 599
    assert re.fullmatch(r"[45]\.[0-7]\.\d{1,2}", entry.enhanced)
    assert entry.enhanced[0] == str(entry.code)[0]  # RFC 2034 §4
    assert entry.text
    assert not entry.text.endswith(".")
    assert entry.meaning.endswith("."), "a sentence for the manual"
    wire = reply_of(entry).encode()
    assert wire.startswith(f"{entry.code} {entry.enhanced} ".encode())
    assert wire.count(b"\r\n") == 1


def test_every_constant_is_in_the_table_and_says_its_name():
    constants = {name: value for name, value in vars(reason).items() if isinstance(value, Reason)}
    assert {id(value) for value in constants.values()} == {id(value) for value in REASONS.values()}
    for name, value in constants.items():
        assert value.name == name.lower().replace("_", "-")


def test_with_text_keeps_name_and_codes():
    told = reason.UNKNOWN_USER.with_text("No such user: bob@alpha.test")
    assert (told.name, told.code, told.enhanced) == ("unknown-user", 550, "5.1.1")
    assert told.text == "No such user: bob@alpha.test"
    assert reason.UNKNOWN_USER.text == "No such user here"


def test_severity():
    assert reason.MAILBOX_FULL.severity is Severity.TEMPORARY
    assert not reason.MAILBOX_FULL.is_permanent
    assert reason.SPAM.severity is Severity.PERMANENT
    assert reason.TIMEOUT.closes
    assert not reason.SPAM.closes
