"""Why the delivery agent refuses; what protocols turn into their own words.

The values of `Refusal` are the response codes of RFC 5530 and RFC 9051 §7.1; an IMAP reply can quote them as they are.
"""

import enum


class Refusal(enum.Enum):
    """The reason in one word."""

    NONEXISTENT = "NONEXISTENT"
    ALREADY_EXISTS = "ALREADYEXISTS"
    CANNOT = "CANNOT"
    GONE = "EXPUNGEISSUED"
    LIMIT = "LIMIT"
    NO_PERMISSION = "NOPERM"
    OVER_QUOTA = "OVERQUOTA"
    USE_ATTRIBUTE = "USEATTR"


class MailboxRefusedError(Exception):
    """The change or the question is refused; it leaves the transaction, which changes nothing then.

    `str()` is for the user's eyes. Names that one may not see are refused exactly as names that do not exist.
    """

    def __init__(self, refusal: Refusal, text: str) -> None:
        super().__init__(text)
        self.refusal = refusal


class LimitError(MailboxRefusedError):
    """A named limit of the delivery agent is reached."""

    def __init__(self, text: str) -> None:
        super().__init__(Refusal.LIMIT, text)


class QuotaExceededError(MailboxRefusedError):
    """The account has no room for that many octets more."""

    def __init__(self, account_id: int, size_bytes: int) -> None:
        super().__init__(Refusal.OVER_QUOTA, f"there is no room for {size_bytes} octets more")
        self.account_id = account_id
        self.size_bytes = size_bytes


def no_such_mailbox() -> MailboxRefusedError:
    """The one answer for what does not exist and for what is another's (no oracle)."""
    return MailboxRefusedError(Refusal.NONEXISTENT, "no such mailbox")
