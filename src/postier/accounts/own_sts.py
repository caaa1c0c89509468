"""The MTA-STS policies of our own domains: which mode, the text to serve, the record that announces it.

Not here: serving it (`web.policies`), policies of others (`tls.sts`). Source: RFC 8461 §3, §8.3 (withdrawal). Invariants: the id in the
record is made of the policy's text, so it changes when and only when the text does; a policy is withdrawn by mode `none` and
forgotten only when no sender can remember the one before.
"""

import hashlib

import msgspec

from postier.accounts.domain_rows import hold_domain
from postier.accounts.refusals import InUseError, NotFoundError
from postier.mailauth.mta_sts import Mode, Policy, policy_url, record_name
from postier.store.transaction import ReadTx, WriteTx

DAY_S = 86_400
MAX_AGE_S = {Mode.TESTING: DAY_S, Mode.ENFORCE: 14 * DAY_S, Mode.NONE: DAY_S}
WITHDRAWN_US = max(MAX_AGE_S.values()) * 1_000_000
_ID_CHARACTERS = 20  # RFC 8461 §3.1: at most 32, letters and digits


class OwnPolicy(msgspec.Struct, frozen=True):
    """What a domain asks of those who send to it; `hostname` is the one mail host."""

    domain: str
    mode: Mode
    hostname: str
    changed_at: int

    @property
    def policy(self) -> Policy:
        """The policy as others read it."""
        return Policy(self.mode, MAX_AGE_S[self.mode], (self.hostname,))

    @property
    def text(self) -> str:
        """The file to serve (RFC 8461 §3.2)."""
        lines = (
            "version: STSv1",
            f"mode: {self.mode}",
            f"mx: {self.hostname}",
            f"max_age: {MAX_AGE_S[self.mode]}",
        )
        return "".join(f"{line}\r\n" for line in lines)

    @property
    def identifier(self) -> str:
        """The id of the record."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:_ID_CHARACTERS]

    @property
    def url(self) -> str:
        """Where the file is fetched."""
        return policy_url(self.domain)

    @property
    def record(self) -> tuple[str, str]:
        """Name and text of the TXT record (RFC 8461 §3.1)."""
        return record_name(self.domain), f"v=STSv1; id={self.identifier};"


def own_sts_policy(tx: ReadTx, domain: str, hostname: str) -> OwnPolicy | None:
    """The policy of a domain of ours; None if it has none."""
    row = tx.row("SELECT mode, changed_at FROM own_sts_policy WHERE domain = ?", domain)
    return None if row is None else OwnPolicy(domain, Mode(row[0]), hostname, row[1])


def own_sts_policies(tx: ReadTx, hostname: str) -> list[OwnPolicy]:
    """The policies of all domains, by name."""
    rows = tx.rows("SELECT domain, mode, changed_at FROM own_sts_policy ORDER BY domain")
    return [OwnPolicy(domain, Mode(mode), hostname, changed_at) for domain, mode, changed_at in rows]


def set_sts_policy(tx: WriteTx, domain: str, mode: Mode) -> None:
    """Give the domain a policy of that mode. Raises NotFoundError."""
    hold_domain(tx, domain)
    tx.run(
        "INSERT INTO own_sts_policy (domain, mode, changed_at) VALUES (?, ?, ?) ON CONFLICT (domain)"
        " DO UPDATE SET mode = excluded.mode, changed_at = CASE WHEN own_sts_policy.mode = excluded.mode"
        " THEN own_sts_policy.changed_at ELSE excluded.changed_at END",
        domain,
        mode,
        tx.now_us,
    )


def remove_sts_policy(tx: WriteTx, domain: str) -> None:
    """Forget a policy that was withdrawn. Raises NotFoundError, InUseError while senders may remember the one before."""
    hold_domain(tx, domain)
    found = own_sts_policy(tx, domain, "")
    if found is None:
        raise NotFoundError(f"domain {domain} has no MTA-STS policy")
    if found.mode is not Mode.NONE:
        raise InUseError(
            f"senders heed the policy of {domain}; withdraw it first: postier domain mta-sts {domain} --mode none"
        )
    left_us = found.changed_at + WITHDRAWN_US - tx.now_us
    if left_us > 0:
        days = -(-left_us // (DAY_S * 1_000_000))
        raise InUseError(f"senders may remember the policy of {domain} for {days} days still")
    tx.run("DELETE FROM own_sts_policy WHERE domain = ?", domain)
