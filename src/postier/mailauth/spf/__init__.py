"""SPF (RFC 7208): may this client send with this identity?

result = questions.run(spf.check(ip, sender, helo), resolver)
result.result, result.mechanism, result.explanation, result.trace
"""

from postier.mailauth.questions import run
from postier.mailauth.spf.check import check, check_helo
from postier.mailauth.spf.received import in_words, received_spf
from postier.mailauth.spf.record import Record, RecordError, parse_record
from postier.mailauth.spf.result import Limits, SpfResult

__all__ = [
    "Limits",
    "Record",
    "RecordError",
    "SpfResult",
    "check",
    "check_helo",
    "in_words",
    "parse_record",
    "received_spf",
    "run",
]
