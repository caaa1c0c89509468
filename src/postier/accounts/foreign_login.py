"""Login by what somebody else vouches for: an OAuth token, or a client's certificate.

Not here: asking whoever gave out the token (a `TokenChecker`), verifying certificates (TLS). Sources: RFC 7628, RFC 4422
appendix A. Invariants: the account is one's own address in canonical form and exists; refused tokens count like wrong passwords.
"""

from typing import Protocol

from postier.accounts.accounts import account_id_of
from postier.accounts.limiter import Limiter
from postier.accounts.login import Login, LoginProblem, LoginRefused
from postier.accounts.names import login_address
from postier.store.transaction import Store, StoreError


class TokenUnavailableError(Exception):
    """Whoever gives out tokens can't be asked now."""


class TokenChecker(Protocol):
    """Knows what a token is worth."""

    async def name_of(self, token: str) -> str | None:
        """The address that the token speaks for; None if it is no good. Raises TokenUnavailableError."""
        ...


class ForeignLogins:
    """One worker's; belongs to one event loop."""

    def __init__(self, store: Store, limiter: Limiter) -> None:
        self._store = store
        self._limiter = limiter

    async def by_token(
        self, checker: TokenChecker, token: str, *, peer: str, authorize_as: str
    ) -> Login | LoginRefused:
        """Check a token; `authorize_as` is the account that the client means, empty for the token's own."""
        claimed = login_address(authorize_as) if authorize_as else None
        if authorize_as and claimed is None:
            return LoginRefused(LoginProblem.WRONG)
        try:
            if claimed is not None and (wait_s := await self._limiter.wait_s(peer, claimed)):
                return LoginRefused(LoginProblem.LIMITED, wait_s)
            name = await checker.name_of(token)
            if name is None:
                if claimed is not None:
                    await self._limiter.failed(peer, claimed)
                return LoginRefused(LoginProblem.WRONG)
            return await self._as(name, authorize_as)
        except (StoreError, TokenUnavailableError):
            return LoginRefused(LoginProblem.UNAVAILABLE)

    async def by_certificate(self, name: str, *, authorize_as: str) -> Login | LoginRefused:
        """The verified certificate of the client names `name`."""
        try:
            return await self._as(name, authorize_as)
        except StoreError:
            return LoginRefused(LoginProblem.UNAVAILABLE)

    async def _as(self, name: str, authorize_as: str) -> Login | LoginRefused:
        account = login_address(name)
        account_id = None if account is None else await self._store.read(account_id_of, account)
        if account is None or account_id is None:
            return LoginRefused(LoginProblem.WRONG)
        if authorize_as and login_address(authorize_as) != account:
            return LoginRefused(LoginProblem.NOT_PERMITTED)
        return Login(account_id, account)
