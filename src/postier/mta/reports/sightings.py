"""What this worker saw and others may want to be told: counted in memory, folded into the store now and then.

Not here: the rows (`sighting_rows`). Sources: RFC 9990 §3.1.1, §3.1.3, §3.1.6. Invariants: nothing is counted while
sending reports is switched off; a count costs no I/O; memory is bounded (what is beyond MAX_HELD is not counted); what was
not folded yet is lost when the process is killed, which costs a report a few letters, never a letter; what was done and why is told as the verdict has it, never derived anew.
"""

from collections.abc import Callable

from postier.defence.dmarc_policy import PolicyDecision
from postier.defence.verdict import Treatment, Verdict
from postier.mailauth.dkim import DkimResult
from postier.mailauth.dmarc import DmarcResult, Policy
from postier.mailauth.names import canonical, is_within
from postier.mailauth.outcome import Outcome
from postier.mailauth.reports.aggregate import Handling, Seen, SignatureSeen, SpfSeen
from postier.mta.authenticate import Authentication
from postier.mta.reports.sighting_rows import Batch, DmarcKey, TlsKey, fold
from postier.store.transaction import Store

MAX_HELD = 20_000  # different sightings between two folds, of each kind
MAX_RECORD = 4_096  # characters of a DMARC record; whoever has a longer one gets no report
DAY_US = 86_400_000_000


class Sightings:
    """One worker's counts; belongs to its loop."""

    def __init__(self, store: Store, now_us: Callable[[], int]) -> None:
        self._store = store
        self._now_us = now_us
        self._dmarc: dict[DmarcKey, int] = {}
        self._tls: dict[TlsKey, int] = {}
        self._records: dict[tuple[str, int], str] = {}

    def letter(self, found: Authentication, verdict: Verdict, peer: str, reverse_path: str) -> None:
        """A letter was judged; counted if its author's domain asks for reports."""
        dmarc = found.dmarc
        record = dmarc.record
        if record is None or not record.rua or dmarc.result not in _COUNTED or len(record.text) > MAX_RECORD:
            return
        day = self._now_us() // DAY_US
        # SECURITY 47: whoever sends nothing but spam gets no report for it
        is_worth = dmarc.result is Outcome.PASS or verdict.treatment is Treatment.DELIVER
        key = DmarcKey(dmarc.domain, day, is_worth, seen_of(found, verdict, peer, reverse_path))
        if key in self._dmarc or len(self._dmarc) < MAX_HELD:
            self._dmarc[key] = self._dmarc.get(key, 0) + 1
            self._records[dmarc.domain, day] = record.text

    def session(self, key: TlsKey) -> None:
        """A TLS session with another server went well or failed."""
        if key in self._tls or len(self._tls) < MAX_HELD:
            self._tls[key] = self._tls.get(key, 0) + 1

    def today(self) -> int:
        """Days since 1970, UTC."""
        return self._now_us() // DAY_US

    async def fold(self) -> None:
        """Add the counts to the store's, if there are any. Raises StoreError; then they are kept for the next time."""
        if not self._dmarc and not self._tls:
            return
        batch = Batch(self._dmarc, self._records, self._tls)
        self._dmarc, self._records, self._tls = {}, {}, {}
        try:
            await self._store.write(fold, batch)
        except BaseException:
            self._take_back(batch)
            raise

    def _take_back(self, batch: Batch) -> None:
        """Count again what was not folded, as far as there is room: the store may be away for long."""
        for key, count in batch.dmarc.items():
            if key in self._dmarc or len(self._dmarc) < MAX_HELD:
                self._dmarc[key] = self._dmarc.get(key, 0) + count
                place = (key.policy_domain, key.day)
                self._records.setdefault(place, batch.records[place])
        for tls_key, count in batch.tls.items():
            if tls_key in self._tls or len(self._tls) < MAX_HELD:
                self._tls[tls_key] = self._tls.get(tls_key, 0) + count


_COUNTED = frozenset({Outcome.PASS, Outcome.FAIL, Outcome.TEMPERROR})


def seen_of(found: Authentication, verdict: Verdict, peer: str, reverse_path: str) -> Seen:
    """The record for one letter; its count is 0, so that letters that are alike are equal."""
    dmarc, spf = found.dmarc, found.spf
    domain = canonical(reverse_path.rpartition("@")[2]) or ""
    return Seen(
        peer,
        0,
        _handling(dmarc, verdict.policy),
        dmarc.aligned_dkim,
        dmarc.aligned_spf,
        dmarc.from_domain,
        domain,
        "",
        verdict.policy.overrides,
        _signatures(found.dkim, dmarc.from_domain),
        # RFC 9990 §3.1.1.13: only the MAIL FROM identity
        SpfSeen(canonical(spf.domain) or "", spf.result) if spf.is_mail_from and spf.domain else None,
    )


def _handling(dmarc: DmarcResult, policy: PolicyDecision) -> Handling:
    """What was done about DMARC; what our filters do for other reasons is nobody's business (RFC 9990 §8.3)."""
    if dmarc.result is Outcome.PASS:
        return Handling.NONE if dmarc.applied in {None, Policy.NONE} else Handling.PASS
    return Handling(policy.disposition.value)


def _signatures(results: tuple[DkimResult, ...], author: str) -> tuple[SignatureSeen, ...]:
    """In the order of RFC 9990 §3.1.3; there are at most MAX_SIGNATURES of `mailauth.dkim`."""

    def rank(result: DkimResult) -> tuple[bool, bool, bool]:
        return (
            result.result is not Outcome.PASS,
            result.domain != author,
            not (is_within(author, result.domain) or is_within(result.domain, author)),
        )

    named = [each for each in results if each.domain and each.selector]
    return tuple(
        SignatureSeen(domain, each.selector, each.result)
        for each in sorted(named, key=rank)
        if (domain := canonical(each.domain)) is not None
    )
