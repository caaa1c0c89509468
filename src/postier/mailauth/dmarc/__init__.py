"""DMARC (RFC 9989): is the domain in From proved, and what does its owner wish if not?

result = questions.run(dmarc.check(message, spf_result, dkim_results), resolver)
result.result, result.disposition, result.aligned_dkim, result.trace
"""

from postier.mailauth.dmarc.author import Author, author_of
from postier.mailauth.dmarc.check import DmarcResult, check, check_author
from postier.mailauth.dmarc.discovery import Explanation, explain
from postier.mailauth.dmarc.record import DmarcRecord, Policy, parse_record
from postier.mailauth.dmarc.walk import Walker, WalkError
from postier.mailauth.questions import run

__all__ = [
    "Author",
    "DmarcRecord",
    "DmarcResult",
    "Explanation",
    "Policy",
    "WalkError",
    "Walker",
    "author_of",
    "check",
    "check_author",
    "explain",
    "parse_record",
    "run",
]
