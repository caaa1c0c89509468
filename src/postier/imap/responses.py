"""Status responses and their response codes: OK, NO, BAD, BYE, PREAUTH, and the continuation request.

Not here: untagged data (`mailbox_responses`, `search_results`, `fetch`), quoting (`quoting`). Source: RFC
9051 §7.1, §7.6; RFC 5530; RFC 7888 §4 with RFC 4469 (TOOBIG); RFC 6154 (USEATTR). Invariant: every function
returns whole lines ended by CRLF, and no argument can add another line.
"""

import enum
from collections.abc import Iterable, Sequence

import msgspec

from postier.imap.quoting import astring, human_text, tag_string
from postier.imap.sets import uid_set_text


class Status(enum.Enum):
    """The conditions of RFC 9051 §7.1."""

    OK = b"OK"
    NO = b"NO"
    BAD = b"BAD"
    BYE = b"BYE"
    PREAUTH = b"PREAUTH"


class ResponseCode(msgspec.Struct, frozen=True):
    """The text between the brackets; made by this module's constants and functions only."""

    text: bytes


ALERT = ResponseCode(b"ALERT")
ALREADYEXISTS = ResponseCode(b"ALREADYEXISTS")
AUTHENTICATIONFAILED = ResponseCode(b"AUTHENTICATIONFAILED")
AUTHORIZATIONFAILED = ResponseCode(b"AUTHORIZATIONFAILED")
CANNOT = ResponseCode(b"CANNOT")
CLIENTBUG = ResponseCode(b"CLIENTBUG")
CLOSED = ResponseCode(b"CLOSED")
CONTACTADMIN = ResponseCode(b"CONTACTADMIN")
CORRUPTION = ResponseCode(b"CORRUPTION")
EXPIRED = ResponseCode(b"EXPIRED")
EXPUNGEISSUED = ResponseCode(b"EXPUNGEISSUED")
HASCHILDREN = ResponseCode(b"HASCHILDREN")
INUSE = ResponseCode(b"INUSE")
LIMIT = ResponseCode(b"LIMIT")
NONEXISTENT = ResponseCode(b"NONEXISTENT")
NOPERM = ResponseCode(b"NOPERM")
NOTSAVED = ResponseCode(b"NOTSAVED")
OVERQUOTA = ResponseCode(b"OVERQUOTA")
PARSE = ResponseCode(b"PARSE")
PRIVACYREQUIRED = ResponseCode(b"PRIVACYREQUIRED")
READ_ONLY = ResponseCode(b"READ-ONLY")
READ_WRITE = ResponseCode(b"READ-WRITE")
SERVERBUG = ResponseCode(b"SERVERBUG")
COMPRESSIONACTIVE = ResponseCode(b"COMPRESSIONACTIVE")
TOOFEW = ResponseCode(b"TOOFEW")
TOOMANY = ResponseCode(b"TOOMANY")
UIDREQUIRED = ResponseCode(b"UIDREQUIRED")
TOOBIG = ResponseCode(b"TOOBIG")
TRYCREATE = ResponseCode(b"TRYCREATE")
UIDNOTSTICKY = ResponseCode(b"UIDNOTSTICKY")
UNAVAILABLE = ResponseCode(b"UNAVAILABLE")
URLMECH = ResponseCode(b"URLMECH INTERNAL")  # RFC 4467 §8; the one mechanism has no data of its own
UNKNOWN_CTE = ResponseCode(b"UNKNOWN-CTE")
USEATTR = ResponseCode(b"USEATTR")


def uidvalidity(value: int) -> ResponseCode:
    """UIDVALIDITY of the mailbox being selected."""
    return ResponseCode(b"UIDVALIDITY %d" % value)


def uidnext(value: int) -> ResponseCode:
    """UIDNEXT of the mailbox being selected."""
    return ResponseCode(b"UIDNEXT %d" % value)


def unseen(seq: int) -> ResponseCode:
    """UNSEEN, the first unseen sequence number; IMAP4rev1 sessions only (RFC 9051 appendix E item 11)."""
    return ResponseCode(b"UNSEEN %d" % seq)


def highest_modseq(value: int) -> ResponseCode:
    """HIGHESTMODSEQ (RFC 7162 §3.1.2.1)."""
    return ResponseCode(b"HIGHESTMODSEQ %d" % value)


def mailbox_id(object_id: bytes) -> ResponseCode:
    """MAILBOXID of the mailbox that was made or is being selected (RFC 8474 §4.1, §4.2)."""
    return ResponseCode(b"MAILBOXID (%b)" % object_id)


def message_limit(limit: int, lowest_uid: int | None = None) -> ResponseCode:
    """MESSAGELIMIT: no command works on more messages; `lowest_uid` is the last that it worked on, or could have (RFC 9738 §3.1, §5)."""
    last = b"" if lowest_uid is None else b" %d" % lowest_uid
    return ResponseCode(b"MESSAGELIMIT %d%b" % (limit, last))


