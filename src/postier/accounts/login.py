"""Login with a name and a password, for every protocol.

Not here: SASL exchanges (`sasl`), the limits (`limiter`), hashes (`credentials`). Sources: RFC 4616 (authorisation
identity), RFC 8265. Invariants:

- The name is an account's own address in canonical form; aliases and extensions do not log in.
- Unknown names cost the same work as wrong passwords (SECURITY 27).
- A verdict is remembered for `REMEMBERED_S` under a keyed MAC of name, mechanism and password (SECURITY 25), the key
  being this process's own; it is used only while the stored hash is the one it was reached with, which is looked up again
  after `RECHECKED_S` and after every change of any password. The password itself is not kept.
- The same wrong password again from the same network is refused without work and not counted for `WRONG_REMEMBERED_S`:
  a telephone with an old password does not shut out its household, and a guesser learns nothing by repeating himself.
- The limiter is asked first. Names and passwords that nobody can have are refused without a count: a mail program set
  up with a bare user name does not shut out its household either.
"""

import asyncio
import functools
import hashlib
import os
import secrets
import time
from collections.abc import Callable
from enum import Enum

import msgspec
from argon2.exceptions import Argon2Error

from postier.accounts.credentials import (
    CREDENTIALS_TOPIC,
    DUMMY_SECRET,
    StoredCredential,
    add_keys,
    hash_password,
    is_outdated,
    is_password,
    replace_secret,
    stored_password,
)
from postier.accounts.hashing_pool import HashingPool, PoolClosedError
from postier.accounts.limiter import Limiter
from postier.accounts.names import login_address, prepared_password
from postier.accounts.scram_keys import make_keys
from postier.accounts.tokens.verdict import Refusal
from postier.mime.address import Address
from postier.store.transaction import Store, StoreError

REMEMBERED_S = 300.0
WRONG_REMEMBERED_S = 86_400.0
RECHECKED_S = 10.0
MAX_REMEMBERED = 20_000  # of each kind; guesses can't push out what is right


class Login(msgspec.Struct, frozen=True):
    """Who has logged in."""

    account_id: int
    address: Address


class LoginProblem(Enum):
    """Why a login was refused; the value says it to the user."""

    WRONG = "the name or the password is wrong"
    LIMITED = "too many wrong passwords; try again later"
    BUSY = "too many logins at once; try again in a moment"
    UNAVAILABLE = "logins can't be checked now; try again later"
    NOT_PERMITTED = "this account may not act for another"

    @property
    def is_temporary(self) -> bool:
        """Whether the same attempt may succeed later (454 4.7.0, NO [UNAVAILABLE])."""
        return self in {LoginProblem.LIMITED, LoginProblem.BUSY, LoginProblem.UNAVAILABLE}


class LoginRefused(msgspec.Struct, frozen=True):
    """The login failed; `retry_after_s` is over 0 for LIMITED only, `refusal` says what is wrong with a token."""

    problem: LoginProblem
    retry_after_s: float = 0.0
    refusal: Refusal | None = None


class _Verdict(msgspec.Struct):
    """What was found for one name, mechanism and password."""

    is_right: bool
    credential: StoredCredential | None  # None: no such account, or no password
    network: str
    expires_at: float
    checked_at: float


