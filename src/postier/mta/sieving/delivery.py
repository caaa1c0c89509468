"""A letter is taken with its recipients' scripts: run, decided, and stored in one transaction, or refused.

    every recipient without a script: stored at once
    all refuse, and nobody else gets it: refused, whoever brings it tells the sender (RFC 5429 §2.1.1)
    else: one transaction, which is begun again if it meets another worker's memory

Not here: what a script's actions come to (`decide`), rows (`acceptance`, `effects`). Invariants: letters for accounts without a script
cost one look each; a fault of ours keeps the letter.
"""

import re
from collections.abc import Collection, Sequence

import msgspec
import structlog

from postier.accounts.resolution import LocalRecipient
from postier.defence.verdict import Treatment
from postier.mailauth.names import is_within
from postier.mailauth.outcome import Outcome
from postier.mta.acceptance import Acceptance, accept, accept_filtered, record_refusal
from postier.mta.authenticate import Authentication
from postier.mta.letter_id import new_letter_id
from postier.mta.queue_rows import Job
from postier.mta.receipts import receipt
from postier.mta.requests import without_success
from postier.mta.sieving.decide import Decided, decide, default_of, kept
from postier.mta.sieving.effects import SeenMeanwhileError
from postier.mta.sieving.origin import Office, Origin, Received
from postier.mta.sieving.running import Case, run
from postier.mta.sieving.shelf import Shelf, Version
from postier.mta.sieving.world import Letter, Surroundings, spam_of
from postier.mta.tally import NO_TALLY, Tally
from postier.sieve.world import Envelope
from postier.smtp.parameters import RecipientParameters, notify_words
from postier.smtp.reason import FILTER_REFUSED, Reason
from postier.store.transaction import ConflictError, Store, StoreError

MAX_REASON_CHARACTERS = 4_000  # of a script's words in the dialogue
TRIES = 3  # runs of a letter's scripts that meet what other workers track at the same moment

_CONTROL = re.compile(r"[^\x20-\x7e\r\n]")

Taken = list[Job] | Reason


def origin_of(found: Authentication, reverse_path: str, host: str, ip: str) -> Origin:
    """The origin of a letter that another server brings."""
    domain = reverse_path.rpartition("@")[2]
    is_proved = found.spf.result is Outcome.PASS and found.spf.identity == "mailfrom"
    if domain and not is_proved:
        is_proved = any(
            each.result is Outcome.PASS
            and bool(each.domain)
            and (is_within(domain, each.domain) or is_within(each.domain, domain))
            for each in found.dkim
        )
    return Origin(
        remote_host=host,
        remote_ip=ip,
        is_proved=bool(domain) and is_proved,
        is_disowned=found.spf.result is Outcome.FAIL and not is_proved,
        may_refuse=True,
        authentication=found,
    )


