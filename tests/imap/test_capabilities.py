"""The CAPABILITY list by state."""

from postier.imap.capabilities import EXTENSIONS, Offer, capabilities
from postier.imap.state import State


def test_before_login():
    names = capabilities(State.NOT_AUTHENTICATED, Offer(("PLAIN",), can_starttls=True))
    assert {b"IMAP4rev2", b"IMAP4rev1", b"LITERAL-", b"STARTTLS", b"LOGINDISABLED", b"AUTH=PLAIN"} <= set(
        names
    )
    assert b"IDLE" not in names
    names = capabilities(State.NOT_AUTHENTICATED, Offer(may_login=True))
    assert not {b"STARTTLS", b"LOGINDISABLED"} & set(names)


def test_after_login():
    names = capabilities(
        State.AUTHENTICATED, Offer(("PLAIN",), can_starttls=True, message_bytes=5, extra=(b"QUOTA",))
    )
    assert {b"LITERAL+", b"APPENDLIMIT=5", b"QUOTA", b"IDLE", b"MOVE"} <= set(names)
    assert not {b"STARTTLS", b"LITERAL-", b"AUTH=PLAIN", b"LOGINDISABLED"} & set(names)
    assert b"LITERAL-" in capabilities(State.SELECTED, Offer(has_literal_plus=False))


def test_no_name_twice():
    names = capabilities(State.SELECTED, Offer())
    assert len(names) == len(set(names))
    assert all(rfc.startswith(("RFC ", "draft-")) for _, rfc in EXTENSIONS)
