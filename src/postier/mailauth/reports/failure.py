"""DMARC failure reports: what a receiver tells about one letter that failed.

Not here: writing them; Postier sends none, for the sake of its users' privacy (RFC 9991 §7). Sources: RFC 5965 §3, RFC 6591 §3,
RFC 9991 §4. Invariants: of the reported letter only its Message-ID and author's domain are taken, never text or subject;
values are bounded.
"""

import ipaddress

import msgspec

from postier.mailauth.dmarc.author import author_of
from postier.mailauth.letter import Letter
from postier.mailauth.names import canonical
from postier.mailauth.reports.fault import ReportError, kept
from postier.mime.headers import HeaderSection, split_header

MAX_INCIDENTS = 10**9
_ORIGINAL_TYPES = ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers")


class FailureReport(msgspec.Struct, frozen=True):
    """One report. `failure` is what failed (`dmarc`, `dkim`, `spf`, ...), `unaligned` the methods that proved nothing."""

    domain: str
    failure: str
    source_ip: str = ""
    unaligned: tuple[str, ...] = ()
    delivery_result: str = ""
    dkim_domain: str = ""
    dkim_selector: str = ""
    envelope_from: str = ""  # the domain only
    header_from: str = ""
    message_id: str = ""
    reporter: str = ""
    incidents: int = 1


def is_original(media_type: str) -> bool:
    """Whether a part of this type holds the reported letter or its header."""
    return media_type in _ORIGINAL_TYPES


def read_failure(feedback: bytes, original: bytes) -> FailureReport:
    """The report in a message/feedback-report part and the letter beside it (b"" without). Raises ReportError."""
    fields = split_header(feedback.lstrip(b"\r\n"))
    if _text(fields, b"feedback-type").lower() != "auth-failure":  # RFC 6591 §3.1
        raise ReportError("the report is about no failed authentication")
    letter = split_header(original)
    author = author_of(Letter.parse(original[: letter.end]).fields)
    header_from = author.domains[0] if author.domains else ""
    # RFC 6591 §3.2.2 wants Reported-Domain; without it the author's domain is the one that asked
    domain = canonical(_text(fields, b"reported-domain").rpartition("@")[2]) or header_from
    if not domain:
        raise ReportError("the report is about no domain")
    return FailureReport(
        domain,
        _word(fields, b"auth-failure"),
        _source_ip(_text(fields, b"source-ip")),
        _unaligned(_text(fields, b"identity-alignment")),
        _word(fields, b"delivery-result"),
        canonical(_text(fields, b"dkim-domain")) or "",
        kept(_text(fields, b"dkim-selector"), 253),
        canonical(_text(fields, b"original-mail-from").strip("<>").rpartition("@")[2]) or "",
        header_from,
        kept((letter.first(b"message-id") or b"").decode("utf-8", "replace"), 255),
        kept(_text(fields, b"reporting-mta").rpartition(";")[2].strip(), 255),
        _incidents(_text(fields, b"incidents")),
    )


def _text(fields: HeaderSection, key: bytes) -> str:
    return (fields.first(key) or b"").decode("utf-8", "replace").strip()


def _word(fields: HeaderSection, key: bytes) -> str:
    return kept(_text(fields, key).partition(" ")[0], 40).lower()


def _unaligned(text: str) -> tuple[str, ...]:
    """RFC 9991 §4: a list of `dkim` and `spf`, or `none`."""
    words = {word.strip().lower() for word in text.split(",")}
    return tuple(sorted(words & {"dkim", "spf"}))


def _source_ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _incidents(text: str) -> int:
    """RFC 5965 §3.2; 1 when it is not told."""
    is_count = text.isascii() and text.isdigit() and len(text) < 12
    return min(max(int(text), 1), MAX_INCIDENTS) if is_count else 1
