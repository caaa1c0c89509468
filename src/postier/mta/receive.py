"""The inbound way: a visit by another server, from connect to 250. Source: DESIGN §5.

connect > HELO > MAIL > RCPT (directory, quota) > DATA (spool) > authenticate > judge > file, one transaction > 250.

Not here: the dialogue (`smtp.session`), connections (`servers.smtp`), letters of our own users (`submit`). Invariants:
every refusal that can be made is made in the dialogue; what was acknowledged is stored for good; nothing is relayed, and what is
judged junk is not passed on by aliases either.
"""

import ipaddress

from postier.accounts.resolution import Forward, Local, NotOurDomain, Unexpandable, Unknown
from postier.defence.verdict import Evidence, Treatment, Verdict, judge
from postier.mailauth.outcome import Outcome
from postier.mime.address import Address
from postier.mime.headers import split_header
from postier.mta.acceptance import Acceptance
from postier.mta.authenticate import Authentication, authenticate
from postier.mta.letter_id import letter_id_text
from postier.mta.passing_on import may_leave, with_way_out
from postier.mta.reports.arrivals import submitter_of
from postier.mta.sieving.delivery import origin_of
from postier.mta.signing import seal
from postier.mta.trace_fields import MAX_HOPS, hops, received_field, return_path_field
from postier.mta.trace_rows import record_verdict
from postier.mta.visit import Intake, Transaction, Visitor, message_id_of
from postier.smtp import reason as why
from postier.smtp.parameters import MailParameters, RecipientParameters
from postier.smtp.reason import Reason
from postier.smtp.replies import Reply
from postier.store.transaction import StoreError


