"""What one POP3 connection may do, and the named limits of its input.

Not here: time-outs and counts of connections (the listener's).
"""

import msgspec

MAX_COMMAND_OCTETS = 255  # RFC 2449 §4, its CRLF included
MAX_CREDENTIAL_OCTETS = 1_100  # USER and PASS: the longest password with its verb
MAX_AUTH_OCTETS = 12_288  # RFC 5034 §4: whatever the mechanisms need; RFC 4954 §4 has this figure
MAX_COMMANDS_BEFORE_LOGIN = 100
MAX_BUFFERED_OCTETS = 64 << 10  # of input that is not used yet, beside what one read brings


class SessionSettings(msgspec.Struct, frozen=True):
    """One listener's settings."""

    hostname: str
    is_tls_available: bool = False  # STLS
    is_tls_implicit: bool = False
    is_plaintext_login_allowed: bool = False
    mechanisms: tuple[str, ...] = ("PLAIN",)
    max_errors: int = 20  # in a row
