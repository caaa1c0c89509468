"""The letters that one account's script wants sent, made ready for the queue: redirected, answered, notified, refused.

Not here: their text (`letters`), whether a once-only letter may go (`effects`). Sources: RFC 5228 §4.2, §10 (loops); RFC 5429 §2.1.2,
§2.2.1; RFC 5230; RFC 5436; RFC 8580. Invariants: nobody is sent a report about a letter that is not proved to be theirs (SECURITY 32);
nobody writes under an address that is not theirs (SECURITY 31); what is redirected goes in no circle; what leaves is sealed or signed.
"""

import msgspec

from postier.accounts.names import POSTMASTER
from postier.accounts.resolution import Local, LocalRecipient
from postier.mailbox.places import Place
from postier.mime import encoded_words
from postier.mime.address import Address
from postier.mime.header_lines import Correspondent
from postier.mime.headers import split_header, unfold
from postier.mime.index import index_message
from postier.mta.bounce import MAX_RETURNED_OCTETS
from postier.mta.letter_id import letter_id_text, new_letter_id
from postier.mta.queue_rows import QueueMessage, QueueRecipient
from postier.mta.requests import (
    envid_column,
    is_wanted,
    recipient_columns,
    restrained_mail,
    ret_column,
    without_success,
)
from postier.mta.sieving import letters
from postier.mta.sieving.effects import Content, Filing, Notice, Once, Sending
from postier.mta.sieving.memory import DAY_US, HOUR_US, SECOND_US, Kind, digest_of
from postier.mta.sieving.origin import Office, Received
from postier.mta.sieving.resubmission import resubmitted
from postier.mta.sieving.running import answer_digest
from postier.mta.signing import seal, seal_again, sign
from postier.mta.trace_fields import hops, without_fields
from postier.sieve.actions import Copy, DeliverBy, FileInto, Notify, Redirect, Reject, Vacation
from postier.sieve.ext.enotify import parse_mailto
from postier.smtp.parameters import MAX_BY_SECONDS, NO_RECIPIENT_PARAMETERS, Return
from postier.smtp.parameters import Notify as Notification
from postier.store.blobs import draft

MAX_REDIRECT_HOPS = 50  # Received fields of a letter that is still redirected; half of what is received
_RETURN_PATH = frozenset({b"return-path"})

WhyNot = str


class _Wishes(msgspec.Struct, frozen=True):
    """Who is told what becomes of a letter, and what, as the queue's rows have it."""

    reverse_path: str
    account_id: int | None = None
    notify: str = ""
    orcpt: str = ""
    ret: str = ""
    envid: str = ""
    deliver_by: int = 0
    by_mode: str = ""


