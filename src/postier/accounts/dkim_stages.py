"""The stages of a rotation: new keys are published, then they sign beside the old, then the old are retired, then forgotten.

    rotate > published > activate > active > retire > retired > remove

Not here: the rows (`dkim_keys`), asking DNS whether a record is there (`published`). Sources: RFC 6376 §3.6.1 (an empty p= is a
revoked key), §6.1.2 (verifiers fetch keys when mail arrives, which may be days after it was signed). Invariants: an act does all
or nothing; a domain that signs goes on signing unless the act is forced; every act wakes the directory, so that running servers
take it over at once.
"""

from collections.abc import Callable, Sequence

from postier.accounts.dkim_keys import DkimKey, KeyState, add_key, domain_keys
from postier.accounts.domain_rows import DIRECTORY_TOPIC, hold_domain
from postier.accounts.refusals import ExistsError, InUseError, NotFoundError
from postier.store.transaction import ReadTx, WriteTx

DAY_US = 86_400_000_000
# Five days in our queue and as many in that of a host on the way (RFC 5321 §4.5.4.1), and some for who reads late.
RETIRED_KEPT_US = 14 * DAY_US


def kept_until(key: DkimKey) -> int:
    """Until when the record of a retired key must stay, microseconds since 1970; 0 for a key that is not retired."""
    return key.state_since + RETIRED_KEPT_US if key.state is KeyState.RETIRED else 0


def is_over(key: DkimKey, now_us: int) -> bool:
    """Whether nobody needs the key's record any more."""
    return key.state is KeyState.RETIRED and now_us >= kept_until(key)


def publish_keys(tx: WriteTx, domain: str, keys: Sequence[DkimKey]) -> None:
    """Store new keys that do not sign yet. Raises NotFoundError, ExistsError while others wait to be activated."""
    hold_domain(tx, domain)
    waiting = [key.selector for key in domain_keys(tx, domain) if key.state is KeyState.PUBLISHED]
    if waiting:
        raise ExistsError(
            f"new keys of {domain} wait to be activated: {', '.join(waiting)}; activate or remove them first"
        )
    for key in keys:
        add_key(tx, key)
    tx.wake(DIRECTORY_TOPIC)


def to_activate(tx: ReadTx, domain: str, selectors: Sequence[str] = ()) -> list[DkimKey]:
    """The keys that an activation is about: those named, or all that are published. Raises NotFoundError."""
    return _chosen(tx, domain, selectors, lambda key: key.state is KeyState.PUBLISHED, "wait to be activated")


def activate_keys(tx: WriteTx, domain: str, selectors: Sequence[str]) -> list[DkimKey]:
    """Let these keys sign from now on, a retired one again; gives those that did not yet. Raises NotFoundError."""
    hold_domain(tx, domain)
    keys = [key for key in to_activate(tx, domain, selectors) if key.state is not KeyState.ACTIVE]
    _move(tx, keys, KeyState.ACTIVE)
    tx.run("DELETE FROM unsigned_mail WHERE domain = ?", domain)
    return keys


def retire_keys(
    tx: WriteTx, domain: str, selectors: Sequence[str] = (), *, force: bool = False
) -> list[DkimKey]:
    """Let keys sign no more: those named, or each that a newer active key of its algorithm replaces.

    Raises NotFoundError, and InUseError where no key would sign any more, unless it is forced.
    """
    hold_domain(tx, domain)
    active = [key for key in domain_keys(tx, domain) if key.state is KeyState.ACTIVE]
    newest = {key.algorithm: key.selector for key in reversed(active)}
    keys = _chosen(
        tx,
        domain,
        selectors,
        lambda key: key.state is KeyState.ACTIVE and newest[key.algorithm] != key.selector,
        "are replaced by newer ones that sign",
    )
    keys = [key for key in keys if key.state is KeyState.ACTIVE]
    if len(keys) == len(active) and keys and not force:
        raise InUseError(
            f"mail of {domain} would leave unsigned; rotate first: postier domain dkim rotate {domain}"
        )
    _move(tx, keys, KeyState.RETIRED)
    return keys


def remove_key(tx: WriteTx, domain: str, selector: str, *, force: bool = False) -> None:
    """Forget a key. Raises NotFoundError, InUseError for one that signs or whose record is needed still."""
    hold_domain(tx, domain)
    (key,) = _chosen(tx, domain, (selector,), lambda _: False, "")
    if key.state is KeyState.ACTIVE:
        raise InUseError(f"key {selector} of {domain} signs; retire it first")
    if key.state is KeyState.RETIRED and not is_over(key, tx.now_us) and not force:
        days = -(-(kept_until(key) - tx.now_us) // DAY_US)
        raise InUseError(
            f"mail that key {selector} of {domain} has signed may be under way for {days} days still"
        )
    tx.run("DELETE FROM dkim_key WHERE domain = ? AND selector = ?", domain, selector)
    tx.wake(DIRECTORY_TOPIC)


def _chosen(
    tx: ReadTx, domain: str, selectors: Sequence[str], is_meant: Callable[[DkimKey], bool], which: str
) -> list[DkimKey]:
    """The keys named; without names those that are meant. Raises NotFoundError when there are none."""
    keys = domain_keys(tx, domain)
    if not selectors:
        found = [key for key in keys if is_meant(key)]
        if not found:
            raise NotFoundError(f"no keys of {domain} {which}")
        return found
    by_selector = {key.selector: key for key in keys}
    for selector in selectors:
        if selector not in by_selector:
            raise NotFoundError(f"domain {domain} has no DKIM key {selector}")
    return [by_selector[selector] for selector in dict.fromkeys(selectors)]


def _move(tx: WriteTx, keys: Sequence[DkimKey], state: KeyState) -> None:
    for key in keys:
        tx.run(
            "UPDATE dkim_key SET state = ?, state_since = ? WHERE domain = ? AND selector = ?",
            state,
            tx.now_us,
            key.domain,
            key.selector,
        )
    tx.wake(DIRECTORY_TOPIC)
