"""BIMI of one message: what it asks for, and the fields that tell the reader's client.

Not here: adding them (`mta`). Source: draft-brand-indicators-for-message-identification-10 §5, §7.1, §7.7 to §7.11. Invariants: a
BIMI-Selector that no aligned, passing DKIM signature covers is passed over (§5.5); the fields for the client are made only for a
pass, and those that came from outside are removed whatever the result (§7.8); every line is below 998 octets.
"""

import base64
import re
from collections.abc import Sequence

from cryptography import x509

from postier.mailauth.authentication_results.field import MethodResult, Property
from postier.mailauth.bimi.assertion import (
    Assertion,
    Authority,
    BimiAsking,
    BimiResult,
    Claim,
    claim_of_domain,
    examine,
    skipped,
)
from postier.mailauth.bimi.record import DEFAULT_SELECTOR, parse_selector_field
from postier.mailauth.dkim.result import DkimResult
from postier.mailauth.dmarc.author import author_of
from postier.mailauth.dmarc.check import DmarcResult
from postier.mailauth.letter import Letter
from postier.mailauth.names import is_within
from postier.mailauth.outcome import Outcome
from postier.mime.scan import Bytes

HASH_LENGTH = 16  # §7.7: the last 8 characters at least

_OURS = (b"bimi-location", b"bimi-indicator", b"bimi-logo-preference")
_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_LOCAL_PART = re.compile(rb"([0-9A-Za-z!#$%&'*+/=?^_`{|}~.-]+)@")
_LINE = 72  # characters of base64 in a line


def check(
    message: Bytes | Letter,
    dmarc: DmarcResult,
    dkim: Sequence[DkimResult],
    *,
    now_s: int,
    roots: Sequence[x509.Certificate] = (),
) -> BimiAsking[BimiResult]:
    """The logo for a message whose DMARC and DKIM results are known."""
    claim = yield from claim_of(message, dmarc, dkim)
    if isinstance(claim, BimiResult):
        return claim
    return (yield from examine(claim, now_s=now_s, roots=roots))


def claim_of(
    message: Bytes | Letter, dmarc: DmarcResult, dkim: Sequence[DkimResult]
) -> BimiAsking[Claim | BimiResult]:
    """The first half of the check, which asks DNS only: a claim to `examine`, or the result where that is all."""
    letter = Letter.parse(message)
    author = author_of(letter.fields)
    if author.problem or not author.domains:  # §7.1 step 1
        return skipped(author.problem)
    if dmarc.result is not Outcome.PASS:  # §7.1 step 6
        return skipped(f"DMARC gives {dmarc.result}")
    domain = author.domains[0]
    return (
        yield from claim_of_domain(
            domain, selector=selector_of(letter, dmarc, dkim), local_part=_local_part(letter)
        )
    )


def selector_of(letter: Letter, dmarc: DmarcResult, dkim: Sequence[DkimResult]) -> str:
    """The selector that the message asks for, if a signature of the author's organisation covers it (§5.5)."""
    fields = letter.named(b"bimi-selector")
    if len(fields) != 1:
        return DEFAULT_SELECTOR
    organisation = dmarc.organisation or dmarc.from_domain
    is_signed = any(
        result.result is Outcome.PASS
        and "bimi-selector" in result.signed
        and is_within(result.domain, organisation)
        for result in dkim
    )
    return (parse_selector_field(fields[0].value) if is_signed else None) or DEFAULT_SELECTOR


def _local_part(letter: Letter) -> str:
    """The local part of the one author, as far as it could be a selector."""
    found = _LOCAL_PART.findall(letter.named(b"from")[0].value)
    return found[-1].decode("ascii") if found else ""


def of_bimi(result: BimiResult) -> MethodResult:
    """The entry of Authentication-Results (§7.7)."""
    values = [("header", "d", result.domain), ("header", "selector", result.selector)]
    record = result.record
    if record is not None and record.evidence is not None and result.authority is not Authority.NONE:
        values.append(("policy", "authority", result.authority))
        values.append(("policy", "authority-uri", record.evidence.text))
    if result.indicator is not None:
        values.append(("policy", "indicator-hash", result.indicator.sha256[-HASH_LENGTH:]))
    if result.result is Assertion.PASS and record is not None and record.avatar:
        values.append(("policy", "logo-preference", record.avatar))
    properties = tuple(Property(ptype, name, value) for ptype, name, value in values if value)
    return MethodResult("bimi", result.result, "", properties, result.problem)


def header_fields(result: BimiResult) -> bytes:
    """BIMI-Location, BIMI-Indicator and BIMI-Logo-Preference for the client, CRLF at the end; b"" unless it passed."""
    record, indicator = result.record, result.indicator
    if result.result is not Assertion.PASS or record is None or indicator is None:
        return b""
    lines = ["BIMI-Location: v=BIMI1;"]
    if record.location is not None:
        lines.append(f" l={record.location.text};")
    if record.evidence is not None and result.authority is Authority.PASS:  # §5.2: if it was verified
        lines.append(f" a={record.evidence.text};")
    lines.append("BIMI-Indicator:")
    encoded = base64.b64encode(indicator.document).decode()
    lines += [f" {encoded[start : start + _LINE]}" for start in range(0, len(encoded), _LINE)]
    if record.avatar:
        lines.append(f"BIMI-Logo-Preference: avp={record.avatar};")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def strip_fields(header: bytes) -> bytes:
    """The header block (or whole message) without the fields that only the receiver's own server may write (§7.8)."""
    end = header.find(b"\r\n\r\n")
    block, rest = (header, b"") if end < 0 else (header[:end], header[end:])
    if b"bimi-" not in block.lower():
        return header
    fields = _FIELD_END.split(block)
    kept = [field for field in fields if field.partition(b":")[0].strip(b" \t").lower() not in _OURS]
    if len(kept) == len(fields):
        return header
    if not kept and rest:
        return rest[2:]
    return b"\r\n".join(kept) + rest
