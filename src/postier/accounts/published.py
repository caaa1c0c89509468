"""Whether DNS says of a domain what it should.

Not here: what should be published (`publishing`). Invariant: a fact that DNS does not give now is told as such, not as
a missing record. SRV records are not asked for: only mail programs need them.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from postier.accounts.publishing import DnsRecord, Need
from postier.dns.resolver import Resolver
from postier.mailauth.questions import AddressQuestion, Answer, MxQuestion, Question, TxtQuestion


class Publication(StrEnum):
    """What DNS has in place of a record."""

    PUBLISHED = "published"
    OTHER = "other"  # one of the same kind that the owner may have meant so: SPF, DMARC, reports
    WRONG = "wrong"  # mail goes elsewhere, or signatures fail
    MISSING = "missing"
    PENDING = "pending"  # missing, but nothing depends on it yet: the record of a new key
    ENDED = "ended"  # of an old key, which nobody needs any more
    UNKNOWN = "unknown"  # no DNS server answered

    @property
    def is_fine(self) -> bool:
        """Whether nothing needs to be done."""
        return self not in {Publication.WRONG, Publication.MISSING, Publication.UNKNOWN}


class Checked(msgspec.Struct, frozen=True):
    """One record and what was found in its place."""

    name: str
    type: str
    state: Publication
    found: str


async def check_published(records: Sequence[DnsRecord], hostname: str, resolver: Resolver) -> list[Checked]:
    """Ask DNS for each record and for the host's own addresses."""
    addresses: list[Question] = [AddressQuestion(hostname, 4), AddressQuestion(hostname, 6)]
    asked = [record for record in records if record.type in {"MX", "TXT"}]
    answers = await resolver.query_all([*addresses, *map(_question, asked)])
    return [
        _addresses(hostname, answers[0], answers[1]),
        *(_checked(record, answer) for record, answer in zip(asked, answers[2:], strict=True)),
    ]


async def check_records(records: Sequence[DnsRecord], resolver: Resolver) -> list[Checked]:
    """Ask DNS for these records only, MX and TXT."""
    answers = await resolver.query_all([_question(record) for record in records])
    return [_checked(record, answer) for record, answer in zip(records, answers, strict=True)]


def _question(record: DnsRecord) -> Question:
    return MxQuestion(record.name) if record.type == "MX" else TxtQuestion(record.name)


def _addresses(hostname: str, four: Answer, six: Answer) -> Checked:
    found = ", ".join(sorted(map(str, (*four.records, *six.records))))
    if found:
        return Checked(hostname, "A/AAAA", Publication.PUBLISHED, found)
    state = Publication.UNKNOWN if four.is_error or six.is_error else Publication.MISSING
    return Checked(hostname, "A/AAAA", state, "")


def _checked(record: DnsRecord, answer: Answer) -> Checked:
    if answer.is_error:
        return Checked(record.name, record.type, Publication.UNKNOWN, answer.status.value)
    if record.type == "MX":
        return _mx(record, answer)
    kind = record.data.partition(";")[0].split(" ")[0]  # v=spf1, v=DKIM1, ...
    texts = [text.decode("utf-8", "replace") for text in answer.records]
    of_kind = [text for text in texts if text.lower().startswith(kind.lower())]
    found = " | ".join(of_kind)
    if record.need is Need.NO_LONGER:
        return Checked(record.name, "TXT", Publication.ENDED, found)
    if not of_kind:
        is_soon = record.need is Need.SOON
        return Checked(record.name, "TXT", Publication.PENDING if is_soon else Publication.MISSING, "")
    if len(of_kind) > 1:  # RFC 7208 §4.5, RFC 9989 §4.10: several are as bad as none
        return Checked(record.name, "TXT", Publication.WRONG, found)
    if _tags(of_kind[0]) == _tags(record.data):
        return Checked(record.name, "TXT", Publication.PUBLISHED, found)
    is_exact = kind in {"v=DKIM1", "v=STSv1"}  # signatures fail; senders keep the old policy
    state = Publication.WRONG if is_exact else Publication.OTHER
    return Checked(record.name, "TXT", state, found)


def _mx(record: DnsRecord, answer: Answer) -> Checked:
    wanted = record.data.split(" ")[1].rstrip(".").lower()
    exchanges = [mx.exchange.rstrip(".").lower() for mx in sorted(answer.records)]
    found = ", ".join(exchanges)
    if not exchanges:
        return Checked(record.name, "MX", Publication.MISSING, "")
    if exchanges == [wanted]:
        return Checked(record.name, "MX", Publication.PUBLISHED, found)
    return Checked(record.name, "MX", Publication.OTHER if wanted in exchanges else Publication.WRONG, found)


def _tags(text: str) -> list[str]:
    """The parts of a tag list or SPF record without the white space around them."""
    return [" ".join(part.split()) for part in text.split(";") if part.strip()]
