"""BIMI: the logo that the author's domain wants shown, once DMARC has proved the domain.

result = run(bimi.check(message, dmarc_result, dkim_results, now_s=..., roots=bimi.read_roots(pem)), resolver)
result.result, result.indicator, result.authority, result.trace

Beside questions to DNS the check asks `HttpsQuestion`; `questions.run` drives it with a resolver that answers both. `claim_of` and
`examine` are its two halves: DNS, then HTTPS.
"""

from postier.mailauth.bimi.assertion import (
    Assertion,
    Authority,
    BimiResult,
    Claim,
    HttpsQuestion,
    check_domain,
    claim_of_domain,
    examine,
)
from postier.mailauth.bimi.evidence import Evidence, read_roots, verify_evidence
from postier.mailauth.bimi.indicator import Indicator, read_indicator
from postier.mailauth.bimi.message import check, claim_of, header_fields, of_bimi, strip_fields
from postier.mailauth.bimi.record import (
    AssertionRecord,
    BimiError,
    HttpsUrl,
    parse_record,
    parse_selector,
    parse_url,
    record_name,
)

__all__ = [
    "Assertion",
    "AssertionRecord",
    "Authority",
    "BimiError",
    "BimiResult",
    "Claim",
    "Evidence",
    "HttpsQuestion",
    "HttpsUrl",
    "Indicator",
    "check",
    "check_domain",
    "claim_of",
    "claim_of_domain",
    "examine",
    "header_fields",
    "of_bimi",
    "parse_record",
    "parse_selector",
    "parse_url",
    "read_indicator",
    "read_roots",
    "record_name",
    "strip_fields",
    "verify_evidence",
]
