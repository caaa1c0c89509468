"""The letters that one account's script wants sent, made ready for the queue: redirected, answered, notified, refused.

Not here: their text (`letters`), whether a once-only letter may go (`effects`). Sources: RFC 5228 §4.2, §10 (loops); RFC 5429 §2.1.2,
§2.2.1; RFC 5230; RFC 5436; RFC 8580. Invariants: nobody is sent a report about a letter that is not proved to be theirs (SECURITY 32);
nobody writes under an address that is not theirs (SECURITY 31); what is redirected goes in no circle; what leaves is sealed or signed.
"""

from postier.accounts.names import POSTMASTER
from postier.accounts.resolution import Local, LocalRecipient
from postier.mailbox.places import Place
from postier.mime import encoded_words
from postier.mime.address import Address
from postier.mime.header_lines import Correspondent
from postier.mime.headers import split_header, unfold
from postier.mime.index import index_message
from postier.mta.letter_id import letter_id_text, new_letter_id
from postier.mta.queue_rows import QueueMessage, QueueRecipient
from postier.mta.sieving import letters
from postier.mta.sieving.effects import Content, Filing, Notice, Once, Sending
from postier.mta.sieving.memory import DAY_US, HOUR_US, SECOND_US, Kind, digest_of
from postier.mta.sieving.origin import Office, Received
from postier.mta.sieving.resubmission import resubmitted
from postier.mta.sieving.running import answer_digest
from postier.mta.signing import seal, seal_again, sign
from postier.mta.trace_fields import hops, without_fields
from postier.sieve.actions import Copy, FileInto, Notify, Redirect, Reject, Vacation
from postier.sieve.ext.enotify import parse_mailto
from postier.store.blobs import draft

MAX_REDIRECT_HOPS = 50  # Received fields of a letter that is still redirected; half of what is received
_RETURN_PATH = frozenset({b"return-path"})

WhyNot = str


