"""Where a letter for an address goes: accounts here, addresses elsewhere, or nowhere.

Not here: remembering it (`directory`). Sources: RFC 5321 §3.9.1 (aliases), §4.5.1 (postmaster), RFC 5233 (address
extensions). Order in a domain: the exact account, the exact alias, the account or alias before a `+`, the catch-all,
postmaster's stand-in. Invariants: one query for each level of aliases (an account costs one); depth and count are bounded,
loops are cut (SECURITY 41); nobody is named twice.
"""

from collections.abc import Sequence
from enum import Enum

import msgspec

from postier.accounts.names import CATCH_ALL, POSTMASTER, canonical_address, split_extension
from postier.mime.address import Address
from postier.store.transaction import ReadTx

MAX_ALIAS_DEPTH = 10
MAX_ALIAS_TARGETS = 100


class LocalRecipient(msgspec.Struct, frozen=True):
    """An account that gets the letter, and the extension under which it was asked for ("" without one)."""

    account_id: int
    address: Address
    detail: str


class Local(msgspec.Struct, frozen=True):
    """The letter goes to accounts of this server only."""

    recipients: tuple[LocalRecipient, ...]


class Forward(msgspec.Struct, frozen=True):
    """The letter goes to addresses elsewhere, and to these accounts here."""

    targets: tuple[Address, ...]
    recipients: tuple[LocalRecipient, ...]


class Unknown(msgspec.Struct, frozen=True):
    """The domain is ours, the address is nobody's (5.1.1)."""


class NotOurDomain(msgspec.Struct, frozen=True):
    """Somebody else's mail (relaying)."""


class AliasProblem(Enum):
    """What is wrong with an alias that can't be expanded."""

    LOOP = "the alias leads to itself only"
    TOO_DEEP = f"aliases lead to aliases over {MAX_ALIAS_DEPTH} levels"
    TOO_MANY = f"the alias has over {MAX_ALIAS_TARGETS} targets"


class Unexpandable(msgspec.Struct, frozen=True):
    """The alias is misconfigured; nobody gets the letter until it is mended (4.2.4)."""

    problem: AliasProblem


Resolution = Local | Forward | Unknown | NotOurDomain | Unexpandable


class _Asked(msgspec.Struct, frozen=True):
    """An address on its way, as it was written, and its canonical exact and base local parts."""

    written: Address
    domain: str
    exact: str
    base: str
    detail: str

    @property
    def locals(self) -> tuple[str, ...]:
        return (self.exact,) if self.exact == self.base else (self.exact, self.base)


class _Found(msgspec.Struct):
    """What the tables say of the addresses of one level."""

    domains: set[str]
    accounts: dict[str, int]  # address: id
    aliases: dict[tuple[str, str], list[str]]  # domain, local: targets


def resolve(tx: ReadTx, address: Address, hostname: str = "") -> Resolution:
    """Where a letter for the address goes; `hostname` is the name under which bare `<Postmaster>` comes."""
    asked = _asked(address, "")
    found = _look_up(tx, (asked,))
    if asked.domain not in found.domains and not (asked.base == POSTMASTER and asked.domain == hostname):
        return NotOurDomain()
    if not _is_known(asked, found):
        return _postmaster(tx, asked) if asked.base == POSTMASTER else Unknown()
    return _expand(tx, asked, found)


def _expand(tx: ReadTx, first: _Asked, found: _Found) -> Resolution:
    level: Sequence[_Asked] = (first,)
    recipients: dict[int, LocalRecipient] = {}
    forwards: dict[Address, None] = {}
    seen: set[tuple[str, str]] = set()
    has_loop = False
    for depth in range(MAX_ALIAS_DEPTH + 1):
        following: dict[Address, _Asked] = {}
        for asked in level:
            if asked.domain not in found.domains:
                forwards.setdefault(asked.written)
                continue
            recipient = _account(asked, found)
            if isinstance(recipient, LocalRecipient):
                recipients.setdefault(recipient.account_id, recipient)
                continue
            if recipient is None:  # an alias may outlive one of its targets
                continue
            if recipient in seen:
                has_loop = True
                continue
            seen.add(recipient)
            for target in sorted(found.aliases[recipient]):  # one order on every engine
                next_asked = _target(target, asked, recipient)
                following.setdefault(next_asked.written, next_asked)
        if len(recipients) + len(forwards) + len(following) > MAX_ALIAS_TARGETS:
            return Unexpandable(AliasProblem.TOO_MANY)
        if not following:
            return _result(recipients, forwards, has_loop=has_loop)
        if depth < MAX_ALIAS_DEPTH:
            level = tuple(following.values())
            found = _look_up(tx, level)
    return Unexpandable(AliasProblem.TOO_DEEP)


