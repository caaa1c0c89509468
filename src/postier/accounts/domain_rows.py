"""The row of a domain: whether it is there, and holding it while names below it are added.

Not here: adding and removing domains (`domains`, which needs accounts, which need this).
"""

from postier.accounts.refusals import NotFoundError
from postier.store.transaction import ReadTx, WriteTx

DIRECTORY_TOPIC = "directory"
"""Woken by every writer of domains, accounts, aliases and keys; `directory` forgets what it knew."""


def has_domain(tx: ReadTx, domain: str) -> bool:
    """Whether the domain is ours."""
    return tx.value("SELECT 1 FROM domain WHERE domain = ?", domain) is not None


def hold_domain(tx: WriteTx, domain: str) -> None:
    """Lock the domain's row until the commit, so that one name at a time is added. Raises NotFoundError."""
    if not tx.run("UPDATE domain SET created_at = created_at WHERE domain = ?", domain):
        raise NotFoundError(f"there is no domain {domain}; add it first: postier domain add {domain}")


def of_domain(domain: str) -> str:
    """The LIKE pattern (ESCAPE '!') of stored addresses in the domain."""
    return "%@" + domain.replace("!", "!!").replace("_", "!_").replace("%", "!%")
