"""What a listener lets its sessions do: role, offers and limits.

Not here: where they come from (configuration). Sources of the limits: RFC 5321 §4.5.3.1, RFC 4954 §4, and the
length that each extension adds to a command line.
"""

from enum import Enum
from typing import Final

import msgspec

# RFC 5321 §4.5.3.1.4: 512. Added to MAIL: 26 SIZE (1870 §3), 17 BODY (6152 §3), 10 SMTPUTF8 (6531 §3.1), 500 AUTH
# (4954 §3), 124 RET and ENVID, 11 REQUIRETLS (8689 §2),
# 17 BY (2852 §2); to RCPT: 500 ORCPT and 30 NOTIFY (3461 §4). One limit for all.
MAX_COMMAND_OCTETS: Final = 2048
MAX_AUTH_OCTETS: Final = 12_288  # RFC 4954 §4, for a response line and for AUTH with an initial response
MAX_BUFFERED_OCTETS: Final = 1 << 20  # unread input of a session; its owner stops reading while PAUSED
COMMAND_TIMEOUT_S: Final = 300  # RFC 5321 §4.5.3.2.7: how long the owner waits for a client, at least
MIN_RECIPIENTS: Final = 100  # RFC 5321 §4.5.3.1.8


class Role(Enum):
    """Which protocol the listener speaks and for whom."""

    MX = "mx"  # mail from other servers
    SUBMISSION = "submission"  # mail from our own users, after login (RFC 6409)
    LMTP = "lmtp"  # RFC 2033


class SessionSettings(msgspec.Struct, frozen=True):
    """The settings of one listener; sessions share it."""

    hostname: str
    role: Role = Role.MX
    software: str = "Postier"
    is_tls_available: bool = False  # STARTTLS is offered
    is_tls_implicit: bool = False  # the connection is encrypted from the start
    is_tls_required: bool = False  # 530 until TLS is on (RFC 3207 §4: never on a public port 25)
    auth_mechanisms: tuple[str, ...] = ()
    is_plaintext_login_allowed: bool = False  # announce AUTH without TLS: tests on loopback only
    is_auth_required: bool | None = None  # None: in submission
    offers_smtputf8: bool = True
    offers_chunking: bool = True
    offers_dsn: bool = False
    offers_deliverby: bool = False  # RFC 2852
    offers_requiretls: bool = False  # announced under TLS only (RFC 8689 §2)
    refuses_early_talkers: bool = True
    max_message_bytes: int = 50 * 1024 * 1024
    max_recipients: int = 1000
    max_errors: int = (
        20  # commands refused by the session itself, failed logins among them, since the last message
    )
    max_idle_commands: int = 100  # commands that carry no mail, since the last message
    max_chunks: int = 10_000  # BDAT commands of one message

    def __post_init__(self) -> None:
        if self.max_recipients < MIN_RECIPIENTS:
            raise ValueError(f"max_recipients below {MIN_RECIPIENTS} violates RFC 5321 §4.5.3.1.8")

    @property
    def needs_auth(self) -> bool:
        """Whether MAIL waits for a login."""
        return self.role is Role.SUBMISSION if self.is_auth_required is None else self.is_auth_required
