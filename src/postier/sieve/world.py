"""What a script may ask of the world around it, as values and Protocols that the caller fills.

Not here: the message (`message`). Source: the extension named at each. Everything has a default that answers "nothing
known", so an embedder gives what it has. Invariants: the answers are taken as they are; a Protocol may be asked the same
question again and must say the same; names, ids and values that are asked for are Unicode without NUL.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import msgspec

from postier.mime.dates import Moment
from postier.sieve.addresses import outbound_address

if TYPE_CHECKING:
    from postier.sieve.script import Script


class Envelope(msgspec.Struct, frozen=True):
    """The SMTP envelope: addresses as `local@domain`, the null reverse-path empty; None: there is none (RFC 6785)."""

    sender: str | None = ""
    recipient: str | None = ""
    notify: tuple[str, ...] = ()  # RFC 3461 §4.1, each in upper case
    orcpt: str | None = None  # RFC 3461 §4.2 with its type, xtext undone
    ret: str | None = None
    envid: str | None = None
    by_s: int | None = None  # RFC 2852 §4, what is left of it now
    by_mode: str = ""  # "N" or "R"
    by_is_traced: bool = False


class Mailboxes(Protocol):
    """The owner's mailboxes, names in UTF-8 as IMAP shows them."""

    def may_deliver(self, mailbox: str) -> bool:
        """Whether the mailbox exists and takes messages (RFC 5490 §3.1)."""

    def may_deliver_id(self, mailbox_id: str) -> bool:
        """The same for a MAILBOXID (RFC 9042 §6)."""

    def special_uses(self, mailbox: str | None) -> Sequence[str]:
        """The special uses of a mailbox, or of all that take messages (RFC 8579 §3)."""

    def annotation(self, mailbox: str | None, entry: str) -> str | None:
        """An annotation of a mailbox, or of the server (RFC 5490)."""


class Duplicates(Protocol):
    """The unique ids of earlier runs."""

    def was_seen(self, handle: str, unique_id: str) -> bool:
        """Whether an earlier run tracked it and its time has not passed (RFC 7352 §3)."""


class Lists(Protocol):
    """Lists outside the script, by absolute URI (RFC 6134 §2.5)."""

    def is_known(self, uri: str) -> bool:
        """Whether there is such a list."""

    def find(self, uri: str, values: Sequence[str]) -> str | None:
        """The member of the list that one of the values is, the first that is one; or None."""

    def addresses(self, uri: str, most: int) -> Sequence[str] | None:
        """The addresses that are its members, `most` and one more at most; None: they can't be told (§2.3)."""


class Scripts(Protocol):
    """The scripts that `include` finds."""

    def find(self, name: str, *, is_global: bool) -> "Script | None":
        """A compiled script; raises ScriptError when it is broken (RFC 6609 §3.2)."""


class Mailbox(msgspec.Struct, frozen=True):
    """One mailbox of a `MailboxList`."""

    name: str
    mailbox_id: str = ""
    special_uses: tuple[str, ...] = ()
    annotations: Mapping[str, str] = MappingProxyType({})
    is_writable: bool = True


def _plain(mailbox: str) -> str:
    return "INBOX" if mailbox.upper() == "INBOX" else mailbox


class MailboxList:
    """Mailboxes in memory. INBOX is always there."""

    def __init__(
        self,
        mailboxes: Sequence[Mailbox | str] = (),
        server_annotations: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        given = [Mailbox(each) if isinstance(each, str) else each for each in mailboxes]
        self._by_name = {_plain(each.name): each for each in [Mailbox("INBOX"), *given]}
        self._server = {entry.lower(): value for entry, value in server_annotations.items()}

    def may_deliver(self, mailbox: str) -> bool:
        """Whether it is there and writable."""
        found = self._by_name.get(_plain(mailbox))
        return found is not None and found.is_writable

    def may_deliver_id(self, mailbox_id: str) -> bool:
        """Whether one with this MAILBOXID is there and writable."""
        return any(each.mailbox_id == mailbox_id and each.is_writable for each in self._by_name.values())

    def special_uses(self, mailbox: str | None) -> Sequence[str]:
        """Those of one, or of all that are writable."""
        wanted = self._by_name.values() if mailbox is None else [self._by_name.get(_plain(mailbox))]
        return [use for each in wanted if each is not None and each.is_writable for use in each.special_uses]

    def annotation(self, mailbox: str | None, entry: str) -> str | None:
        """RFC 5464 §3: entry names do not depend on case."""
        if mailbox is None:
            return self._server.get(entry.lower())
        found = self._by_name.get(_plain(mailbox))
        if found is None:
            return None
        return next(
            (value for name, value in found.annotations.items() if name.lower() == entry.lower()), None
        )


class SeenIds:
    """Unique ids in memory: those that a caller remembered."""

    def __init__(self, seen: Sequence[tuple[str, str]] = ()) -> None:
        self._seen = set(seen)

    def was_seen(self, handle: str, unique_id: str) -> bool:
        """Whether it was remembered."""
        return (handle, unique_id) in self._seen


class MemberLists:
    """Lists in memory: members by URI, compared without case."""

    def __init__(self, members: Mapping[str, Sequence[str]] = MappingProxyType({})) -> None:
        self._members = {uri: {each.lower(): each for each in listed} for uri, listed in members.items()}

    def is_known(self, uri: str) -> bool:
        """Whether the list was given."""
        return uri in self._members

    def find(self, uri: str, values: Sequence[str]) -> str | None:
        """The member as it was given."""
        members = self._members.get(uri, {})
        return next((members[value.lower()] for value in values if value.lower() in members), None)

    def addresses(self, uri: str, most: int) -> Sequence[str] | None:
        """The members, if all of them are addresses."""
        found = [outbound_address(each) for each in self._members.get(uri, {}).values()]
        return None if None in found else [each for each in found if each is not None][: most + 1]


class ScriptShelf:
    """Compiled scripts in memory."""

    def __init__(
        self,
        personal: Mapping[str, "Script"] = MappingProxyType({}),
        everybodys: Mapping[str, "Script"] = MappingProxyType({}),
    ) -> None:
        self._personal = personal
        self._global = everybodys

    def find(self, name: str, *, is_global: bool) -> "Script | None":
        """The script of that name."""
        return (self._global if is_global else self._personal).get(name)


class Verdict(msgspec.Struct, frozen=True):
    """What the judgement said, for RFC 5235: None where nothing was tested."""

    spam_percent: int | None = None  # 0 to 100
    virus: int | None = None  # 1 to 5, as RFC 5235 §3.3 numbers them
    detail: str = ""


class World(msgspec.Struct, frozen=True, kw_only=True):
    """Everything around one run.

    `now` is one moment for the whole run, in the owner's zone (RFC 5260 §5). `own_addresses` are the owner's
    (RFC 5230 §4.5), the first the usual one. `environment` holds items of RFC 5183 §4.1 and RFC 6785 §4.
    """

    now: Moment = Moment(0)
    own_addresses: tuple[str, ...] = ()
    environment: Mapping[str, str] = MappingProxyType({})
    mailboxes: Mailboxes = MailboxList()
    duplicates: Duplicates = SeenIds()
    lists: Lists = MemberLists()
    scripts: Scripts = ScriptShelf()
    verdict: Verdict = Verdict()
    detail_separator: str = "+"  # RFC 5233 §4
    flags: tuple[str, ...] = ()  # the internal variable at the start (RFC 6785 §3.8)
    notify_schemes: frozenset[str] = frozenset({"mailto"})
    is_imap_event: bool = False  # RFC 6785: nothing is being delivered


EMPTY_WORLD = World()
