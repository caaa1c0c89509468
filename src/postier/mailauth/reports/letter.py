"""The report in a letter or in a file.

Not here: whether its sender is believed, what becomes of it. Sources: RFC 9990 §3.5.2, RFC 8460 §5.3, RFC 5965 §2. The content
decides, not the media type or the file name, for reporters use application/octet-stream, text/plain and others.
Invariants: at most MAX_CANDIDATES parts are unpacked; any octets give a report or ReportError.
"""

from typing import TypeAlias

from postier.mailauth.reports.aggregate import AggregateReport
from postier.mailauth.reports.aggregate_reading import read_aggregate
from postier.mailauth.reports.failure import FailureReport, is_original, read_failure
from postier.mailauth.reports.fault import ReportError
from postier.mailauth.reports.packed import MAX_PACKED_OCTETS, unpacked
from postier.mailauth.reports.tls import TlsReport, read_tls
from postier.mime.decode import content_of
from postier.mime.part import Part
from postier.mime.structure import Limits, parse

MAX_CANDIDATES = 5  # parts of a letter that are unpacked
STRUCTURE = Limits(depth=8, parts=50)

Report: TypeAlias = AggregateReport | TlsReport | FailureReport

_PACKED = (b"\x1f\x8b", b"PK\x03\x04")
_BLANK = b" \t\r\n"
_MARK = b"\xef\xbb\xbf"
_FEEDBACK = "message/feedback-report"


def report_of(data: bytes) -> Report:
    """The report in a file: XML or JSON, plain or packed, or a letter with one. Raises ReportError."""
    if data.startswith(_PACKED) or _is_document(data):
        return _document(data)
    return report_in(data)


def report_in(content: bytes) -> Report:
    """The report in a letter. Raises ReportError: the reason of the last part that looked like one."""
    parts = [part for part in parse(content, STRUCTURE).walk() if not part.children or part.is_message]
    feedback = next((part for part in parts if part.media_type == _FEEDBACK), None)
    if feedback is not None:
        return read_failure(content_of(content, feedback), _original(content, parts))
    candidates = 0
    why = ReportError("the letter holds no report")
    for part in parts:
        if part.is_message or part.size > 2 * MAX_PACKED_OCTETS:  # base64 is a third longer
            continue
        data = content_of(content, part)
        if not (data.startswith(_PACKED) or _is_document(data)):
            continue
        candidates += 1
        if candidates > MAX_CANDIDATES:
            break
        try:
            return _document(data)
        except ReportError as error:
            why = error
    raise why


def _original(content: bytes, parts: list[Part]) -> bytes:
    for part in parts:
        if is_original(part.media_type):
            return content_of(content, part)
    return b""


def _is_document(data: bytes) -> bool:
    return data[:64].removeprefix(_MARK).lstrip(_BLANK).startswith((b"<?xml", b"<feedback", b"{"))


def _document(data: bytes) -> Report:
    plain = unpacked(data)
    if plain[:64].removeprefix(_MARK).lstrip(_BLANK).startswith(b"{"):
        return read_tls(plain)
    return read_aggregate(plain)
