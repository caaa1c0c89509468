"""What one ManageSieve connection may do, and the named limits of its input.

Not here: time-outs and counts of connections (the listener's), how many scripts an account may have (`accounts.scripts`).
"""

import msgspec

MAX_LINE_OCTETS = 12_800  # without literals: a SASL answer as a quoted string with its verb
MAX_STRING_OCTETS = 1_024  # RFC 5804 §4 and eid2655: of a quoted string; and of a name as a literal
MAX_AUTH_OCTETS = 12_288  # of a SASL answer in base64; RFC 4954 §4 has this figure
MAX_SKIPPED_OCTETS = 16 << 20  # of a literal that is too large: what is more ends the connection
MAX_TOKENS = 4  # a verb and its arguments; the longest commands have three
MAX_BUFFERED_OCTETS = 64 << 10  # of input that is not used yet, beside what one read brings
MAX_COMMANDS_BEFORE_LOGIN = 100


class SessionSettings(msgspec.Struct, frozen=True):
    """One listener's settings; `extensions` and `max_redirects` are the Sieve engine's."""

    hostname: str
    extensions: tuple[str, ...] = ()
    max_redirects: int = 0
    notify_methods: tuple[str, ...] = ()
    list_schemes: tuple[str, ...] = ()  # of URIs (RFC 6134 §2.8)
    max_script_octets: int = 1 << 20
    is_tls_available: bool = False  # STARTTLS
    is_tls_implicit: bool = False
    is_plaintext_login_allowed: bool = False
    mechanisms: tuple[str, ...] = ("PLAIN",)
    max_errors: int = 20  # in a row
