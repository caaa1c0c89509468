"""The session's states, and what ENABLE IMAP4rev2 changes."""

import itertools

import pytest

from postier.imap.refusals import PeerError
from postier.imap.state import LOGGED_IN, TRANSITIONS, IllegalStepError, Session, State, Step


def session(state):
    found = Session()
    found.state = state
    return found


@pytest.mark.parametrize(("state", "step"), list(itertools.product(State, Step)))
def test_every_step_is_a_row_or_illegal(state, step):
    at = session(state)
    if (state, step) in TRANSITIONS:
        at.step(step)
        assert at.state is TRANSITIONS[state, step]
    else:
        with pytest.raises(IllegalStepError):
            at.step(step)
        assert at.state is state


def test_read_only_ends_with_the_mailbox():
    at = session(State.AUTHENTICATED)
    at.step(Step.MAILBOX_SELECTED, is_read_only=True)
    assert at.is_read_only
    at.step(Step.MAILBOX_CLOSED)
    assert not at.is_read_only


def test_require():
    session(State.SELECTED).require(LOGGED_IN, "FETCH")
    with pytest.raises(PeerError, match="FETCH is not allowed before login"):
        session(State.NOT_AUTHENTICATED).require(LOGGED_IN, "FETCH")


def test_enable_is_additive_and_tells_only_what_is_new():
    at = Session()
    assert at.enable([b"CONDSTORE-X", b"IMAP4rev2"]) == (b"IMAP4rev2",)
    assert at.enable([b"imap4REV2", b"utf8=accept"]) == (b"UTF8=ACCEPT",)
    assert at.enable([b"IMAP4REV2"]) == ()


def test_rev2_differences():
    old, new, utf8 = Session(), Session(), Session()
    new.enable([b"IMAP4REV2"])
    utf8.enable([b"UTF8=ACCEPT"])
    assert (old.uses_esearch, old.sends_recent, old.lists_on_select, old.utf8, old.may_name_charset) == (
        False,
        True,
        False,
        False,
        True,
    )
    assert (new.uses_esearch, new.sends_recent, new.lists_on_select, new.utf8, new.may_name_charset) == (
        True,
        False,
        True,
        True,
        True,
    )
    assert (utf8.is_rev2, utf8.utf8, utf8.may_name_charset) == (False, True, False)
