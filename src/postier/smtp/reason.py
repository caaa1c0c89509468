"""Why a command, a recipient or a message is refused or deferred: one named value and the table of all of them.

Not here: what decides (the rooms above), the wire form of a reply (`replies`). A reason appears under the same
name in the SMTP reply, the log, the trace, the metric and the user's screen, so its name never changes meaning.
Sources: reply codes RFC 5321 §4.2.3 and the RFCs of the extensions, enhanced codes RFC 3463 and the registry of
RFC 5248 with its additions (RFC 4954, 6531, 7372, 7505, 8617, 8689, 9989). Invariants: the class of the enhanced
code equals the first digit of the reply code (a 4yz reply never says 5.x.x, RFC 2034 §4); names are unique.
Longer than most modules because it is the declared table, which is data.
"""

from enum import IntEnum
from typing import Final, Self

import msgspec


class Severity(IntEnum):
    """What the sender should do: the first digit of the code (RFC 5321 §4.2.1)."""

    TEMPORARY = 4
    PERMANENT = 5


class Reason(msgspec.Struct, frozen=True):
    """A named refusal (5yz) or deferral (4yz); `text` is what the peer reads, `meaning` what the manual says."""

    name: str
    code: int
    enhanced: str
    text: str
    meaning: str = ""

    def with_text(self, detail: str) -> Self:
        """The same reason, told in other words (which address, which limit); the name and the codes stay."""
        return msgspec.structs.replace(self, text=detail)

    @property
    def severity(self) -> Severity:
        """Whether trying again may help."""
        return Severity(self.code // 100)

    @property
    def is_permanent(self) -> bool:
        """Whether the code is a 5yz."""
        return self.code >= 500

    @property
    def closes(self) -> bool:
        """Whether the connection ends with this reply (RFC 5321 §4.2.3 421, RFC 7504 §3 521)."""
        return self.code in {421, 521}


REASONS: Final[dict[str, Reason]] = {}  # every reason by its name, in the order of this page


def _declare(name: str, code: int, enhanced: str, text: str, meaning: str) -> Reason:
    assert name not in REASONS, name
    reason = REASONS[name] = Reason(name, code, enhanced, text, meaning)
    return reason


# Addresses: X.1.x (RFC 3463 §3.2)
UNKNOWN_USER = _declare(
    "unknown-user",
    550,
    "5.1.1",
    "No such user here",
    "The domain is ours and the local part is not in its directory.",
)
UNKNOWN_DOMAIN = _declare(
    "unknown-domain", 550, "5.1.2", "No such domain", "The recipient's domain does not exist in the DNS."
)
RECIPIENT_SYNTAX = _declare(
    "recipient-syntax",
    501,
    "5.1.3",
    "Malformed recipient address",
    "RCPT TO does not carry a valid forward-path.",
)
SENDER_SYNTAX = _declare(
    "sender-syntax",
    501,
    "5.1.7",
    "Malformed sender address",
    "MAIL FROM does not carry a valid reverse-path.",
)
SENDER_DOMAIN_UNKNOWN = _declare(
    "sender-domain-unknown",
    550,
    "5.1.8",
    "Sender domain does not exist",
    "The domain of the reverse-path has neither MX nor address records, so no bounce could reach it.",
)
SENDER_DOMAIN_UNRESOLVED = _declare(
    "sender-domain-unresolved",
    451,
    "4.1.8",
    "Sender domain cannot be looked up now",
    "The DNS did not answer for the domain of the reverse-path.",
)
RECIPIENT_NULL_MX = _declare(
    "recipient-null-mx",
    556,
    "5.1.10",
    "Domain does not accept mail",
    "The recipient's domain publishes a null MX (RFC 7505).",
)
SENDER_NULL_MX = _declare(
    "sender-null-mx",
    550,
    "5.7.27",
    "Sender domain does not accept mail",
    "The domain of the reverse-path publishes a null MX (RFC 7505), so no bounce could reach it.",
)

# Mailboxes: X.2.x
MAILBOX_DISABLED = _declare(
    "mailbox-disabled",
    550,
    "5.2.1",
    "Mailbox is disabled",
    "The account exists and is closed for incoming mail.",
)
MAILBOX_UNAVAILABLE = _declare(
    "mailbox-unavailable",
    450,
    "4.2.1",
    "Mailbox is not available now",
    "The account cannot take mail at the moment.",
)
MAILBOX_FULL = _declare(
    "mailbox-full",
    452,
    "4.2.2",
    "Mailbox is full",
    "The account's quota is used up; the sender may try again.",
)
MAILBOX_OVER_QUOTA = _declare(
    "mailbox-over-quota",
    552,
    "5.2.2",
    "Mailbox is over its quota",
    "The account's quota has been used up for long.",
)
MAILBOX_SIZE_LIMIT = _declare(
    "mailbox-size-limit",
    552,
    "5.2.3",
    "Message too big for this mailbox",
    "This account takes smaller messages only.",
)

# The mail system: X.3.x
STORAGE_FULL = _declare(
    "storage-full",
    452,
    "4.3.1",
    "Out of storage, try again later",
    "The disk or the database has no room left.",
)
INTERNAL_ERROR = _declare(
    "internal-error",
    451,
    "4.3.0",
    "Local error in processing, try again later",
    "A fault of this server; see its log.",
)
FAULT = _declare(
    "fault",
    421,
    "4.3.0",
    "Local error in processing, try again later",
    "A fault of this server that ends the connection; see its log.",
)
SYSTEM_SHUTDOWN = _declare(
    "system-shutdown", 421, "4.3.2", "Service shutting down", "The server is being stopped or restarted."
)
HOST_TAKES_NO_MAIL = _declare(
    "host-takes-no-mail",
    521,
    "5.3.2",
    "Host does not accept mail",
    "This listener takes no mail at all (RFC 7504).",
)
MESSAGE_TOO_BIG = _declare(
    "message-too-big", 552, "5.3.4", "Message too big", "The message exceeds the size limit of this server."
)

# Routing and the network: X.4.x
HOST_UNREACHABLE = _declare(
    "host-unreachable",
    451,
    "4.4.1",
    "No answer from the host",
    "No connection to any host of the destination.",
)
TIMEOUT = _declare(
    "timeout", 421, "4.4.2", "Timeout", "The peer was silent for too long; the connection ends."
)
CONNECTION_LOST = _declare(
    "connection-lost",
    451,
    "4.4.2",
    "Connection lost",
    "The connection broke before the message was acknowledged.",
)
DNS_FAILURE = _declare(
    "dns-failure",
    451,
    "4.4.3",
    "Destination cannot be looked up now",
    "The DNS did not answer for the destination.",
)
NO_ROUTE = _declare(
    "no-route", 550, "5.4.4", "Unable to route", "The destination has no host that could take its mail."
)
TOO_MANY_HOPS = _declare(
    "too-many-hops",
    554,
    "5.4.6",
    "Too many hops, loop suspected",
    "The message has more Received fields than allowed.",
)
DELIVERY_EXPIRED = _declare(
    "delivery-expired", 554, "5.4.7", "Delivery time expired", "The message could not be delivered in time."
)

# The protocol: X.5.x
BAD_SEQUENCE = _declare(
    "bad-sequence", 503, "5.5.1", "Bad sequence of commands", "The command is not allowed in this state."
)
NESTED_MAIL = _declare(
    "nested-mail", 503, "5.5.1", "Nested MAIL command", "MAIL came while a transaction was open."
)
NO_VALID_RECIPIENTS = _declare(
    "no-valid-recipients",
    554,
    "5.5.1",
    "No valid recipients",
    "DATA came although no recipient had been accepted.",
)
ALREADY_AUTHENTICATED = _declare(
    "already-authenticated",
    503,
    "5.5.1",
    "Already authenticated",
    "A second AUTH in one session (RFC 4954 §4).",
)
UNKNOWN_COMMAND = _declare(
    "unknown-command",
    500,
    "5.5.1",
    "Command not recognized",
    "The verb is not one of SMTP or its extensions here.",
)
NOT_IMPLEMENTED = _declare(
    "not-implemented",
    502,
    "5.5.1",
    "Command not implemented",
    "A verb of SMTP that this listener does not offer.",
)
SYNTAX = _declare(
    "syntax", 500, "5.5.2", "Syntax error", "The line is not a command: control or 8-bit characters."
)
ARGUMENT = _declare(
    "argument",
    501,
    "5.5.4",
    "Syntax error in parameters or arguments",
    "An argument or parameter value is malformed.",
)
UNSUPPORTED_PARAMETER = _declare(
    "unsupported-parameter",
    555,
    "5.5.4",
    "Parameter not recognized",
    "A MAIL or RCPT parameter that was not offered.",
)
LINE_TOO_LONG = _declare("line-too-long", 500, "5.5.2", "Line too long", "A command line exceeds the limit.")
BARE_NEWLINE_COMMAND = _declare(
    "bare-newline-command",
    500,
    "5.5.2",
    "Lines end in CRLF",
    "A command line ended in LF alone; whoever does so may be a smuggler, so the connection ends.",
)
TOO_MANY_RECIPIENTS = _declare(
    "too-many-recipients",
    452,
    "4.5.3",
    "Too many recipients",
    "Send the remaining recipients in another transaction.",
)
TOO_MANY_CHUNKS = _declare(
    "too-many-chunks",
    554,
    "5.5.0",
    "Too many BDAT chunks",
    "The message came in more BDAT commands than allowed.",
)
EARLY_TALKER = _declare(
    "early-talker", 554, "5.5.0", "You spoke before the greeting", "The client sent data before the greeting."
)
FOREIGN_PROTOCOL = _declare(
    "foreign-protocol",
    421,
    "4.7.0",
    "This is a mail server",
    "The client speaks HTTP or TLS where SMTP is spoken: a confused or abused browser; the connection ends.",
)
TOO_MANY_COMMANDS = _declare(
    "too-many-commands",
    421,
    "4.7.0",
    "Too many commands without mail",
    "Commands that lead to no message; closed.",
)
TOO_MANY_ERRORS = _declare(
    "too-many-errors", 421, "4.7.0", "Too many errors", "The client made more errors than allowed; closed."
)
TOO_MANY_CONNECTIONS = _declare(
    "too-many-connections", 421, "4.7.0", "Too many connections", "The client has too many connections open."
)

# The content: X.6.x
BARE_NEWLINE = _declare(
    "bare-newline",
    554,
    "5.6.0",
    "Message has a bare CR or LF",
    "A line end that is not CRLF (RFC 5321 §2.3.8): accepted, it could smuggle a second message through another server.",
)
NUL_OCTET = _declare("nul-octet", 554, "5.6.0", "Message has a NUL octet", "NUL is not allowed in text mail.")
MALFORMED_MESSAGE = _declare(
    "malformed-message",
    554,
    "5.6.0",
    "Message is malformed",
    "Header or MIME structure break a rule or a limit.",
)
MULTIPLE_FROM = _declare(
    "multiple-from", 554, "5.6.0", "Message has more than one From field", "RFC 5322 §3.6 allows one only."
)
CONVERSION_REQUIRED = _declare(
    "conversion-required",
    554,
    "5.6.3",
    "Message needs 8BITMIME, which the next host does not offer",
    "An 8-bit body would have to be converted, which this server does not do.",
)
NON_ASCII_SENDER = _declare(
    "non-ascii-sender",
    550,
    "5.6.7",
    "Non-ASCII sender address needs SMTPUTF8",
    "A reverse-path in UTF-8 without the SMTPUTF8 parameter (RFC 6531 §3.5).",
)
NON_ASCII_RECIPIENT = _declare(
    "non-ascii-recipient",
    553,
    "5.6.7",
    "Non-ASCII recipient address needs SMTPUTF8",
    "A forward-path in UTF-8 without the SMTPUTF8 parameter (RFC 6531 §3.5).",
)
UTF8_HEADERS = _declare(
    "utf8-headers",
    554,
    "5.6.9",
    "UTF-8 headers need SMTPUTF8, which the next host does not offer",
    "An internationalised message cannot be sent to this host (RFC 6531 §3.5).",
)

# Security and policy: X.7.x
TLS_REQUIRED = _declare(
    "tls-required",
    530,
    "5.7.0",
    "Must issue a STARTTLS command first",
    "This listener wants TLS (RFC 3207 §4).",
)
TLS_UNAVAILABLE = _declare(
    "tls-unavailable",
    454,
    "4.7.0",
    "TLS not available now",
    "TLS cannot be started at the moment (RFC 3207 §4).",
)
TLS_POLICY = _declare(
    "tls-policy",
    451,
    "4.7.5",
    "No connection that satisfies the TLS policy",
    "The destination demands verified TLS (DANE, MTA-STS) and no host gave it.",
)
ENCRYPTION_NEEDED = _declare(
    "encryption-needed",
    523,
    "5.7.10",
    "Encryption needed",
    "The message asks for TLS and the host has none (RFC 8689).",
)
REQUIRETLS_UNSUPPORTED = _declare(
    "requiretls-unsupported",
    550,
    "5.7.30",
    "REQUIRETLS support required",
    "The message asks for REQUIRETLS and the host does not offer it (RFC 8689 §4.2.1).",
)
DELIVERBY_UNSUPPORTED = _declare(
    "deliverby-unsupported",
    554,
    "5.3.3",
    "The next host does not undertake to deliver in time",
    "The message must be delivered by a time, and the host does not offer that or needs longer (RFC 2852 §4.1.4.1).",
)
DELIVERY_TIME_EXPIRED = _declare(
    "delivery-time-expired",
    554,
    "5.4.7",
    "Delivery time expired",
    "The time by which the message was to be delivered, or else returned, has passed (RFC 2852 §4.1.3).",
)
AUTH_REQUIRED = _declare(
    "auth-required", 530, "5.7.0", "Authentication required", "Submission needs a login first (RFC 4954 §6)."
)
AUTH_FAILED = _declare(
    "auth-failed",
    535,
    "5.7.8",
    "Authentication credentials invalid",
    "Wrong name or password, without saying which.",
)
AUTH_TEMPORARY = _declare(
    "auth-temporary", 454, "4.7.0", "Temporary authentication failure", "The directory could not be asked."
)
AUTH_THROTTLED = _declare(
    "auth-throttled",
    454,
    "4.7.0",
    "Too many logins failed, try again later",
    "The login limiter has stepped in.",
)
AUTH_MECHANISM_UNKNOWN = _declare(
    "auth-mechanism-unknown",
    504,
    "5.5.4",
    "Mechanism not offered",
    "AUTH named a mechanism that was not announced.",
)
AUTH_MECHANISM_WEAK = _declare(
    "auth-mechanism-weak",
    534,
    "5.7.9",
    "Mechanism is too weak",
    "Policy wants a stronger mechanism for this user.",
)
AUTH_NEEDS_TLS = _declare(
    "auth-needs-tls",
    538,
    "5.7.11",
    "Encryption required for authentication",
    "A login before STARTTLS would send the password in the clear (RFC 4954 §4).",
)
AUTH_ENCODING = _declare("auth-encoding", 501, "5.5.2", "Invalid base64", "A SASL response is not base64.")
AUTH_CANCELLED = _declare("auth-cancelled", 501, "5.7.0", "Authentication cancelled", "The client sent '*'.")
AUTH_LINE_TOO_LONG = _declare(
    "auth-line-too-long",
    500,
    "5.5.6",
    "Authentication exchange line is too long",
    "A SASL response over the limit.",
)
ACCOUNT_DISABLED = _declare(
    "account-disabled",
    525,
    "5.7.13",
    "User account disabled",
    "The login was right and the account is closed.",
)
RELAY_DENIED = _declare(
    "relay-denied",
    550,
    "5.7.1",
    "Relaying denied",
    "The recipient is not ours and the client has not logged in.",
)
SOURCE_ROUTE = _declare(
    "source-route",
    550,
    "5.7.1",
    "Source routes are not relayed",
    "A routed address (@a:b@c, a%b@c, a!b@c): the classic way to use a server as an open relay.",
)
SENDER_NOT_OWNED = _declare(
    "sender-not-owned",
    553,
    "5.7.1",
    "Not allowed to send as this address",
    "The account does not own the sender.",
)
FILTER_REFUSED = _declare(
    "filter-refused",
    550,
    "5.7.1",
    "The recipient's mail filter refuses this message",
    "Every recipient's Sieve script refuses the letter (RFC 5429); the text is theirs.",
)
POLICY_REFUSED = _declare(
    "policy-refused", 550, "5.7.1", "Refused by policy", "A rule of the administrator or a hook refuses it."
)
POLICY_DEFERRED = _declare(
    "policy-deferred", 451, "4.7.1", "Deferred by policy", "A rule of the administrator or a hook defers it."
)
RATE_LIMITED = _declare(
    "rate-limited", 450, "4.7.1", "Rate limit exceeded", "Too many messages in too short a time."
)
GREYLISTED = _declare(
    "greylisted", 451, "4.7.1", "Greylisted, try again later", "First contact of an unknown sender."
)
BLOCK_LISTED = _declare(
    "block-listed",
    554,
    "5.7.1",
    "Client host is on a block list",
    "A DNS list or a local list names the client.",
)
SPAM = _declare(
    "spam", 550, "5.7.1", "Message looks like spam", "The verdict on the content was to refuse it."
)
NOT_PASSED_ON = _declare(
    "not-passed-on",
    550,
    "5.7.1",
    "Message is judged junk and is not passed on",
    "The address leads to another server, and nothing that is judged junk leaves this one.",
)
MALICIOUS = _declare(
    "malicious", 550, "5.7.1", "Message looks malicious", "The verdict found malware, phishing or fraud."
)
SPF_FAIL = _declare(
    "spf-fail",
    550,
    "5.7.23",
    "SPF validation failed",
    "The sender's domain says this host may not send for it.",
)
SPF_ERROR = _declare(
    "spf-error", 451, "4.7.24", "SPF validation error", "The SPF record could not be read; temporary."
)
DKIM_NONE = _declare(
    "dkim-none", 550, "5.7.20", "No passing DKIM signature found", "Policy wants a DKIM signature."
)
DKIM_UNACCEPTABLE = _declare(
    "dkim-unacceptable",
    550,
    "5.7.21",
    "No acceptable DKIM signature found",
    "Signatures pass, and none is accepted.",
)
DKIM_UNMATCHED = _declare(
    "dkim-unmatched",
    550,
    "5.7.22",
    "No valid author-matched DKIM signature found",
    "No passing signature belongs to the author's domain.",
)
REVERSE_DNS_FAIL = _declare(
    "reverse-dns-fail",
    550,
    "5.7.25",
    "Reverse DNS validation failed",
    "The client's address has no matching name.",
)
DMARC_REJECT = _declare(
    "dmarc-reject",
    550,
    "5.7.26",
    "DMARC policy of the author's domain is reject",
    "Neither SPF nor DKIM proves the author's domain, and it asks to refuse such mail.",
)
ARC_FAIL = _declare(
    "arc-fail", 550, "5.7.29", "ARC validation failure", "The ARC chain is broken and policy wants it."
)