class Posting:
    """Makes the letters for one recipient; `remarks` has what the trace should tell beside them."""

    def __init__(self, office: Office, received: Received, recipient: LocalRecipient) -> None:
        self._office = office
        self._received = received
        self._recipient = recipient
        self.remarks: list[str] = []

    async def redirect(self, action: Redirect) -> Sending | WhyNot:
        """Send on, unless it would go in a circle; with a list to all on it but those with whom it would (RFC 6134 §2.3)."""
        raw = self._received.letter.raw() if action.content is None else action.content
        named = [Address.parse(each) for each in (action.members if action.is_list else (action.address,))]
        people = named if self._circle(raw) is None else []
        to = tuple([each for each in people if not await self._is_own(each)])
        what = action.address if action.is_list else str(named[0])
        if not to:
            why_not = self._circle(raw) or (
                "it is the owner's own address" if named else "nobody is on the list"
            )
            return f"not redirected to {what}: {why_not}"
        if self._received.origin.is_stored:
            return await self._resubmit(raw, to, what)
        received = self._received
        parameters = received.parameters
        content = await self._sealed(without_fields(_RETURN_PATH, raw))
        return self._sending(
            content,
            to,
            f"redirected to {what}",
            message_id=received.message_id,
            needs_utf8=parameters.smtputf8,
            requires_tls=parameters.requiretls,
            wishes=self._wishes(action),
        )

    async def _resubmit(self, raw: bytes, to: tuple[Address, ...], what: str) -> Sending | WhyNot:
        """RFC 6785 §3.4: the owner sends it."""
        letter_id, _ = self._stamp()
        made = await resubmitted(self._office, self._recipient, self._received.account_id, raw, letter_id)
        if isinstance(made, str):
            return f"not redirected to {what}: {made}"
        is_ascii = made.content[: split_header(made.content).end].isascii()
        return self._sending(
            made.content,
            to,
            f"redirected to {what}",
            letter_id=letter_id,
            message_id=made.message_id,
            needs_utf8=not (
                all(each.is_ascii for each in to) and self._recipient.address.is_ascii and is_ascii
            ),
            wishes=_Wishes(str(self._recipient.address), self._recipient.account_id),
        )

    def _wishes(self, action: Redirect) -> _Wishes:
        """Who is told what becomes of a redirected letter: its sender, or the owner if the script says what is to be told."""
        received = self._received
        by = action.deliver_by
        is_owners = not (action.notify is None and action.ret is None and by is None)
        deliver_by, by_mode = (0, "") if by is None else self._time(by)
        if not received.reverse_path or not is_owners:
            # RFC 3461 §5.2.7.3 (c): the delivery here is what is confirmed; RFC 2852 §1: and what had a time
            parameters = received.parameters
            if not received.origin.is_proved:
                parameters = restrained_mail(parameters)
            notify, orcpt = recipient_columns(without_success(received.asked or NO_RECIPIENT_PARAMETERS))
            if action.notify == "NEVER":  # RFC 3461 §6.1: the only NOTIFY of what may be a report itself
                notify = action.notify
            return _Wishes(
                received.reverse_path,  # RFC 5228 §4.2; an empty one stays empty
                received.account_id,
                notify,
                orcpt,
                ret_column(parameters),
                envid_column(parameters),
                deliver_by,
                by_mode,
            )
        # RFC 6009 §6.1, §7.1; RFC 3461 §5.2.7.1 (b): nothing of the sender's requests goes on
        recipient = self._recipient
        return _Wishes(
            str(recipient.address),
            recipient.account_id,
            action.notify or "",
            "",
            action.ret or "",
            "",
            deliver_by,
            by_mode,
        )

    def _time(self, by: DeliverBy) -> tuple[int, str]:
        """The deliver-by-time that a script asks for (RFC 6009 §7)."""
        if by.absolute_s is not None:
            at_us = by.absolute_s * SECOND_US
        else:
            at_us = self._office.now_us() + min(by.relative_s or 0, MAX_BY_SECONDS) * SECOND_US
        return at_us, ("N" if by.mode == "notify" else "R") + "T" * by.is_traced

    def _circle(self, raw: bytes) -> str | None:
        header = split_header(raw)
        if hops(header) > MAX_REDIRECT_HOPS:
            return f"it has passed more than {MAX_REDIRECT_HOPS} servers"
        own = str(self._recipient.address)
        if any(_text(value).strip("<> ").lower() == own for value in header.all(b"delivered-to")):
            return "it was redirected from here before"
        return None

    async def _is_own(self, to: Address) -> bool:
        match await self._office.directory.resolve(to):
            case Local(recipients):
                return all(each.account_id == self._recipient.account_id for each in recipients)
            case _:
                return False

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
        asked = received.asked or NO_RECIPIENT_PARAMETERS
        if action.is_ereject and not is_wanted(asked.notify, Notification.FAILURE):
            return "not refused, for its sender does not want to be told"  # RFC 3461 §5.2.6 (b)
        if not received.origin.is_proved or not received.reverse_path:
            return "not refused, for its sender is not proved"  # RFC 5429 §2.1: forged, perhaps
        sender = Address.parse(received.reverse_path)
        letter_id, stamp = self._stamp()
        needs_utf8 = received.parameters.smtputf8
        original_id = received.letter.index.message_id
        raw = received.letter.raw()
        author = await self._postmaster()
        content = letters.refusal(
            action,
            author,
            self._recipient.address,
            sender,
            raw,
            original_id,
            stamp,
            smtputf8=needs_utf8,
            orcpt=recipient_columns(asked)[1] or None,
            envid=envid_column(received.parameters) or None,
            returns_full=received.parameters.ret is Return.FULL and len(raw) <= MAX_RETURNED_OCTETS,
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
        needs_utf8: bool = False,
        requires_tls: bool = False,
        wishes: _Wishes | None = None,
        once: Once | None = None,
        copy: Copy | None = None,
    ) -> Sending:
        blob = draft(content)
        if letter_id is None:
            letter_id = new_letter_id(self._office.now_us(), self._office.random_bits)
        wishes = wishes or _Wishes(reverse_path)
        message = QueueMessage(
            queue_id=letter_id,
            trace_id=letter_id_text(letter_id),
            account_id=wishes.account_id,
            reverse_path=wishes.reverse_path,
            blob_id=blob.blob_id,
            size_bytes=len(content),
            needs_8bit=not content.isascii(),
            needs_utf8=needs_utf8,
            requires_tls=requires_tls,
            dsn_envid=wishes.envid,
            dsn_ret=wishes.ret,
            message_id=message_id,
            deliver_by=wishes.deliver_by,
            by_mode=wishes.by_mode,
        )
        recipients = tuple(
            QueueRecipient(
                recipient_id=number,
                forward_path=str(each),
                destination=each.domain,
                dsn_notify=wishes.notify,
                dsn_orcpt=wishes.orcpt,
            )
            for number, each in enumerate(to, 1)
        )
        kept = None if copy is None else Filing(place_of(copy), content_of(b"Return-Path: <>\r\n" + content))
        return Sending(message, recipients, blob, f"{what} as {message.trace_id}", once, kept)


def not_yet_sent(action: Redirect, redirected: set[str]) -> Redirect | None:
    """What of a redirect was not sent to before, which is noted; None if all of it was (RFC 5228 §2.10.3)."""
    wanted = action.members if action.is_list else (action.address,)
    new = tuple(each for each in wanted if each not in redirected)
    if wanted and not new:
        return None
    redirected.update(new)
    return msgspec.structs.replace(action, members=new) if action.is_list else action


def content_of(octets: bytes) -> Content:
    """A message of its own, ready to be filed."""
    return Content(index_message(octets), draft(octets))


def place_of(action: FileInto | Copy) -> Place:
    """The place that an action names."""
    return Place(action.mailbox, action.flags, action.creates, action.mailbox_id, action.special_use)


def _text(value: bytes) -> str:
    return unfold(value).decode("utf-8", "replace")