def _result(
    recipients: dict[int, LocalRecipient], forwards: dict[Address, None], *, has_loop: bool
) -> Resolution:
    here = tuple(recipients.values())
    if forwards:
        return Forward(tuple(forwards), here)
    if here:
        return Local(here)
    return Unexpandable(AliasProblem.LOOP) if has_loop else Unknown()


def _asked(address: Address, inherited_detail: str) -> _Asked:
    exact = canonical_address(address).local
    base, detail = split_extension(address.local)
    if not detail and base == address.local:
        return _Asked(address, address.domain, exact, exact, inherited_detail)
    return _Asked(
        address, address.domain, exact, canonical_address(Address(base, address.domain)).local, detail
    )


def _target(text: str, asked: _Asked, alias: tuple[str, str]) -> _Asked:
    """A target of an alias; the extension under which the alias was asked for goes on to it."""
    detail = asked.detail if alias[1] == asked.base else ""
    return _asked(Address.parse(text), detail)


def _is_known(asked: _Asked, found: _Found) -> bool:
    return _account(asked, found) is not None


def _account(asked: _Asked, found: _Found) -> LocalRecipient | tuple[str, str] | None:
    """The account or the key of the alias that the address names, in the order of the module's docstring."""
    for local in asked.locals:
        address = Address(local, asked.domain)
        account_id = found.accounts.get(str(address))
        if account_id is not None:
            return LocalRecipient(account_id, address, asked.detail if local == asked.base else "")
        if (asked.domain, local) in found.aliases:
            return (asked.domain, local)
    return (asked.domain, CATCH_ALL) if (asked.domain, CATCH_ALL) in found.aliases else None


def _postmaster(tx: ReadTx, asked: _Asked) -> Resolution:
    """RFC 5321 §4.5.1: postmaster's mail is always taken; the first administrator gets it, or the first account."""
    row = tx.row("SELECT account_id, address FROM account ORDER BY is_admin DESC, account_id LIMIT 1")
    if row is None:
        return Unknown()
    return Local((LocalRecipient(row[0], Address.parse(row[1]), asked.detail),))


def _look_up(tx: ReadTx, level: Sequence[_Asked]) -> _Found:
    domains = sorted({asked.domain for asked in level})
    addresses = [str(Address(local, asked.domain)) for asked in level for local in asked.locals]
    by_domain: dict[str, list[str]] = {domain: [CATCH_ALL] for domain in domains}
    for asked in level:
        by_domain[asked.domain] += asked.locals
    aliases = " OR ".join(f"domain = ? AND local IN ({_marks(names)})" for names in by_domain.values())
    rows = tx.rows(
        f"SELECT 0, domain, '', '', 0 FROM domain WHERE domain IN ({_marks(domains)})"
        f" UNION ALL SELECT 1, address, '', '', account_id FROM account WHERE address IN ({_marks(addresses)})"
        f" UNION ALL SELECT 2, domain, local, target, 0 FROM alias WHERE {aliases}",
        *domains,
        *addresses,
        *(text for domain, names in by_domain.items() for text in (domain, *names)),
    )
    found = _Found(set(), {}, {})
    for kind, name, local, target, account_id in rows:
        if kind == 0:
            found.domains.add(name)
        elif kind == 1:
            found.accounts[name] = account_id
        else:
            found.aliases.setdefault((name, local), []).append(target)
    return found


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
