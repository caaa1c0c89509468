"""The domains for which this system takes mail.

Not here: what DNS says of them (`publishing`), their keys (`dkim_keys`). Invariants: a domain is stored as
`mime.address.parse_domain` gives it (lower case, A-labels); every account and alias belongs to a stored domain; who
adds a name below a domain holds the domain's row until the commit, so that names are unique over accounts and aliases.
"""

from collections.abc import Sequence

import msgspec

from postier.accounts.accounts import accounts_of, remove_account
from postier.accounts.dkim_keys import DkimKey, add_key
from postier.accounts.domain_rows import DIRECTORY_TOPIC, has_domain, of_domain
from postier.accounts.refusals import ExistsError, InUseError, InvalidError, NotFoundError
from postier.mime.address import parse_domain
from postier.store.transaction import ReadTx, WriteTx


class DomainInfo(msgspec.Struct, frozen=True):
    """A domain as listings show it; `created_at` in microseconds since 1970."""

    domain: str
    accounts: int
    aliases: int
    created_at: int


def parse_mail_domain(text: str) -> str:
    """The stored form of a domain that may have accounts. Raises InvalidError."""
    try:
        domain = parse_domain(text.removesuffix("."))
    except ValueError as error:
        raise InvalidError(str(error)) from None
    if domain.startswith("["):
        raise InvalidError(f"{text} is an address literal; accounts need a domain name")
    return domain


def add_domain(tx: WriteTx, domain: str, keys: Sequence[DkimKey] = ()) -> None:
    """Take mail for the domain from now on and sign with these keys. Raises ExistsError."""
    added = tx.run(
        "INSERT INTO domain (domain, created_at) VALUES (?, ?) ON CONFLICT (domain) DO NOTHING",
        domain,
        tx.now_us,
    )
    if not added:
        raise ExistsError(f"domain {domain} exists already")
    for key in keys:
        add_key(tx, key)
    tx.wake(DIRECTORY_TOPIC)


def list_domains(tx: ReadTx) -> list[DomainInfo]:
    """All domains by name, with how many accounts and aliases each has."""
    accounts: dict[str, int] = {}
    for (address,) in tx.rows("SELECT address FROM account"):
        domain = address.rpartition("@")[2]
        accounts[domain] = accounts.get(domain, 0) + 1
    aliases: dict[str, int] = dict(
        tx.rows(
            "SELECT domain, count(*) FROM (SELECT DISTINCT domain, local FROM alias) AS a GROUP BY domain"
        )
    )
    return [
        DomainInfo(domain, accounts.get(domain, 0), aliases.get(domain, 0), created_at)
        for domain, created_at in tx.rows("SELECT domain, created_at FROM domain ORDER BY domain")
    ]


def domain_info(tx: ReadTx, domain: str) -> DomainInfo:
    """One domain. Raises NotFoundError."""
    created_at = tx.value("SELECT created_at FROM domain WHERE domain = ?", domain)
    if created_at is None:
        raise NotFoundError(f"there is no domain {domain}")
    accounts, aliases = _users(tx, domain)
    return DomainInfo(domain, accounts, aliases, created_at)


def remove_domain(tx: WriteTx, domain: str, *, force: bool = False) -> None:
    """Take no mail for the domain any more; `force` removes its accounts, their mail, and its aliases too.

    Raises NotFoundError, or InUseError while it has accounts or aliases.
    """
    if not has_domain(tx, domain):
        raise NotFoundError(f"there is no domain {domain}")
    accounts, aliases = _users(tx, domain)
    if (accounts or aliases) and not force:
        raise InUseError(f"domain {domain} still has {accounts} accounts and {aliases} aliases")
    for account_id in accounts_of(tx, domain):
        remove_account(tx, account_id)
    for table in ("alias", "dkim_key", "unsigned_mail", "own_sts_policy", "domain"):
        tx.run(f"DELETE FROM {table} WHERE domain = ?", domain)
    tx.wake(DIRECTORY_TOPIC)


def _users(tx: ReadTx, domain: str) -> tuple[int, int]:
    accounts = tx.value("SELECT count(*) FROM account WHERE address LIKE ? ESCAPE '!'", of_domain(domain))
    aliases = tx.value("SELECT count(DISTINCT local) FROM alias WHERE domain = ?", domain)
    return int(accounts), int(aliases)
