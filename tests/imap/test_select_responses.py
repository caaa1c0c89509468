"""SELECT for old and new clients."""

from postier.imap.flags import MAX_KEYWORDS
from postier.imap.select_responses import OpenedMailbox, select_data, select_end
from postier.imap.state import Session

SYSTEM = b"\\Seen \\Answered \\Flagged \\Deleted \\Draft"


def test_rev1():
    opened = OpenedMailbox(
        "INBOX", 172, 3857529045, 4392, ("$Junk",), recent=1, first_unseen=12, highest_modseq=715
    )
    assert select_data(opened, Session()) == (
        b"* FLAGS (" + SYSTEM + b" $Junk)\r\n"
        b"* OK [PERMANENTFLAGS (" + SYSTEM + b" $Junk \\*)] Flags that can be stored\r\n"
        b"* OK [URLMECH INTERNAL] URLs can be authorized\r\n"
        b"* 172 EXISTS\r\n"
        b"* 1 RECENT\r\n"
        b"* OK [UNSEEN 12] First unseen\r\n"
        b"* OK [UIDVALIDITY 3857529045] UIDs are valid\r\n"
        b"* OK [UIDNEXT 4392] Next UID\r\n"
        b"* OK [HIGHESTMODSEQ 715] Highest\r\n"
        b"* OK [MAILBOXID (F)] Ok\r\n"
    )
    assert select_end(b"A142", is_read_only=False) == b"A142 OK [READ-WRITE] Mailbox selected\r\n"


def test_rev2():
    session = Session()
    session.enable([b"IMAP4REV2"])
    opened = OpenedMailbox("ä", 0, 1, 1, attributes=("\\HasNoChildren",), first_unseen=1, permitted_flags=0)
    answer = select_data(opened, session)
    assert b"* OK [PERMANENTFLAGS ()]" in answer
    assert b'* LIST (\\HasNoChildren) "/" "\xc3\xa4"\r\n' in answer
    assert b"* OK [HIGHESTMODSEQ 1] Highest" in answer
    assert select_end(b"A", is_read_only=True) == b"A OK [READ-ONLY] Mailbox selected\r\n"
    assert b"RECENT" not in answer
    assert b"UNSEEN" not in answer


def test_a_mailbox_full_of_keywords_takes_no_more():
    opened = OpenedMailbox("x", 0, 1, 1, tuple(f"k{n}" for n in range(MAX_KEYWORDS)))
    assert b"\\*" not in select_data(opened, Session())