class Sieving:
    """Takes letters; belongs to one event loop."""

    def __init__(self, store: Store, shelf: Shelf, office: Office, tally: Tally = NO_TALLY) -> None:
        self._store = store
        self._shelf = shelf
        self._office = office
        self._tally = tally

    async def take(self, acceptance: Acceptance, origin: Origin, lease_owner: str) -> Taken:
        """Store a letter, or say why not; the jobs are leased. Raises StoreError, ConflictError."""
        versions = await self._versions(acceptance.local)
        if not versions:
            confirmed = await self._receipt(acceptance, origin) if acceptance.asked else None
            return await accept(self._store, acceptance, lease_owner, confirmed)
        letter = Letter(acceptance.content)
        confirmed = None
        for attempt in range(1, TRIES + 1):
            decided = await self._decide(acceptance, letter, origin, versions)
            reason = _refusal(acceptance, origin, decided)
            if reason is not None:
                self._tell(["refused"] * len(decided))
                return await self._refuse(acceptance, reason)
            effects = tuple(each.effects for each in decided)
            if acceptance.asked:
                refusing = {each.effects.version.account_id for each in decided if each.reject is not None}
                confirmed = await self._receipt(acceptance, origin, refusing)
            try:
                jobs = await accept_filtered(
                    self._store,
                    acceptance,
                    effects,
                    letter.index,
                    lease_owner,
                    confirmed,
                    is_last_try=attempt == TRIES,
                )
            except SeenMeanwhileError:
                continue
            self._tell([each.result for each in decided])
            return jobs
        raise AssertionError("the last try meets nobody")

    async def _receipt(
        self, acceptance: Acceptance, origin: Origin, refusing: Collection[int] = ()
    ) -> Acceptance | None:
        """The report that it is delivered, for a sender that asked for it."""
        office = self._office
        return await receipt(
            acceptance,
            is_proved=origin.is_proved,
            refusing=refusing,
            directory=office.directory,
            hostname=office.hostname,
            letter_id=new_letter_id(office.now_us(), office.random_bits),
        )

    def _tell(self, results: Sequence[str]) -> None:
        for result in results:
            self._tally.filtered(result)

    async def _versions(self, local: Sequence[LocalRecipient]) -> dict[int, Version]:
        versions: dict[int, Version] = {}
        for recipient in local:
            choice = self._shelf.known(recipient.account_id) or await self._shelf.choice(recipient.account_id)
            if choice.delivery is not None:
                versions[recipient.account_id] = choice.delivery
        return versions

    async def _decide(
        self, acceptance: Acceptance, letter: Letter, origin: Origin, versions: dict[int, Version]
    ) -> list[Decided]:
        verdict = acceptance.verdict
        received = Received(
            letter,
            acceptance.reverse_path,
            acceptance.parameters,
            acceptance.account_id,
            acceptance.message_id,
            origin,
            verdict is not None and verdict.treatment is Treatment.JUNK,
        )
        decided = []
        for recipient in acceptance.local:
            version = versions.get(recipient.account_id)
            if version is None:
                continue
            case = Case(
                version,
                recipient.address,
                _envelope(acceptance, recipient),
                Surroundings(self._office.hostname, origin.remote_host, origin.remote_ip),
                spam_of(verdict),
                acceptance.received_at,
            )
            received = msgspec.structs.replace(received, asked=_asked(acceptance, recipient))
            try:
                ran = await run(self._store, self._shelf, received.letter, case)
                decided.append(await decide(self._office, received, recipient, case, ran))
            except (StoreError, ConflictError):
                raise
            except Exception:  # a bug of ours must not cost the letter
                structlog.get_logger().exception("filter-failed", account=str(recipient.address))
                self._tally.failed("filter")
                default = default_of(is_junk=received.is_junk)
                fault = kept(case, recipient, default, "a fault of the server: kept")
                decided.append(Decided(fault, result="failed"))
        return decided

    async def _refuse(self, acceptance: Acceptance, reason: Reason) -> Reason:
        """Keep the verdict and that it was refused; it is refused all the same if that can't be kept."""
        try:
            await self._store.write(record_refusal, acceptance, reason)
        except StoreError as error:
            structlog.get_logger().warning(
                "refusal-not-stored", letter=acceptance.letter_id_text, error=str(error)
            )
        return reason


def _refusal(acceptance: Acceptance, origin: Origin, decided: Sequence[Decided]) -> Reason | None:
    """Why the letter is refused as a whole; None if somebody takes it (RFC 5429 §2.1.1, §2.2)."""
    if not origin.may_refuse or acceptance.remote or len(decided) < len(acceptance.local):
        return None
    rejects = [each.reject for each in decided if each.reject is not None]
    if len(rejects) < len(decided) or not rejects:
        return None
    is_reportable = origin.is_proved and bool(acceptance.reverse_path)
    if is_reportable and any(not each.is_ereject and not each.reason.isascii() for each in rejects):
        return None  # RFC 5429 §2.2: the exact words, by an MDN
    told = [each.reason for each in rejects if each.reason.isascii() and each.reason.strip()]
    return (
        FILTER_REFUSED.with_text(_CONTROL.sub(" ", told[0][:MAX_REASON_CHARACTERS]))
        if told
        else FILTER_REFUSED
    )


def _envelope(acceptance: Acceptance, recipient: LocalRecipient) -> Envelope:
    address = recipient.address
    local = f"{address.local}+{recipient.detail}" if recipient.detail else address.local
    parameters = acceptance.parameters
    notify, orcpt, by = None, None, parameters.deliver_by
    if (asked := _asked(acceptance, recipient)) is not None:
        notify, orcpt = asked.notify, asked.orcpt
    return Envelope(
        acceptance.reverse_path,
        f"{local}@{address.domain}",
        notify=() if notify is None else notify_words(notify),
        orcpt=None if orcpt is None else f"{orcpt.address_type};{orcpt.address}",
        ret=None if parameters.ret is None else parameters.ret.value,
        envid=parameters.envid,
        by_s=None if by is None else by.seconds,
        by_mode="" if by is None else "R" if by.is_return else "N",
        by_is_traced=by is not None and by.is_traced,
    )


def _asked(acceptance: Acceptance, recipient: LocalRecipient) -> RecipientParameters | None:
    """What the sender asked for in naming this recipient."""
    for asked in acceptance.asked:
        if recipient.account_id in asked.account_ids:
            return without_success(asked.parameters) if asked.is_expanded else asked.parameters
    return None
