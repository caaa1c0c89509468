r"""What SELECT and EXAMINE answer.

Not here: opening the mailbox. Source: RFC 9051 §6.3.2, §6.3.3, appendix E items 9 to 12; RFC 3501 §6.3.1;
RFC 7162 §3.1.2.1; RFC 8474 §4.2; RFC 4467 §8. Invariant: HIGHESTMODSEQ is always told, whether the client has asked for it or not.
"""

from collections.abc import Iterable

import msgspec

from postier.imap.flags import FIRST_KEYWORD_BIT, MAX_KEYWORDS, SYSTEM_MASK, all_flags, flags_text
from postier.imap.mailbox_responses import exists_line, flags_line, list_line, recent_line
from postier.imap.responses import (
    READ_ONLY,
    READ_WRITE,
    URLMECH,
    highest_modseq,
    mailbox_id,
    permanent_flags,
    tagged_ok,
    uidnext,
    uidvalidity,
    unseen,
    untagged_ok,
)
from postier.imap.state import Session


class OpenedMailbox(msgspec.Struct, frozen=True):
    """The mailbox as it is at SELECT."""

    name: str
    exists: int
    uid_validity: int
    uid_next: int
    keywords: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()  # for LIST
    recent: int = 0
    first_unseen: int | None = None  # a sequence number; None: none, or not worked out
    highest_modseq: int = 1
    object_id: bytes = b"F"
    permitted_flags: int = -1  # what the rights let one change


def select_data(opened: OpenedMailbox, session: Session) -> bytes:
    """The untagged lines of a SELECT or EXAMINE that succeeds."""
    return b"".join(_untagged(opened, session))


def storable_flags(keywords: tuple[str, ...], permitted: int) -> tuple[bytes, bool]:
    """The flags of PERMANENTFLAGS, and whether new keywords may be stored (RFC 4314 §5.1.1)."""
    bits = SYSTEM_MASK | ((1 << len(keywords)) - 1) << FIRST_KEYWORD_BIT
    may_create = len(keywords) < MAX_KEYWORDS and bool(permitted >> FIRST_KEYWORD_BIT)
    return flags_text(bits & permitted, keywords), may_create


def select_end(tag: bytes, *, is_read_only: bool) -> bytes:
    """The tagged line, after what a resynchronisation tells."""
    return tagged_ok(tag, "Mailbox selected", READ_ONLY if is_read_only else READ_WRITE)


def url_mechanisms() -> bytes:
    """Which mechanisms GENURLAUTH knows; also told when a key was reset (RFC 4467 §8)."""
    return untagged_ok("URLs can be authorized", URLMECH)


def _untagged(opened: OpenedMailbox, session: Session) -> Iterable[bytes]:
    yield flags_line(all_flags(opened.keywords))
    flags, may_create = storable_flags(opened.keywords, opened.permitted_flags)
    yield untagged_ok("Flags that can be stored", permanent_flags(flags, may_create_keywords=may_create))
    yield url_mechanisms()
    yield exists_line(opened.exists)
    if session.sends_recent:
        yield recent_line(opened.recent)
        if opened.first_unseen is not None:
            yield untagged_ok("First unseen", unseen(opened.first_unseen))
    yield untagged_ok("UIDs are valid", uidvalidity(opened.uid_validity))
    yield untagged_ok("Next UID", uidnext(opened.uid_next))
    yield untagged_ok("Highest", highest_modseq(opened.highest_modseq))
    yield untagged_ok("Ok", mailbox_id(opened.object_id))
    if session.lists_on_select:
        yield list_line(opened.name, opened.attributes, utf8=session.utf8)
