"""The accounts that a user may name in a call. Source: RFC 8620 §1.6.2, §2, §3.6.2.

Not here: who may see which account (`mailbox.rights`, asked by who builds the map). Invariant: an account of which the user must
not know is not in the map, so it is answered as one that does not exist.
"""

from collections.abc import Mapping

import msgspec

from postier.jmap.core.errors import MethodError, MethodErrorType


class Account(msgspec.Struct, frozen=True):
    """One account as this user has it; `number` is its id in the store."""

    number: int
    name: str
    is_personal: bool
    is_read_only: bool
    capabilities: frozenset[str]


def choose(
    accounts: Mapping[str, Account], account_id: str, capability: str, *, to_write: bool = False
) -> Account:
    """The account that a method of the capability works on. Raises MethodError."""
    account = accounts.get(account_id)
    if account is None:
        raise MethodError(MethodErrorType.ACCOUNT_NOT_FOUND)
    if capability not in account.capabilities:
        raise MethodError(MethodErrorType.ACCOUNT_NOT_SUPPORTED)
    if to_write and account.is_read_only:
        raise MethodError(MethodErrorType.ACCOUNT_READ_ONLY)
    return account


def choose_source(accounts: Mapping[str, Account], account_id: str, capability: str) -> Account:
    """The account that records are copied from. Raises MethodError with the kinds of RFC 8620 §5.4."""
    try:
        return choose(accounts, account_id, capability)
    except MethodError as error:
        if error.type is MethodErrorType.ACCOUNT_NOT_FOUND:
            raise MethodError(MethodErrorType.FROM_ACCOUNT_NOT_FOUND) from None
        raise MethodError(MethodErrorType.FROM_ACCOUNT_NOT_SUPPORTED) from None
