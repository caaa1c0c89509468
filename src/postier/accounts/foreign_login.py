"""Login by what somebody else vouches for: an OAuth token, or a client's certificate.

Not here: what a token is worth (`tokens`), asking whoever gave it out (a `TokenChecker`), verifying certificates (TLS).
Sources: RFC 7628, RFC 4422 appendix A. Invariants: the account is one's own address in canonical form and exists; the
limiter is asked first; refused tokens count like wrong passwords, the same one from the same network once, but those that
the issuer did give out never do: a mail program that tries its token of yesterday shuts nobody out.
"""

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Protocol

from postier.accounts.accounts import account_id_of
from postier.accounts.limiter import Limiter
from postier.accounts.login import WRONG_REMEMBERED_S, Login, LoginProblem, LoginRefused
from postier.accounts.names import login_address
from postier.accounts.tokens.verdict import Refusal, TokenRefused, TokenVerdict
from postier.store.transaction import Store, StoreError

MAX_REMEMBERED = 10_000  # refused tokens that were counted; beyond, all are forgotten


class TokenUnavailableError(Exception):
    """Whoever gives out tokens can't be asked now."""


class TokenChecker(Protocol):
    """Knows what a token is worth."""

    async def check(self, token: str) -> TokenVerdict:
        """The verdict. Raises TokenUnavailableError."""
        ...


class ForeignLogins:
    """One worker's; belongs to one event loop."""

    def __init__(self, store: Store, limiter: Limiter, *, now: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._limiter = limiter
        self._now = now
        self._key = secrets.token_bytes(32)
        self._counted: dict[bytes, float] = {}  # refused tokens by their MAC, until when

    async def by_token(
        self, checker: TokenChecker, token: str, *, peer: str, authorize_as: str
    ) -> Login | LoginRefused:
        """Check a token; `authorize_as` is the account that the client means, empty for the token's own."""
        claimed = login_address(authorize_as) if authorize_as else None
        if authorize_as and claimed is None:
            return LoginRefused(LoginProblem.WRONG)
        try:
            if wait_s := await self._limiter.wait_s(peer, claimed):
                return LoginRefused(LoginProblem.LIMITED, wait_s)
            verdict = await checker.check(token)
            if isinstance(verdict, TokenRefused):
                if not verdict.refusal.is_known_good and not self._is_counted(token, peer):
                    await self._limiter.failed(peer, claimed)
                return LoginRefused(LoginProblem.WRONG, refusal=verdict.refusal)
            found = await self._as(verdict.address, authorize_as)
            return found or LoginRefused(LoginProblem.WRONG, refusal=Refusal.NO_ACCOUNT)
        except (StoreError, TokenUnavailableError):
            return LoginRefused(LoginProblem.UNAVAILABLE)

    async def by_certificate(self, name: str, *, authorize_as: str) -> Login | LoginRefused:
        """The verified certificate of the client names `name`."""
        try:
            return await self._as(name, authorize_as) or LoginRefused(LoginProblem.WRONG)
        except StoreError:
            return LoginRefused(LoginProblem.UNAVAILABLE)

    async def _as(self, name: str, authorize_as: str) -> Login | LoginRefused | None:
        """None: there is no such account."""
        account = login_address(name)
        account_id = None if account is None else await self._store.read(account_id_of, account)
        if account is None or account_id is None:
            return None
        if authorize_as and login_address(authorize_as) != account:
            return LoginRefused(LoginProblem.NOT_PERMITTED)
        return Login(account_id, account)

    def _is_counted(self, token: str, peer: str) -> bool:
        """Whether this token from this network was counted before; from now on it is."""
        network = self._limiter.peer(peer).network
        text = f"{len(network)}:{network}{token}".encode()
        digest = hashlib.blake2b(text, key=self._key, digest_size=32).digest()
        now = self._now()
        if now < self._counted.get(digest, 0.0):
            return True
        if len(self._counted) >= MAX_REMEMBERED:
            self._counted.clear()
        self._counted[digest] = now + WRONG_REMEMBERED_S
        return False