class Reception(Visitor):
    """A visit by another server."""

    def __init__(self, intake: Intake) -> None:
        super().__init__(intake)
        self._is_exempt = False

    async def connected(self, ip: str, port: int) -> Reason | None:
        """See `servers.smtp.Visit`."""
        exempt_networks = self._intake.exempt_networks
        if exempt_networks:
            address = ipaddress.ip_address(ip)
            self._is_exempt = any(address in network for network in exempt_networks)
        return await super().connected(ip, port)

    async def sender(self, reverse_path: Address | None, parameters: MailParameters) -> Reason | None:
        """Open a transaction."""
        self._transaction = Transaction(reverse_path, parameters)
        return None

    async def recipient(self, forward_path: Address, parameters: RecipientParameters) -> Reason | None:
        """Take those that are ours and have room; refuse all others here."""
        transaction = self._transaction
        assert transaction is not None
        directory = self._intake.directory
        match await directory.resolve(forward_path):
            case Local(recipients):
                forwards: tuple[Address, ...] = ()
            case Forward(targets, recipients):
                forwards = targets
                transaction.forwarder = transaction.forwarder or forward_path.domain
            case NotOurDomain():
                return why.RELAY_DENIED.with_text(f"{forward_path.domain} is not served here")
            case Unknown():
                return why.UNKNOWN_USER.with_text(f"There is no {forward_path} here")
            case Unexpandable(problem):
                self._log.warning("alias-not-expanded", address=str(forward_path), problem=problem.value)
                return why.MAILBOX_UNAVAILABLE
        for recipient in recipients:
            if not await directory.has_room(recipient.account_id, transaction.parameters.size_bytes or 0):
                return why.MAILBOX_FULL
        transaction.name(forward_path, parameters, recipients, forwards)
        if not recipients:
            transaction.leads_elsewhere = True
        return None

    async def letter(self) -> Reply | Reason:
        """Authenticate, judge, file."""
        transaction = self._transaction
        assert transaction is not None
        content = self._content()
        if isinstance(content, Reason):
            return content
        header = split_header(content)
        if not header.entries and not content.startswith(
            b"\r\n"
        ):  # its first line would go on or end our last field
            content = b"\r\n" + content
            header = split_header(content)
        if hops(header) > MAX_HOPS:
            return self._refuse(why.TOO_MANY_HOPS)
        if sum(1 for _ in header.all(b"from")) > 1:  # SECURITY 34: readers differ in which one they show
            return self._refuse(why.MULTIPLE_FROM)
        intake = self._intake
        found = await authenticate(
            content,
            self.peer,
            transaction.reverse_path,
            hostname=intake.hostname,
            now_s=intake.now_us() // 1_000_000,
            resolver=intake.resolver,
            looks_up_name=not self._is_exempt,
            logos=intake.logos,
        )
        if found.iprev is not None and found.iprev.result is Outcome.PASS:
            self.peer.hostname = found.iprev.name
        is_list_mail = header.first(b"list-id") is not None
        evidence = Evidence(found.spf, found.dkim, found.dmarc, is_list_mail, found.arc)
        verdict = with_way_out(
            judge(evidence, intake.trusted_sealers), leads_elsewhere=transaction.leads_elsewhere
        )
        intake.tally.judged(verdict.disposition.value)
        message_id = message_id_of(header)
        id_text, answer = await self._under_new_id(
            lambda letter_id: self._file(transaction, letter_id, found, verdict, message_id)
        )
        if intake.sightings is not None and answer.code // 100 != 4:  # else it comes again
            intake.sightings.letter(found, verdict, self.peer.ip, transaction.reverse_path)
        self._log.info(
            "letter-received",
            letter=id_text,
            sender=transaction.reverse_path,
            recipients=len(transaction.named),
            size=len(content),
            spf=found.spf.result.value,
            arc=found.arc.result.value,
            dmarc=found.dmarc.result.value,
            disposition=verdict.disposition.value,
            reply=answer.code,
        )
        return answer

    async def _file(
        self,
        transaction: Transaction,
        letter_id: int,
        found: Authentication,
        verdict: Verdict,
        message_id: str,
    ) -> Reply | Reason:
        if verdict.treatment is Treatment.REFUSE:
            assert verdict.refusal is not None
            await self._remember(letter_id, transaction, message_id, verdict)
            return verdict.refusal
        now_us = self._intake.now_us()
        only = str(transaction.named[0]) if len(transaction.named) == 1 else None
        received = received_field(
            self.peer,
            hostname=self._intake.hostname,
            letter_id=letter_id_text(letter_id),
            recipient=only,
            is_utf8=transaction.parameters.smtputf8,
            is_lmtp=False,
            now_s=now_us // 1_000_000,
        )
        forwards = tuple(transaction.forwards)
        leaves = may_leave(verdict)
        origin = origin_of(found, transaction.reverse_path, self.peer.hostname, self.peer.ip)
        on_top = return_path_field(transaction.reverse_path) + found.field + found.logo_fields + received
        return await self._store(
            Acceptance(
                letter_id=letter_id,
                peer=self.peer.ip,
                reverse_path=transaction.reverse_path,
                parameters=transaction.parameters,
                content=b"".join((on_top, found.content)),
                relayed_content=await self._relayed(transaction, found, received)
                if forwards and leaves
                else b"",
                local=tuple(transaction.locals.values()),
                remote=forwards if leaves else (),
                withheld=() if leaves else forwards,
                message_id=message_id,
                verdict=verdict,
                report_from=submitter_of(transaction.named, found, verdict),
                received_at=now_us,
                asked=tuple(transaction.asked),
                remote_parameters=transaction.forwards,
                is_restrained=not origin.is_proved,
            ),
            origin,
        )

    async def _relayed(self, transaction: Transaction, found: Authentication, received: bytes) -> bytes:
        """What is passed on to addresses elsewhere: the letter with our results, sealed (RFC 8617 §5.1)."""
        intake = self._intake
        sealed = await seal(
            intake.directory,
            found.content,
            transaction.forwarder,
            authserv_id=intake.hostname,
            status=found.arc.result,
            results=found.methods,
            now_s=intake.now_us() // 1_000_000,
        )
        return b"".join((sealed, found.field, received, found.content))

    async def _remember(
        self, letter_id: int, transaction: Transaction, message_id: str, verdict: Verdict
    ) -> None:
        """Keep the verdict on a letter that is not kept itself."""
        id_text = letter_id_text(letter_id)
        try:
            await self._intake.store.write(
                record_verdict, id_text, self.peer.ip, transaction.reverse_path, message_id, verdict
            )
        except StoreError as error:  # it is refused all the same
            self._log.error("verdict-not-stored", letter=id_text, error=str(error))

    def _refuse(self, reason: Reason) -> Reason:
        self.refused(reason, b"")
        return reason
