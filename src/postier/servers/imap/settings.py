"""What one IMAP listener may do and take.

Not here: where the values come from (`app.settings`).
"""

import msgspec

from postier.imap.reader_events import Limits
from postier.servers.logins import OFFERED_NAMES


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds a peer may take: for the handshake, until it has logged in, silent afterwards, within a message."""

    handshake_s: float = 30
    login_s: float = 300
    idle_s: float = 1800  # RFC 9051 §5.4
    data_s: float = 300


class ImapSettings(msgspec.Struct, frozen=True):
    """One listener's settings; `has_starttls` and `is_tls_implicit` exclude each other.

    `sieve_url` is where scripts for what happens here are kept (RFC 6785 §2.1, RFC 5804 §3); "": nowhere that clients reach.
    """

    hostname: str
    has_starttls: bool = False
    is_tls_implicit: bool = False
    is_plaintext_login_allowed: bool = False
    offers_unauthenticate: bool = True
    sieve_url: str = ""
    mechanisms: tuple[str, ...] = OFFERED_NAMES
    submission_entities: frozenset[str] = frozenset()  # accounts that may use URLs for submit+ (RFC 4467 §3)
    message_bytes: int = 50 << 20
    line_bytes: int = 64 << 10
    has_raw_headers: bool = (
        False  # 8-bit headers are taken from and given to clients without UTF-8 (RFC 9755 §4, §8)
    )
    message_limit: int = 0  # the most messages that one command works on (RFC 9738); 0: any number
    max_errors: int = 20  # commands in a row that are BAD, or failed logins
    timeouts: Timeouts = Timeouts()

    @property
    def limits(self) -> Limits:
        """What the reader takes after login."""
        return Limits(
            line_bytes=self.line_bytes,
            authenticate_line_bytes=self.line_bytes,
            non_sync_bytes=self.message_bytes,
            message_bytes=self.message_bytes,
        )
