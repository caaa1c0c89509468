"""Domains, accounts and aliases as one TOML document that can be kept, compared and applied.

Not here: mail. Source: DESIGN §2. Invariants: applying what was exported with its secrets changes nothing, on an empty store it
makes the same directory; applying adds and changes, it never removes a domain or an account (mail would go with it); an
alias that the document names has exactly the targets written there. It is one transaction: all of it or nothing.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from postier.accounts.accounts import account_info, add_account, list_accounts, set_admin, set_quota
from postier.accounts.aliases import add_alias, list_aliases, remove_alias, stored_target
from postier.accounts.credentials import is_hash, set_password, stored_password
from postier.accounts.dkim_keys import DkimAlgorithm, DkimKey, KeyState, add_key, domain_keys, signing_key
from postier.accounts.domain_rows import has_domain
from postier.accounts.domains import add_domain, list_domains, parse_mail_domain
from postier.accounts.logos import Logo, logo_of, set_logo
from postier.accounts.names import canonical_address
from postier.accounts.own_sts import own_sts_policy, set_sts_policy
from postier.accounts.refusals import InvalidError, NotFoundError
from postier.mailauth.dkim.keys import MIN_RSA_BITS
from postier.mailauth.dkim.sign import check_strength
from postier.mailauth.mta_sts import Mode
from postier.mime.address import Address
from postier.store.transaction import ReadTx, WriteTx


class _Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    selector: str
    algorithm: DkimAlgorithm
    private_key: str
    state: KeyState = KeyState.ACTIVE


class _Domain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    logo: str = ""
    logo_evidence: str = ""
    dkim: list[_Key] = []
    mta_sts: Mode | None = None


class _Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    admin: bool = False
    quota_bytes: int | None = None
    password_hash: str | None = None


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    domain: dict[str, _Domain] = {}
    account: dict[str, _Account] = {}
    alias: dict[str, list[str]] = {}


class RehearsedError(Exception):
    """Not a fault: ends the transaction of a rehearsal, so that nothing is changed; `changes` would have been made."""

    def __init__(self, changes: list[str]) -> None:
        super().__init__(f"{len(changes)} changes would be made")
        self.changes = changes


def export_directory(tx: ReadTx, *, with_secrets: bool) -> str:
    """The directory as a document; secrets are password hashes and private DKIM keys."""
    return "\n".join(_lines(tx, with_secrets=with_secrets)) + "\n"


def apply_directory(
    tx: WriteTx,
    text: str,
    make_mailboxes: Callable[[WriteTx, int], object],
    new_keys: Callable[[str], Sequence[DkimKey]],
    *,
    dry_run: bool = False,
) -> list[str]:
    """Bring the directory to the document; gives each change in words. Call through `write_bulk`.

    `new_keys` makes the keys of a new domain for which the document has none. Raises InvalidError for a malformed
    document, what the single changes raise, and RehearsedError at the end of a dry run.
    """
    try:
        document = msgspec.toml.decode(text, type=_Document)
    except msgspec.DecodeError as error:
        raise InvalidError(f"the document can't be read: {error}") from None
    changes: list[str] = []
    for name, domain in document.domain.items():
        changes += _apply_domain(tx, parse_mail_domain(name), domain, new_keys)
    for name, account in document.account.items():
        changes += _apply_account(tx, canonical_address(_address(name)), account, make_mailboxes)
    changes += _apply_aliases(tx, document.alias)
    if dry_run:
        raise RehearsedError(changes)
    return changes


def _apply_domain(
    tx: WriteTx, domain: str, wanted: _Domain, new_keys: Callable[[str], Sequence[DkimKey]]
) -> Iterator[str]:
    keys = [_key(domain, key) for key in wanted.dkim]
    if not has_domain(tx, domain):
        add_domain(tx, domain, keys or new_keys(domain))
        yield f"domain {domain} added"
        if wanted.logo:
            set_logo(tx, domain, Logo(wanted.logo, wanted.logo_evidence))
        yield from _apply_sts(tx, domain, wanted.mta_sts)
        return
    known = {key.selector for key in domain_keys(tx, domain)}
    for key in keys:
        if key.selector not in known:
            add_key(tx, key)
            yield f"domain {domain}: DKIM key {key.selector} added"
    logo = Logo(wanted.logo, wanted.logo_evidence) if wanted.logo else None
    if logo != logo_of(tx, domain):
        set_logo(tx, domain, logo)
        yield f"domain {domain}: logo changed"
    yield from _apply_sts(tx, domain, wanted.mta_sts)


def _apply_sts(tx: WriteTx, domain: str, mode: Mode | None) -> Iterator[str]:
    own = own_sts_policy(tx, domain, "")
    if mode is not None and (own is None or own.mode is not mode):
        set_sts_policy(tx, domain, mode)
        yield f"domain {domain}: MTA-STS mode {mode}"


def _key(domain: str, key: _Key) -> DkimKey:
    made = DkimKey(domain, key.selector, key.algorithm, key.private_key, key.state)
    try:
        signing = signing_key(made)
        check_strength(signing, MIN_RSA_BITS)
        algorithm = signing.algorithm
    except ValueError as error:
        raise InvalidError(f"domain {domain}: DKIM key {key.selector}: {error}") from None
    if algorithm != f"{key.algorithm}-sha256":
        raise InvalidError(f"domain {domain}: DKIM key {key.selector} is no {key.algorithm} key")
    return made


def _apply_account(
    tx: WriteTx, address: Address, wanted: _Account, make_mailboxes: Callable[[WriteTx, int], object]
) -> Iterator[str]:
    if wanted.password_hash is not None and not is_hash(wanted.password_hash):
        raise InvalidError(f"account {address}: password_hash is no Argon2id hash")
    try:
        account = account_info(tx, address)
    except NotFoundError:
        add_account(
            tx,
            address,
            wanted.password_hash,
            make_mailboxes,
            is_admin=wanted.admin,
            quota_bytes=wanted.quota_bytes,
        )
        yield f"account {address} added"
        return
    if account.quota_bytes != wanted.quota_bytes:
        set_quota(tx, account.account_id, wanted.quota_bytes)
        yield f"account {address}: quota changed"
    if account.is_admin != wanted.admin:
        set_admin(tx, account.account_id, is_admin=wanted.admin)
        yield f"account {address}: is {'now' if wanted.admin else 'no longer'} an administrator"
    stored = stored_password(tx, str(address))
    if wanted.password_hash is not None and (stored is None or stored.secret != wanted.password_hash):
        set_password(tx, account.account_id, wanted.password_hash)
        yield f"account {address}: password changed"


def _apply_aliases(tx: WriteTx, wanted: dict[str, list[str]]) -> Iterator[str]:
    waiting = {
        canonical_address(_address(name)): tuple(stored_target(tx, _address(target)) for target in targets)
        for name, targets in wanted.items()
    }
    present = {alias.address: alias.targets for alias in list_aliases(tx)}
    while waiting:  # an alias may name one that stands further down: what can be added is added first
        failed: dict[Address, tuple[Address, ...]] = {}
        error: NotFoundError | None = None
        for name, targets in waiting.items():
            old = present.get(name, ())
            if old and set(old) == set(targets):
                continue
            try:
                add_alias(tx, name, targets)
            except NotFoundError as refusal:
                failed[name], error = targets, refusal
                continue
            gone = tuple(target for target in old if target not in targets)
            if gone:
                remove_alias(tx, name, gone)
            yield f"alias {name} {'changed' if old else 'added'}"
        if error is not None and len(failed) == len(waiting):
            raise error
        waiting = failed


def _lines(tx: ReadTx, *, with_secrets: bool) -> Iterator[str]:
    yield "# Postier's directory; apply it with: postier directory apply FILE"
    for info in list_domains(tx):
        yield f"\n[domain.{_text(info.domain)}]"
        if (logo := logo_of(tx, info.domain)) is not None:
            yield f"logo = {_text(logo.location)}"
            yield f"logo_evidence = {_text(logo.evidence)}"
        own = own_sts_policy(tx, info.domain, "")
        if own is not None:
            yield f"mta_sts = {_text(own.mode)}"
        for key in domain_keys(tx, info.domain) if with_secrets else ():
            yield f"[[domain.{_text(info.domain)}.dkim]]"
            yield f"selector = {_text(key.selector)}"
            yield f"algorithm = {_text(key.algorithm)}"
            yield f"private_key = {_text(key.private_key)}"
            yield f"state = {_text(key.state)}"
    for account in list_accounts(tx):
        yield f"\n[account.{_text(str(account.address))}]"
        if account.is_admin:
            yield "admin = true"
        if account.quota_bytes is not None:
            yield f"quota_bytes = {account.quota_bytes}"
        stored = stored_password(tx, str(account.address)) if with_secrets else None
        if stored is not None:
            yield f"password_hash = {_text(stored.secret)}"
    yield "\n[alias]"
    for alias in list_aliases(tx):
        yield f"{_text(str(alias.address))} = [{', '.join(_text(str(target)) for target in alias.targets)}]"


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise InvalidError(str(error)) from None


def _text(text: str) -> str:
    """A TOML basic string; JSON's escapes are also TOML's."""
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")
