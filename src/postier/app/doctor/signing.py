"""DKIM: does every domain sign, and has mail left unsigned?"""

import datetime as dt
from collections.abc import Sequence

from postier.accounts.dkim_keys import DkimAlgorithm, DkimKey, KeyState
from postier.accounts.dkim_stages import DAY_US, is_over
from postier.accounts.unsigned_mail import UnsignedMail
from postier.app.doctor.finding import Finding, State

KEYS = "keys"
UNSIGNED = "unsigned mail"
OLD_DAYS = 730
WAITING_DAYS = 30


def examine_keys(domain: str, keys: Sequence[DkimKey], now_us: int) -> list[Finding]:
    """The keys of one domain in their stages."""
    active = [key for key in keys if key.state is KeyState.ACTIVE]
    rotate = f"postier domain dkim rotate {domain}"
    if not active:
        waits = any(key.state is KeyState.PUBLISHED for key in keys)
        cure = f"postier domain dkim {'activate' if waits else 'rotate'} {domain}"
        return [Finding(KEYS, State.WRONG, f"no key of {domain} signs: its mail leaves unsigned", cure)]
    found = []
    if all(key.algorithm is not DkimAlgorithm.RSA for key in active):
        says = f"{domain} signs with Ed25519 only, which many receivers cannot check"
        found.append(Finding(KEYS, State.WARNING, says, rotate))
    if all(now_us - key.created_at > OLD_DAYS * DAY_US for key in active):
        years = (now_us - max(key.created_at for key in active)) / DAY_US / 365
        found.append(Finding(KEYS, State.WARNING, f"the keys of {domain} are {years:.0f} years old", rotate))
    for key in keys:
        days = (now_us - key.state_since) // DAY_US
        if key.state is KeyState.PUBLISHED and days > WAITING_DAYS:
            says = f"key {key.selector} of {domain} has waited to be activated for {days} days"
            found.append(Finding(KEYS, State.WARNING, says, f"postier domain dkim activate {domain}"))
        elif is_over(key, now_us):
            says = f"key {key.selector} of {domain} is retired for {days} days"
            cure = f"take out its record; postier domain dkim remove {domain} {key.selector}"
            found.append(Finding(KEYS, State.WARNING, says, cure))
    return found or [
        Finding(KEYS, State.FINE, f"{domain} signs with {', '.join(k.selector for k in active)}")
    ]


def examine_unsigned(alarms: Sequence[UnsignedMail]) -> list[Finding]:
    """Mail that has left unsigned since a key was last activated."""
    return [
        Finding(
            UNSIGNED,
            State.WRONG,
            f"{one.letters} letters of {one.domain} have left unsigned since {_day(one.first_at)},"
            f" the last on {_day(one.last_at)}",
            f"postier domain dkim list {one.domain}; activate a key",
        )
        for one in alarms
    ] or [Finding(UNSIGNED, State.FINE, "none")]


def _day(at_us: int) -> str:
    return f"{dt.datetime.fromtimestamp(at_us // 1_000_000, dt.UTC):%Y-%m-%d %H:%M}"