class Authenticator:
    """One process's checker of passwords; belongs to one event loop."""

    def __init__(
        self,
        store: Store,
        limiter: Limiter,
        *,
        threads: int | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`threads` compute hashes, by default one per core."""
        self.store = store
        self.limiter = limiter
        self._now = now
        self._pool = HashingPool(threads or os.cpu_count() or 1)
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, _Verdict] = {}
        self._wrong: dict[bytes, _Verdict] = {}
        self._running: dict[tuple[bytes, str], asyncio.Future[bool]] = {}
        self.credentials_changed_at = now()
        self._unwatch = store.watch_topic(CREDENTIALS_TOPIC, self._credentials_changed)

    async def authenticate(
        self, login: str, password: str, *, peer: str, mechanism: str = "PLAIN", authorize_as: str = ""
    ) -> Login | LoginRefused:
        """Check a password that a client at IP address `peer` gave by a mechanism; never raises for what the peer sent.

        `authorize_as` is SASL's authorisation identity, empty for the same as `login`.
        """
        account, prepared = login_address(login), prepared_password(password)
        if account is None or prepared is None:  # nobody's: no guess, so nothing to count
            return LoginRefused(LoginProblem.WRONG)
        try:
            wait_s = await self.limiter.wait_s(peer, account)
            if wait_s:
                return LoginRefused(LoginProblem.LIMITED, wait_s)
            return await self._check(account, prepared, peer, mechanism, authorize_as)
        except (StoreError, Argon2Error, PoolClosedError):  # Argon2Error: no memory for a hash
            return LoginRefused(LoginProblem.UNAVAILABLE)

    def close(self) -> None:
        """Hear of changes no more and forget everything."""
        self._unwatch()
        self._right.clear()
        self._wrong.clear()
        self._pool.close()

    async def _check(
        self, account: Address, password: str, peer: str, mechanism: str, authorize_as: str
    ) -> Login | LoginRefused:
        network = self.limiter.peer(peer).network
        digest = self._digest(str(account), mechanism, password)
        verdict = self._right.get(digest) or self._wrong.get(digest)
        is_new = False
        if verdict is None or not await self._holds(verdict, account):
            found = await self._verify(digest, account, password, network)
            if found is None:
                return LoginRefused(LoginProblem.BUSY)
            verdict, is_new = found
            # Guesses that were let in side by side: those beyond the limit are not told whether they were right.
            wait_s = await self.limiter.wait_s(peer, account)
            if wait_s:
                return LoginRefused(LoginProblem.LIMITED, wait_s)
        if not verdict.is_right:
            if is_new or verdict.network != network:
                await self.limiter.failed(peer, account)
            return LoginRefused(LoginProblem.WRONG)
        assert verdict.credential is not None
        if authorize_as and login_address(authorize_as) != account:
            return LoginRefused(LoginProblem.NOT_PERMITTED)  # RFC 4616 §2
        return Login(verdict.credential.account_id, account)

    async def _holds(self, verdict: _Verdict, account: Address) -> bool:
        """Whether a remembered verdict still counts."""
        now = self._now()
        if now >= verdict.expires_at:
            return False
        if verdict.checked_at > self.credentials_changed_at and now - verdict.checked_at < RECHECKED_S:
            return True
        if await self.store.read(stored_password, str(account)) != verdict.credential:
            return False
        verdict.checked_at = now
        return True

    async def _verify(
        self, digest: bytes, account: Address, password: str, network: str
    ) -> tuple[_Verdict, bool] | None:
        """Look the account up and compute; also whether nobody knew it yet. None if too much is computed already."""
        now = self._now()
        credential = await self.store.read(stored_password, str(account))
        secret = DUMMY_SECRET if credential is None else credential.secret
        running = self._running.get((digest, secret))
        if running is None:
            running = self._pool.start(network, functools.partial(is_password, secret, password))
            if running is None:
                return None
            self._running[digest, secret] = running
            running.add_done_callback(lambda _done: self._running.pop((digest, secret), None))
        # Many connections of one client come at once: they share one computation, which outlives each of them.
        is_right = await asyncio.shield(running) and credential is not None
        known = self._right.get(digest) or self._wrong.get(digest)
        if known is not None and known.credential == credential and now < known.expires_at:
            return known, False
        verdict = _Verdict(is_right, credential, network, now, now)
        self._remember(digest, verdict)
        if is_right and credential is not None:
            verdict.credential = await self._completed(credential, password, network)
        return verdict, True

    def _remember(self, digest: bytes, verdict: _Verdict) -> None:
        kept, other = (self._right, self._wrong) if verdict.is_right else (self._wrong, self._right)
        verdict.expires_at += REMEMBERED_S if verdict.is_right else WRONG_REMEMBERED_S
        other.pop(digest, None)
        if len(kept) >= MAX_REMEMBERED:
            kept.clear()
        kept[digest] = verdict

    async def _completed(self, credential: StoredCredential, password: str, network: str) -> StoredCredential:
        """Bring the stored hash to today's parameters and make SCRAM's keys where they are missing; if that can't be done now,
        the next login will.
        """
        if is_outdated(credential.secret):
            running = self._pool.start(network, functools.partial(hash_password, password))
            if running is None:
                return credential
            secret = await asyncio.shield(running)
            await self.store.write(replace_secret, credential, secret)
            credential = msgspec.structs.replace(credential, secret=secret)
        if not credential.has_keys:
            making = self._pool.start(network, functools.partial(make_keys, password))
            if making is None:
                return credential
            await self.store.write(add_keys, credential, await asyncio.shield(making))
            credential = msgspec.structs.replace(credential, has_keys=True)
        return credential

    def _credentials_changed(self) -> None:
        self.credentials_changed_at = self._now()

    def _digest(self, account: str, mechanism: str, password: str) -> bytes:
        # Each part with its length: no two different triples give one text (SECURITY 25).
        text = f"{len(account)}:{account}{len(mechanism)}:{mechanism}{password}"
        return hashlib.blake2b(text.encode(), key=self._key, digest_size=32).digest()
