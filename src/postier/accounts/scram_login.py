"""Login by SCRAM: the password itself never comes here.

Not here: the exchange (`sasl.scram`), keys at rest (`scram_keys`), login with a password (`login`). Source: RFC 5802. Invariants:
those of `login` as far as they apply: the limiter is asked first and again before a verdict is told; a name that nobody has is
answered like one with a wrong password, with decoy keys that are always the same for it; wrong proofs are counted, names
that nobody can have are not.
"""

import time
from collections.abc import Callable

import msgspec

from postier.accounts.limiter import Limiter
from postier.accounts.login import Login, LoginProblem, LoginRefused
from postier.accounts.names import login_address
from postier.accounts.scram_keys import (
    ScramAlgorithm,
    decoy_keys,
    decoy_secret,
    every_password_has_keys,
    keys_of,
)
from postier.mime.address import Address
from postier.sasl.scram import ScramKeys
from postier.store.transaction import Store, StoreError

OFFER_REMEMBERED_S = 60.0  # looking reads every credential


class Claim(msgspec.Struct, frozen=True):
    """Who the client says it is, and the keys that its proof is held against; `account_id` is 0 for nobody."""

    account: Address
    account_id: int
    keys: ScramKeys


class ScramLogins:
    """One worker's; belongs to one event loop."""

    def __init__(
        self,
        store: Store,
        limiter: Limiter,
        *,
        changed_at: Callable[[], float] = lambda: float("-inf"),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`changed_at` says when (by `now`) a password was changed last."""
        self._store = store
        self._limiter = limiter
        self._changed_at = changed_at
        self._now = now
        self._decoys: bytes | None = None
        self._may_offer = False
        self._looked_at = float("-inf")

    async def may_offer(self) -> bool:
        """Whether every account that can log in at all can do so by SCRAM. Never raises."""
        now = self._now()
        if now - self._looked_at >= OFFER_REMEMBERED_S or self._looked_at <= self._changed_at():
            try:
                self._may_offer = await self._store.read_bulk(every_password_has_keys)
            except StoreError:
                return self._may_offer
            self._looked_at = now
        return self._may_offer

    async def claim(self, name: str, algorithm: ScramAlgorithm, *, peer: str) -> Claim | LoginRefused:
        """The keys for a client that says it is `name`."""
        account = login_address(name)
        if account is None:
            return LoginRefused(LoginProblem.WRONG)
        try:
            wait_s = await self._limiter.wait_s(peer, account)
            if wait_s:
                return LoginRefused(LoginProblem.LIMITED, wait_s)
            stored = await self._store.read(keys_of, str(account), algorithm)
            if stored is not None and stored.keys is not None:
                return Claim(account, stored.account_id, stored.keys)
            if self._decoys is None:
                self._decoys = await self._store.write(decoy_secret)
        except StoreError:
            return LoginRefused(LoginProblem.UNAVAILABLE)
        return Claim(account, 0, decoy_keys(self._decoys, str(account), algorithm))

    async def judge(
        self, claim: Claim, *, is_proved: bool, peer: str, authorize_as: str = ""
    ) -> Login | LoginRefused:
        """The verdict on a client whose proof was held against the keys."""
        account = claim.account
        try:
            wait_s = await self._limiter.wait_s(peer, account)  # guesses that were let in side by side
            if wait_s:
                return LoginRefused(LoginProblem.LIMITED, wait_s)
            if not (is_proved and claim.account_id):
                await self._limiter.failed(peer, account)
                return LoginRefused(LoginProblem.WRONG)
        except StoreError:
            return LoginRefused(LoginProblem.UNAVAILABLE)
        if authorize_as and login_address(authorize_as) != account:
            return LoginRefused(LoginProblem.NOT_PERMITTED)
        return Login(claim.account_id, account)