def downgraded(text: bytes) -> ResponseCode:
    """DOWNGRADED, the UIDs of messages that were shown without UTF-8, as a set (RFC 6858 §3)."""
    return ResponseCode(b"DOWNGRADED " + text)


def modified(text: bytes) -> ResponseCode:
    """MODIFIED, the messages that UNCHANGEDSINCE kept as they were, as a set (RFC 7162 §3.1.3)."""
    return ResponseCode(b"MODIFIED " + text)


def bad_url(url: str) -> ResponseCode:
    """BADURL, the URL that leads nowhere (RFC 4469 §4.1)."""
    shown = "".join(char for char in url if char.isascii() and char.isprintable() and char != "]")
    return ResponseCode(b"BADURL " + (shown or "?").encode("ascii"))


def no_update(tag: bytes) -> ResponseCode:
    """NOUPDATE: the result of that command is not kept up to date (RFC 5267 §4.3.1)."""
    return ResponseCode(b"NOUPDATE " + tag_string(tag))


def in_progress(tag: bytes, done: int | None, goal: int | None) -> ResponseCode:
    """INPROGRESS (RFC 9585 §4): how much of a command is done; a tag with "]" is not named, nor a goal that is reached."""
    name = b"NIL" if b"]" in tag else tag_string(tag)
    counted = b"NIL" if done is None else b"%d" % done
    aim = b"%d" % goal if goal is not None and done is not None and done < goal else b"NIL"
    return ResponseCode(b"INPROGRESS (%b %b %b)" % (name, counted, aim))


def permanent_flags(flags: bytes, *, may_create_keywords: bool) -> ResponseCode:
    r"""PERMANENTFLAGS; `flags` as from `flags.flags_text`; `\*` when new keywords may be stored."""
    star = b"\\*" if may_create_keywords else b""
    return ResponseCode(b"PERMANENTFLAGS (%b)" % b" ".join(filter(None, (flags, star))))


def append_uid(validity: int, uids: Sequence[int]) -> ResponseCode:
    """APPENDUID; one UID is never written as a range (RFC 9051 §7.1)."""
    return ResponseCode(b"APPENDUID %d %b" % (validity, uid_set_text(uids)))


def copy_uid(validity: int, source: Sequence[int], target: Sequence[int]) -> ResponseCode:
    """COPYUID; both sequences ascend and correspond item by item (RFC 9051 §7.1)."""
    assert len(source) == len(target)
    return ResponseCode(b"COPYUID %d %b %b" % (validity, uid_set_text(source), uid_set_text(target)))


def bad_charset(supported: Iterable[bytes]) -> ResponseCode:
    """BADCHARSET with the charsets that are supported (RFC 9051 §6.4.4, eid7323)."""
    return ResponseCode(b"BADCHARSET (%b)" % b" ".join(map(astring, supported)))


def capability(names: Iterable[bytes]) -> ResponseCode:
    """CAPABILITY, for the greeting and the tagged OK of a login."""
    return ResponseCode(b"CAPABILITY " + b" ".join(names))


def status_line(
    status: Status,
    text: str,
    *,
    tag: bytes | None = None,
    code: ResponseCode | None = None,
    utf8: bool = False,
) -> bytes:
    """One status response; untagged without `tag`. `utf8` only once the client enabled IMAP4rev2 or UTF8=ACCEPT."""
    words = human_text(text, utf8=utf8)
    if code is None:
        # a text that begins with '[' would read as a response code (RFC 9051 §9 resp-text)
        words = b"(%b" % words[1:] if words[:1] == b"[" else words
        return b"%b %b %b\r\n" % (tag or b"*", status.value, words)
    return b"%b %b [%b] %b\r\n" % (tag or b"*", status.value, code.text, words)


def tagged_ok(tag: bytes, text: str, code: ResponseCode | None = None) -> bytes:
    """The tagged OK that ends a command."""
    return status_line(Status.OK, text, tag=tag, code=code)


def tagged_no(tag: bytes, text: str, code: ResponseCode | None = None) -> bytes:
    """The tagged NO that ends a command."""
    return status_line(Status.NO, text, tag=tag, code=code)


def tagged_bad(tag: bytes, text: str, code: ResponseCode | None = None) -> bytes:
    """The tagged BAD that ends a command."""
    return status_line(Status.BAD, text, tag=tag, code=code)


def untagged_ok(text: str, code: ResponseCode | None = None) -> bytes:
    """An untagged OK, mostly the carrier of a code."""
    return status_line(Status.OK, text, code=code)


def bye(text: str, code: ResponseCode | None = None) -> bytes:
    """The untagged BYE before the server closes."""
    return status_line(Status.BYE, text, code=code)


def continuation(text: str = "OK") -> bytes:
    """The continuation request for a literal or for IDLE."""
    return b"+ %b\r\n" % human_text(text)


def sasl_challenge(base64_text: bytes) -> bytes:
    """The continuation request that carries a SASL challenge, already in base64 (RFC 9051 §6.2.2)."""
    return b"+ %b\r\n" % base64_text