class Posting:
    """Makes the letters for one recipient; `remarks` has what the trace should tell beside them."""

    def __init__(self, office: Office, received: Received, recipient: LocalRecipient) -> None:
        self._office = office
        self._received = received
        self._recipient = recipient
        self.remarks: list[str] = []

    async def redirect(self, action: Redirect) -> Sending | WhyNot:
        """Send on, unless it would go in a circle."""
        raw = self._received.letter.raw() if action.content is None else action.content
        to = Address.parse(action.address)
        why_not = await self._circle(raw, to)
        if why_not is not None:
            return f"not redirected to {to}: {why_not}"
        if self._received.origin.is_stored:
            return await self._resubmit(raw, to)
        parameters = self._received.parameters
        content = await self._sealed(without_fields(_RETURN_PATH, raw))
        return self._sending(
            content,
            (to,),
            f"redirected to {to}",
            reverse_path=self._received.reverse_path,  # RFC 5228 §4.2; an empty one stays empty
            account_id=self._received.account_id,
            message_id=self._received.message_id,
            needs_utf8=parameters.smtputf8,
            requires_tls=parameters.requiretls,
            dsn=(action.notify or "", action.ret or ""),
        )

    async def _resubmit(self, raw: bytes, to: Address) -> Sending | WhyNot:
        """RFC 6785 §3.4: the owner sends it."""
        letter_id, _ = self._stamp()
        made = await resubmitted(self._office, self._recipient, self._received.account_id, raw, letter_id)
        if isinstance(made, str):
            return f"not redirected to {to}: {made}"
        is_ascii = made.content[: split_header(made.content).end].isascii()
        return self._sending(
            made.content,
            (to,),
            f"redirected to {to}",
            letter_id=letter_id,
            reverse_path=str(self._recipient.address),
            account_id=self._recipient.account_id,
            message_id=made.message_id,
            needs_utf8=not (to.is_ascii and self._recipient.address.is_ascii and is_ascii),
        )

    async def _circle(self, raw: bytes, to: Address) -> str | None:
        header = split_header(raw)
        if hops(header) > MAX_REDIRECT_HOPS:
            return f"it has passed more than {MAX_REDIRECT_HOPS} servers"
        own = str(self._recipient.address)
        if any(_text(value).strip("<> ").lower() == own for value in header.all(b"delivered-to")):
            return "it was redirected from here before"
        match await self._office.directory.resolve(to):
            case Local(recipients) if all(
                each.account_id == self._recipient.account_id for each in recipients
            ):
                return "it is the owner's own address"
            case _:
                return None

    async def _sealed(self, content: bytes) -> bytes:
        """RFC 9228 §4: marked with the address that it was delivered to; RFC 8617 §5.1: sealed if it is from elsewhere."""
        marked = b"Delivered-To: %s\r\n" % str(self._recipient.address).encode() + content
        found = self._received.origin.authentication
        office, domain, now_s = (
            self._office,
            self._recipient.address.domain,
            self._office.now_us() // SECOND_US,
        )
        if found is None:  # one of ours, or one that has lain in our queue
            sealed = await seal_again(
                office.directory, marked, domain, authserv_id=office.hostname, now_s=now_s
            )
            return sealed + marked
        return (
            await seal(
                office.directory,
                marked,
                domain,
                authserv_id=office.hostname,
                status=found.arc.result,
                results=found.methods,
                now_s=now_s,
            )
            + marked
        )

    async def answer(self, action: Vacation, *, is_answered: bool) -> Sending | WhyNot:
        """Answer the sender, once in the period."""
        to = Address.parse(action.recipient)
        if is_answered:
            return f"{to} was answered before"
        if self._received.origin.is_disowned:
            return "not answered: its sender's domain says that it is forged"
        author = await self._author(action.sender)
        letter_id, stamp = self._stamp()
        needs_utf8 = not (to.is_ascii and author.address.is_ascii)
        content = letters.answer(action, author, to, stamp, smtputf8=needs_utf8)
        period_us = action.period_s * SECOND_US
        return self._sending(
            await self._signed(content, author),
            (to,),
            f"answered {to}",
            letter_id=letter_id,
            message_id=f"<{stamp.message_id}>",
            needs_utf8=needs_utf8,
            once=Once(Kind.ANSWERED, answer_digest(action), period_us) if period_us else None,
            copy=action.fcc,
        )

    async def notify(self, action: Notify) -> Sending | WhyNot:
        """Send a notification by mail."""
        mailto = parse_mailto(action.method)
        if mailto is None:  # the script checked it
            return "not notified: no addresses"
        author = await self._author(action.sender)
        letter_id, stamp = self._stamp()
        people = tuple(Address.parse(each) for each in (*mailto.to, *mailto.cc))
        needs_utf8 = not (author.address.is_ascii and all(each.is_ascii for each in people))
        subject = split_header(self._received.letter.header()).first(b"subject")
        content = letters.notification(
            action,
            mailto,
            author,
            self._recipient.address,
            "" if subject is None else encoded_words.decode(unfold(subject)),
            stamp,
            smtputf8=needs_utf8,
        )
        return self._sending(
            await self._signed(content, author),
            people,
            f"notified {', '.join(map(str, people))}",
            letter_id=letter_id,
            message_id=f"<{stamp.message_id}>",
            needs_utf8=needs_utf8,
            # RFC 5436 §2.7: empty where the letter's is empty
            reverse_path=str(author.address) if self._received.reverse_path else "",
            once=Once(Kind.NOTIFIED, digest_of(stamp.id_text), HOUR_US),
            copy=action.fcc,
        )

    async def refusal(self, action: Reject) -> Sending | WhyNot:
        """The report that the letter is refused, if it reaches who sent it."""
        received = self._received
        if not received.origin.is_proved or not received.reverse_path:
            return "not refused, for its sender is not proved"  # RFC 5429 §2.1: forged, perhaps
        sender = Address.parse(received.reverse_path)
        letter_id, stamp = self._stamp()
        needs_utf8 = received.parameters.smtputf8
        original_id = received.letter.index.message_id
        raw = received.letter.raw()
        author = await self._postmaster()
        content = letters.refusal(
            action, author, self._recipient.address, sender, raw, original_id, stamp, smtputf8=needs_utf8
        )
        return self._sending(
            await self._signed(content, author),
            (sender,),
            f"refused, and {sender} told",
            letter_id=letter_id,
            message_id=f"<{stamp.message_id}>",
            needs_utf8=needs_utf8,
        )

    async def notice(self, subject: str, text: str, *subject_matter: str) -> Notice:
        """A letter into the owner's INBOX, once a day for each matter."""
        _, stamp = self._stamp()
        content = letters.notice(await self._postmaster(), self._recipient.address, subject, text, stamp)
        return Notice(content_of(content), Once(Kind.TOLD, digest_of(*subject_matter), DAY_US))

    async def _postmaster(self) -> Correspondent:
        """Who speaks for this server (RFC 3464 §2)."""
        domain = await self._office.directory.postmaster_domain() or self._office.hostname
        return Correspondent(Address(POSTMASTER, domain), "Mail Delivery System")

    async def _author(self, text: str | None) -> Correspondent:
        """Who a letter is from: the script's choice if it is an address of the account, else the account."""
        for given in letters.correspondents(text) if text else ():
            if await self._office.directory.may_send_as(self._recipient.account_id, given.address):
                return given
            self.remarks.append(f"{given.address} is no address of the account")
        return Correspondent(self._recipient.address)

    async def _signed(self, content: bytes, author: Correspondent) -> bytes:
        office = self._office
        signature = await sign(office.directory, content, author.address.domain, office.now_us() // SECOND_US)
        return signature + content

    def _stamp(self) -> tuple[int, letters.Stamp]:
        now_us = self._office.now_us()
        letter_id = new_letter_id(now_us, self._office.random_bits)
        return letter_id, letters.Stamp(letter_id_text(letter_id), self._office.hostname, now_us // SECOND_US)

    def _sending(
        self,
        content: bytes,
        to: tuple[Address, ...],
        what: str,
        *,
        message_id: str,
        letter_id: int | None = None,
        reverse_path: str = "",
        account_id: int | None = None,
        needs_utf8: bool = False,
        requires_tls: bool = False,
        dsn: tuple[str, str] = ("", ""),
        once: Once | None = None,
        copy: Copy | None = None,
    ) -> Sending:
        blob = draft(content)
        if letter_id is None:
            letter_id = new_letter_id(self._office.now_us(), self._office.random_bits)
        notify, ret = dsn
        message = QueueMessage(
            queue_id=letter_id,
            trace_id=letter_id_text(letter_id),
            account_id=account_id,
            reverse_path=reverse_path,
            blob_id=blob.blob_id,
            size_bytes=len(content),
            needs_8bit=not content.isascii(),
            needs_utf8=needs_utf8,
            requires_tls=requires_tls,
            dsn_ret=ret,
            message_id=message_id,
        )
        recipients = tuple(
            QueueRecipient(
                recipient_id=number, forward_path=str(each), destination=each.domain, dsn_notify=notify
            )
            for number, each in enumerate(to, 1)
        )
        kept = None if copy is None else Filing(place_of(copy), content_of(b"Return-Path: <>\r\n" + content))
        return Sending(message, recipients, blob, f"{what} as {message.trace_id}", once, kept)


def content_of(octets: bytes) -> Content:
    """A message of its own, ready to be filed."""
    return Content(index_message(octets), draft(octets))


def place_of(action: FileInto | Copy) -> Place:
    """The place that an action names."""
    return Place(action.mailbox, action.flags, action.creates, action.mailbox_id, action.special_use)


def _text(value: bytes) -> str:
    return unfold(value).decode("utf-8", "replace")
