"""A stored message that a script at an IMAP event sends on: as if its owner submitted it (RFC 6785 §3.4, RFC 6409 §8).

Not here: whether it would go in a circle (`posting`). Invariants: the owner of a mailbox can put any message there, so nothing in it
proves where it comes from: what claims to be our own word is taken out and nothing is sealed (SECURITY 31); its author has no
address of our domains that is not the owner's, and that of who did it, for it leaves from here with the owner as its sender; it
is complete.
"""

import msgspec

from postier.accounts.resolution import LocalRecipient
from postier.mailauth.authentication_results import strip_ours
from postier.mailauth.bimi import strip_fields
from postier.mime.address import Address
from postier.mime.address_list import parse_address_list
from postier.mime.headers import HeaderSection, split_header
from postier.mime.normalise import normalise
from postier.mta.letter_id import letter_id_text
from postier.mta.missing_fields import missing_fields
from postier.mta.sieving.origin import Office
from postier.mta.signing import sign
from postier.mta.trace_fields import without_fields

# RFC 5322 §3.6.3, §3.6.6: blind copies are nobody else's business; RFC 5321 §4.4: Return-Path is the last server's
DROPPED_FIELDS = frozenset({b"bcc", b"resent-bcc", b"return-path"})


class Resubmitted(msgspec.Struct, frozen=True):
    """What is sent."""

    content: bytes
    message_id: str


async def resubmitted(
    office: Office, owner: LocalRecipient, actor_id: int | None, raw: bytes, letter_id: int
) -> Resubmitted | str:
    """The letter made ready, or why it may not be sent; `actor_id` is who caused it, with a right to the owner's mailbox."""
    content = strip_fields(strip_ours(normalise(raw), office.hostname))
    content = without_fields(DROPPED_FIELDS, content)
    header = split_header(content)
    authors = _authors(header)
    for author in authors or ():
        if await office.directory.is_ours(author.domain):
            for account_id in {owner.account_id, actor_id or owner.account_id}:
                if not await office.directory.may_send_as(account_id, author):
                    return f"{author} is an address of somebody else here"
    if authors is None:
        return "it does not name its author"
    now_s = office.now_us() // 1_000_000
    added, message_id = missing_fields(
        header,
        author=owner.address,
        id_text=letter_id_text(letter_id),
        hostname=office.hostname,
        now_s=now_s,
    )
    letter = added + content
    domain = authors[0].domain if authors else owner.address.domain
    is_ours = await office.directory.is_ours(domain)
    signature = await sign(office.directory, letter, domain, now_s) if is_ours else b""
    marked = b"Delivered-To: %s\r\n" % str(owner.address).encode()  # RFC 9228 §4: where it comes from
    return Resubmitted(marked + signature + letter, message_id)


def _authors(header: HeaderSection) -> list[Address] | None:
    """The addresses in From and Sender; None if they can't be told."""
    fields = [list(header.all(name)) for name in (b"from", b"sender")]
    if any(len(each) > 1 for each in fields):  # RFC 5322 §3.6
        return None
    found = []
    for values in fields:
        for value in values:
            mailboxes = parse_address_list(value).mailboxes
            addresses = [each.addr_spec() for each in mailboxes]
            if not addresses or None in addresses:
                return None
            found += [each for each in addresses if each is not None]
    return found
