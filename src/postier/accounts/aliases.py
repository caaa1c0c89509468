"""Aliases: addresses without a mailbox that stand for others, here or elsewhere.

Not here: following them (`resolution`). Source: RFC 5321 §3.9.1. Invariants: an alias is stored under its canonical
local part, `*` for what nobody else in the domain has; its targets are addresses as `str(Address)` writes them, those
of this server in canonical form, so that a removed account is found among them; no account has the address too.
"""

import msgspec

from postier.accounts.accounts import account_id_of
from postier.accounts.domain_rows import DIRECTORY_TOPIC, has_domain, hold_domain
from postier.accounts.names import CATCH_ALL, canonical_address, is_name
from postier.accounts.refusals import ExistsError, InvalidError, NotFoundError
from postier.accounts.resolution import (
    MAX_ALIAS_TARGETS,
    Unexpandable,
    Unknown,
    resolve,
)
from postier.mime.address import Address
from postier.store.transaction import ReadTx, WriteTx


class Alias(msgspec.Struct, frozen=True):
    """An alias with all its targets."""

    address: Address
    targets: tuple[Address, ...]


def add_alias(tx: WriteTx, address: Address, targets: tuple[Address, ...]) -> None:
    """Make an alias, or give it more targets.

    Raises NotFoundError without its domain or for a target of ours that does not exist, ExistsError if an account has
    the address, InvalidError if it would lead to itself only, too deep, or to too many.
    """
    name = canonical_address(address)
    if name.local != CATCH_ALL and not is_name(name.local):
        raise InvalidError(f"{address} can't be an alias")
    if not targets:
        raise InvalidError(f"alias {name} needs a target")
    hold_domain(tx, name.domain)
    if account_id_of(tx, name) is not None:
        raise ExistsError(f"{name} is an account")
    for target in targets:
        _add_target(tx, name, target)
    resolution = resolve(tx, name)
    if isinstance(resolution, Unexpandable):
        raise InvalidError(f"alias {name}: {resolution.problem.value}")
    tx.wake(DIRECTORY_TOPIC)


def list_aliases(tx: ReadTx, domain: str | None = None) -> list[Alias]:
    """All aliases, or those of a domain, by domain and local part."""
    where, params = ("", ()) if domain is None else (" WHERE domain = ?", (domain,))
    found: dict[Address, list[Address]] = {}
    for alias_domain, local, target in tx.rows(
        f"SELECT domain, local, target FROM alias{where} ORDER BY domain, local, target",
        *params,
    ):
        found.setdefault(Address(local, alias_domain), []).append(Address.parse(target))
    return [Alias(address, tuple(targets)) for address, targets in found.items()]


def aliases_of(tx: ReadTx, address: Address) -> list[Address]:
    """The aliases that name this account's address as a target themselves, not by way of others."""
    name = canonical_address(address)
    return [
        Address(local, domain)
        for domain, local in tx.rows(
            "SELECT domain, local FROM alias WHERE target = ? ORDER BY domain, local", str(name)
        )
    ]


def remove_alias(tx: WriteTx, address: Address, targets: tuple[Address, ...] = ()) -> None:
    """Remove the alias, or only these targets of it. Raises NotFoundError."""
    name = canonical_address(address)
    if not targets and not tx.run(
        "DELETE FROM alias WHERE domain = ? AND local = ?", name.domain, name.local
    ):
        raise NotFoundError(f"there is no alias {name}")
    for target in targets:
        if not tx.run(
            "DELETE FROM alias WHERE domain = ? AND local = ? AND target = ?",
            name.domain,
            name.local,
            str(stored_target(tx, target)),
        ):
            raise NotFoundError(f"alias {name} has no target {target}")
    tx.wake(DIRECTORY_TOPIC)


def _add_target(tx: WriteTx, name: Address, target: Address) -> None:
    if isinstance(resolve(tx, target), Unknown):
        raise NotFoundError(f"the target {target} does not exist")
    count = tx.value("SELECT count(*) FROM alias WHERE domain = ? AND local = ?", name.domain, name.local)
    if count >= MAX_ALIAS_TARGETS:
        raise InvalidError(f"alias {name} has {MAX_ALIAS_TARGETS} targets already")
    tx.run(
        "INSERT INTO alias (domain, local, target) VALUES (?, ?, ?) ON CONFLICT (domain, local, target) DO NOTHING",
        name.domain,
        name.local,
        str(stored_target(tx, target)),
    )


def stored_target(tx: ReadTx, target: Address) -> Address:
    """Targets here are canonical; the local part of another host's address is kept as written (RFC 5321 §2.4).

    Raises InvalidError for a target here that can't exist.
    """
    if not has_domain(tx, target.domain):
        return target
    name = canonical_address(target)
    if not is_name(name.local):
        raise InvalidError(f"{target} can't be a target")
    return name
