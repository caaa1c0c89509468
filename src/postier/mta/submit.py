"""The outgoing way begins: a visit by one of our own users. Source: DESIGN §6, RFC 6409.

Not here: sending on (`deliver`). Invariants: nobody writes under an address that is not theirs (SECURITY 31: envelope,
From, Sender); what leaves is canonical, complete (From, Date, Message-ID) and signed; local recipients have it when 250 is said.
"""

from postier.accounts.resolution import Forward, Local, NotOurDomain, Unexpandable, Unknown
from postier.mailauth.authentication_results import build, of_auth, strip_ours
from postier.mailauth.bimi import strip_fields
from postier.mime.address import Address
from postier.mime.address_list import parse_address_list
from postier.mime.headers import HeaderSection, split_header
from postier.mime.normalise import normalise
from postier.mta.acceptance import Acceptance
from postier.mta.letter_id import letter_id_text
from postier.mta.missing_fields import missing_fields
from postier.mta.sieving.origin import Origin
from postier.mta.sieving.resubmission import DROPPED_FIELDS
from postier.mta.signing import sign
from postier.mta.trace_fields import MAX_HOPS, hops, received_field, return_path_field, without_fields
from postier.mta.visit import Transaction, Visitor
from postier.smtp import reason as why
from postier.smtp.parameters import MailParameters, RecipientParameters
from postier.smtp.reason import Reason
from postier.smtp.replies import Reply


class Submission(Visitor):
    """A visit by a user, after login."""

    async def sender(self, reverse_path: Address | None, parameters: MailParameters) -> Reason | None:
        """Only an address of the account; the null reverse-path is for reports, which users may send (RFC 3461 §6.1)."""
        if reverse_path is not None and not await self._owns(reverse_path):
            return why.SENDER_NOT_OWNED.with_text(f"{self.peer.login} may not send as {reverse_path}")
        self._transaction = Transaction(reverse_path, parameters)
        return None

    async def recipient(self, forward_path: Address, parameters: RecipientParameters) -> Reason | None:
        """Anybody, but the unknown and the full at home are told at once."""
        transaction = self._transaction
        assert transaction is not None
        match await self._intake.directory.resolve(forward_path):
            case NotOurDomain():
                transaction.forwards.setdefault(forward_path, parameters)
                return None
            case Local() | Forward() as resolution:
                return await self._take_local(forward_path, resolution, parameters)
            case Unknown():
                return why.UNKNOWN_USER.with_text(f"There is no {forward_path} here")
            case Unexpandable(problem):
                self._log.warning("alias-not-expanded", address=str(forward_path), problem=problem.value)
                return why.MAILBOX_UNAVAILABLE

    async def letter(self) -> Reply | Reason:
        """Complete, sign, store."""
        transaction = self._transaction
        assert transaction is not None
        assert self._login is not None
        content = self._content()
        if isinstance(content, Reason):
            return content
        # RFC 8601 §5: nor do users speak in our name
        content = strip_fields(strip_ours(normalise(content), self._intake.hostname))
        content = without_fields(DROPPED_FIELDS, content)
        header = split_header(content)
        if hops(header) > MAX_HOPS:
            return why.TOO_MANY_HOPS
        problem = await self._author_problem(header)
        if problem is not None:
            return problem
        id_text, answer = await self._under_new_id(
            lambda letter_id: self._send(transaction, letter_id, content, header)
        )
        self._log.info(
            "letter-submitted",
            letter=id_text,
            login=self.peer.login,
            recipients=len(transaction.named) + len(transaction.forwards),
            size=len(content),
            reply=answer.code,
        )
        return answer

    async def _send(
        self, transaction: Transaction, letter_id: int, content: bytes, header: HeaderSection
    ) -> Reply | Reason:
        intake = self._intake
        now_us = intake.now_us()
        now_s = now_us // 1_000_000
        id_text = letter_id_text(letter_id)
        assert self._login is not None
        added, message_id = missing_fields(
            header, author=self._login.address, id_text=id_text, hostname=intake.hostname, now_s=now_s
        )
        letter = added + content
        domain = self._author_domain(header)
        signature = await sign(intake.directory, letter, domain, now_s)
        if not signature:
            intake.tally.unsigned(domain)
        received = received_field(
            self.peer,
            hostname=intake.hostname,
            letter_id=id_text,
            recipient=None,
            is_utf8=transaction.parameters.smtputf8,
            is_lmtp=False,
            now_s=now_s,
        )
        signed = b"".join((received, signature, letter))
        results = build(intake.hostname, [of_auth(self.peer.login)])
        return await self._store(
            Acceptance(
                letter_id=letter_id,
                peer=self.peer.ip,
                account_id=self.peer.account_id,
                reverse_path=transaction.reverse_path,
                parameters=transaction.parameters,
                content=b"".join((return_path_field(transaction.reverse_path), results, signed)),
                relayed_content=signed if transaction.forwards else b"",
                local=tuple(transaction.locals.values()),
                remote=tuple(transaction.forwards),
                message_id=message_id,
                unsigned_domain="" if signature else domain,
                received_at=now_us,
            ),
            Origin(remote_ip=self.peer.ip, is_proved=True, may_refuse=True),
        )

    async def _take_local(
        self, forward_path: Address, resolution: Local | Forward, parameters: RecipientParameters
    ) -> Reason | None:
        transaction = self._transaction
        assert transaction is not None
        for recipient in resolution.recipients:
            if not await self._intake.directory.has_room(
                recipient.account_id, transaction.parameters.size_bytes or 0
            ):
                return why.MAILBOX_FULL
        transaction.named.append(forward_path)
        for recipient in resolution.recipients:
            transaction.locals.setdefault(recipient.account_id, recipient)
        if isinstance(resolution, Forward):
            for target in resolution.targets:
                transaction.forwards.setdefault(target, parameters)
        return None

    async def _author_problem(self, header: HeaderSection) -> Reason | None:
        authors, senders = list(header.all(b"from")), list(header.all(b"sender"))
        if len(authors) > 1:
            return why.MULTIPLE_FROM
        if len(senders) > 1:  # RFC 5322 §3.6
            return why.MALFORMED_MESSAGE.with_text("Message has more than one Sender field")
        # RFC 6409 §8.1: the address in Sender is one that we vouch for, as readers show it ("on behalf of")
        for name, value in [
            *(("From", value) for value in authors),
            *(("Sender", value) for value in senders),
        ]:
            mailboxes = parse_address_list(value).mailboxes
            if not mailboxes:
                return why.MALFORMED_MESSAGE.with_text(f"The {name} field names no address")
            for mailbox in mailboxes:
                author = mailbox.addr_spec()
                if author is None or not await self._owns(author):
                    return why.SENDER_NOT_OWNED.with_text(
                        f"{self.peer.login} may not write as {mailbox.address}"
                    )
        return None

    async def _owns(self, address: Address) -> bool:
        assert self._login is not None
        return await self._intake.directory.may_send_as(self._login.account_id, address)

    def _author_domain(self, header: HeaderSection) -> str:
        assert self._login is not None
        value = header.first(b"from")
        mailboxes = parse_address_list(value).mailboxes if value is not None else ()
        author = mailboxes[0].addr_spec() if mailboxes else None
        return author.domain if author is not None else self._login.address.domain
