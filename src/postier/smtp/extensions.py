"""What a server's answer to EHLO offers.

Not here: what our server announces (`commands.extensions`). Sources: RFC 5321 §4.1.1.1, 1870 (SIZE), 4954 (AUTH), 9422
(LIMITS), 2852 §2 (DELIVERBY). Invariant: an unreadable keyword or value counts as not offered; nothing raises.
"""

import re
from typing import Final, Self

import msgspec

from postier.smtp.replies import Reply

_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_LIMIT: Final = re.compile(r"RCPTMAX=([1-9][0-9]{0,5})")  # RFC 9422 §4.2
MAX_SIZE_DIGITS: Final = 20  # RFC 1870 §4
MAX_BY_DIGITS: Final = 9  # RFC 2852 §2


class Extensions(msgspec.Struct, frozen=True):
    """Keyword (upper case) to its parameters; empty after HELO."""

    offers: dict[str, str] = {}

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """Read the reply; its first line is the greeting (RFC 5321 §4.1.1.1)."""
        offers: dict[str, str] = {}
        for line in reply.lines[1:]:
            # "AUTH=PLAIN" is how servers told Outlook of 1998; some still say only that
            keyword, _, rest = (
                line.strip().replace("=", " ", 1 if line[:5].upper() == "AUTH=" else 0).partition(" ")
            )
            if _KEYWORD.fullmatch(keyword):
                name = keyword.upper()
                offers[name] = f"{offers[name]} {rest.strip()}" if name in offers else rest.strip()
        return cls(offers)

    def has(self, keyword: str) -> bool:
        """Whether the keyword (upper case) is offered."""
        return keyword in self.offers

    @property
    def max_size_bytes(self) -> int | None:
        """The largest message the server takes; None if it does not say (RFC 1870 §4: 0 is "no limit")."""
        size = self.offers.get("SIZE", "").partition(" ")[0]
        if size.isascii() and size.isdigit() and len(size) <= MAX_SIZE_DIGITS:
            return int(size) or None
        return None

    @property
    def max_recipients(self) -> int | None:
        """How many RCPT one transaction may have; None if it does not say."""
        match = next(filter(None, map(_LIMIT.fullmatch, self.offers.get("LIMITS", "").upper().split())), None)
        return int(match[1]) if match is not None else None

    @property
    def min_by_seconds(self) -> int:
        """The shortest time in which the server undertakes to deliver; 0 if it does not say (RFC 2852 §3)."""
        least = self.offers.get("DELIVERBY", "").partition(",")[0].strip()
        return int(least) if least.isascii() and least.isdigit() and len(least) <= MAX_BY_DIGITS else 0

    @property
    def auth_mechanisms(self) -> tuple[str, ...]:
        """The SASL mechanisms offered, in the server's order."""
        return tuple(dict.fromkeys(self.offers.get("AUTH", "").upper().split()))
