"""The DNS Tree Walk: which names above a domain publish DMARC, and which of them is its organisation.

Source: RFC 9989 §4.10, §4.10.2. Invariants: at most `MAX_QUERIES` questions a walk; one `Walker` asks each name once.
"""

import msgspec

from postier.mailauth.dmarc.record import DmarcRecord, parse_record
from postier.mailauth.names import canonical, printable
from postier.mailauth.questions import Asking, TxtQuestion

MAX_QUERIES = 8  # RFC 9989 §4.10
MAX_SHOWN = 500  # characters of a record in a trace


class Found(msgspec.Struct, frozen=True):
    """A record and the domain it stands at."""

    domain: str
    record: DmarcRecord


class WalkError(Exception):
    """A question of the walk has no answer now; nothing can be said about the domain."""


class Walker:
    """Walks for one message, with a memory; `trace` tells what was found at each name."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self._records: dict[str, DmarcRecord | None] = {}

    def record_at(self, domain: str) -> Asking[DmarcRecord | None]:
        """The one DMARC record of a domain; several are none (§4.10 step 2). Raises WalkError."""
        if domain not in self._records:
            name = canonical(f"_dmarc.{domain}")
            if name is None:
                self._records[domain] = None
                return None
            answer = yield TxtQuestion(name)
            if answer.is_error:
                raise WalkError(f"the DMARC record of {domain} cannot be looked up ({answer.status.value})")
            records = [record for text in answer.records if (record := parse_record(text)) is not None]
            self._records[domain] = records[0] if len(records) == 1 else None
            self.trace.append(f"{name} {_in_words(records)}")
        return self._records[domain]

    def walk(self, domain: str) -> Asking[tuple[Found, ...]]:
        """The records from `domain` upwards, longest name first, up to the first psd=y or psd=n."""
        found: list[Found] = []
        for name in path(domain):
            record = yield from self.record_at(name)
            if record is not None:
                found.append(Found(name, record))
                if record.psd != "u":
                    break
        return tuple(found)

    def organisation(self, domain: str) -> Asking[str]:
        """The Organizational Domain of a domain (RFC 9989 §4.10.2)."""
        return organisation_of(domain, (yield from self.walk(domain)))


def _in_words(records: list[DmarcRecord]) -> str:
    if len(records) == 1:
        return f"publishes {printable(records[0].text, MAX_SHOWN)}"
    return "publishes no DMARC record" if not records else f"publishes {len(records)} records, so none counts"


def path(domain: str) -> list[str]:
    """The names that a walk asks about: the domain, then its parents, at most eight in all (§4.10 steps 3 to 7)."""
    labels = domain.split(".")
    rest = labels[1:] if len(labels) < MAX_QUERIES else labels[-(MAX_QUERIES - 1) :]
    return [domain, *(".".join(rest[index:]) for index in range(len(rest)))]


def organisation_of(domain: str, found: tuple[Found, ...]) -> str:
    """The Organizational Domain that these records, found in a walk from `domain`, determine."""
    for place in found:
        if place.record.psd == "n":  # §4.10.2 step 1
            return place.domain
        if place.record.psd == "y" and place.domain != domain:  # §4.10.2 step 2: one label below
            below = domain.removesuffix("." + place.domain).rpartition(".")[2]
            return f"{below}.{place.domain}"
    return found[-1].domain if found else domain  # §4.10.2 step 3
