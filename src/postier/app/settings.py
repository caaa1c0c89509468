"""Every setting of the configuration file, declared once: name, kind, default, range and its sentence.

Not here: reading the file (`configuration`), the manual page made from this (`manual`). What a node needs to boot
stands here and nothing else; domains, accounts and policies live in the store. Invariant: each field that is not
a section carries a `Key`; a field's name is the key's name, units included (`_s` seconds, sizes in bytes). Over 400 lines,
for it is one table.
"""

import enum
import os
from pathlib import Path
from typing import Annotated

import msgspec

from postier.app.values import Endpoint, Kind, Network

KIB = 1024
MIB = 1024 * KIB
DAY_S = 86400
HOUR_S = 3600


class Key(msgspec.Struct, frozen=True):
    """What is declared of one setting beside its type and default."""

    kind: Kind
    doc: str  # one sentence
    default: str = ""  # in words, where the default is computed
    minimum: int | None = None
    maximum: int | None = None
    choices: type[enum.Enum] | None = None
    is_secret: bool = False  # never shown; may also be given as `<name>_file`
    is_live: bool = True  # changes at SIGHUP; otherwise only at a restart


class Protocol(enum.Enum):
    """What a listener speaks."""

    SMTP = "smtp"
    SUBMISSION = "submission"
    LMTP = "lmtp"
    IMAP = "imap"
    POP3 = "pop3"
    MANAGESIEVE = "managesieve"
    HTTP = "http"
    METRICS = "metrics"


class TlsMode(enum.Enum):
    """How a listener starts TLS."""

    NONE = "none"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


class LogLevel(enum.Enum):
    """The least level that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(enum.Enum):
    """How a log line looks."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """Where accounts, mailboxes, indexes and the queue are kept."""

    url: Annotated[
        str,
        Key(
            Kind.TEXT,
            'The database: "sqlite:" keeps it inside the data folder, "postgresql://user@host/db" uses a server.',
            is_secret=True,
            is_live=False,
        ),
    ] = "sqlite:"


class Blobs(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bodies of messages are kept."""

    url: Annotated[
        str,
        Key(
            Kind.TEXT,
            'The blobs: "pack:" keeps pack files inside the data folder, "s3://bucket?endpoint=URL" uses an S3 server.',
            is_secret=True,
            is_live=False,
        ),
    ] = "pack:"


class Dns(msgspec.Struct, frozen=True, kw_only=True):
    """How names are looked up."""

    resolvers: Annotated[
        tuple[Endpoint, ...],
        Key(
            Kind.RESOLVER,
            "The DNS servers asked, in this order.",
            default="those of /etc/resolv.conf",
            is_live=False,
        ),
    ] = ()


class Bimi(msgspec.Struct, frozen=True, kw_only=True):
    """The logos that the domains of senders assert, and whose word counts for them."""

    check: Annotated[
        bool,
        Key(
            Kind.BOOLEAN,
            "Whether the logo of the author's domain is looked up for letters that pass DMARC, and told to mail programs.",
            is_live=False,
        ),
    ] = False
    roots: Annotated[
        Path | None,
        Key(
            Kind.PATH,
            "The PEM file with the authorities whose mark certificates are believed; mail programs get no other logos then.",
            default="none: certificates are not looked at",
        ),
    ] = None


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate shown to clients and other servers; without one, a self-signed one is made, with a warning."""

    certificate: Annotated[
        Path | None, Key(Kind.PATH, "The PEM file with the certificate and its chain.", default="self-signed")
    ] = None
    key: Annotated[
        Path | None,
        Key(Kind.PATH, "The PEM file with the certificate's private key.", default="self-signed"),
    ] = None


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """One address on which one protocol is spoken; repeat the section for each."""

    protocol: Annotated[
        Protocol, Key(Kind.CHOICE, "The protocol spoken there.", choices=Protocol, is_live=False)
    ]
    bind: Annotated[
        Endpoint,
        Key(
            Kind.BIND,
            'The address and port listened on; "*" is every IPv4 and IPv6 address, port 0 a free one.',
            is_live=False,
        ),
    ]
    tls: Annotated[
        TlsMode,
        Key(
            Kind.CHOICE,
            "Whether clients may upgrade to TLS (starttls), must begin with it (implicit), or cannot use it (none).",
            choices=TlsMode,
            is_live=False,
        ),
    ] = TlsMode.STARTTLS


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one client or message may take; all counts are per worker process."""

    message_size: Annotated[
        int, Key(Kind.SIZE, "The largest message accepted.", minimum=64 * KIB, maximum=2048 * MIB)
    ] = 50 * MIB
    recipients: Annotated[
        int,
        # RFC 5321 §4.5.3.1.8: at least 100 must be taken
        Key(Kind.INTEGER, "The most recipients of one message.", minimum=100, maximum=100_000),
    ] = 1000
    connections: Annotated[
        int, Key(Kind.INTEGER, "The most connections open at one time.", minimum=1, maximum=1_000_000)
    ] = 10_000
    connections_per_ip: Annotated[
        int,
        Key(
            Kind.INTEGER,
            "The most connections open at one time from one IPv4 address or IPv6 /64 network.",
            minimum=1,
            maximum=1_000_000,
        ),
    ] = 50
    errors: Annotated[
        int,
        Key(
            Kind.INTEGER,
            "How many commands of one connection may fail before it is closed.",
            minimum=1,
            maximum=10_000,
        ),
    ] = 20
    line_size: Annotated[
        int,
        Key(
            Kind.SIZE,
            "The longest command line of IMAP; SMTP and POP3 have their own, smaller bounds.",
            minimum=8 * KIB,
            maximum=16 * MIB,
        ),
    ] = 64 * KIB
    handshake_timeout_s: Annotated[
        int, Key(Kind.DURATION, "How long a TLS handshake may take.", minimum=1, maximum=600)
    ] = 30
    command_timeout_s: Annotated[
        int,
        Key(
            Kind.DURATION,
            "How long a client may stay silent between two commands.",
            minimum=1,
            maximum=HOUR_S,
        ),
    ] = 300  # RFC 5321 §4.5.3.2.7: at least five minutes
    data_timeout_s: Annotated[
        int,
        Key(Kind.DURATION, "How long a client may stay silent within a message.", minimum=1, maximum=HOUR_S),
    ] = 300
    idle_timeout_s: Annotated[
        int,
        Key(
            Kind.DURATION,
            "How long an IMAP client that has logged in may stay silent; a POP3 client at most 10 minutes of it.",
            minimum=1,
            maximum=DAY_S,
        ),
    ] = 1800  # RFC 9051 §5.4: at least 30 minutes
    exempt_networks: Annotated[
        tuple[Network, ...],
        Key(
            Kind.NETWORK,
            "Networks without rate limits, bans or name look-ups.",
            default="none",
            is_live=False,
        ),
    ] = ()


class Authentication(msgspec.Struct, frozen=True, kw_only=True):
    """Whom this server believes about where mail comes from."""

    trusted_arc_sealers: Annotated[
        tuple[str, ...],
        Key(
            Kind.HOSTNAME,
            "Forwarders and lists whose ARC seals (d=) are believed where a letter fails its author's DMARC policy.",
            default="none",
        ),
    ] = ()


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """How mail leaves for other servers."""

    port: Annotated[
        int,
        Key(
            Kind.INTEGER,
            "The port dialled at the MX hosts of other domains.",
            minimum=1,
            maximum=65535,
            is_live=False,
        ),
    ] = 25
    allow_private_addresses: Annotated[
        bool,
        Key(Kind.BOOLEAN, "Whether MX hosts on private or loopback addresses are dialled.", is_live=False),
    ] = False
    concurrency: Annotated[
        int,
        Key(
            Kind.INTEGER,
            "The most deliveries under way at one time in each worker.",
            minimum=1,
            maximum=10_000,
        ),
    ] = 100
    destination_concurrency: Annotated[
        int,
        Key(
            Kind.INTEGER,
            "The most connections open at one time to one destination from each worker.",
            minimum=1,
            maximum=1000,
        ),
    ] = 10
    retry_first_s: Annotated[
        int,
        Key(
            Kind.DURATION,
            "The pause before the second attempt; each later one is longer.",
            minimum=1,
            is_live=False,
        ),
    ] = 300
    retry_max_s: Annotated[
        int, Key(Kind.DURATION, "The longest pause between two attempts.", minimum=1, is_live=False)
    ] = 4 * HOUR_S
    lifetime_s: Annotated[
        int,
        Key(
            Kind.DURATION,
            "How long delivery is tried before the sender gets the message back.",
            minimum=1,
            is_live=False,
        ),
    ] = 5 * DAY_S  # RFC 5321 §4.5.4.1: at least 4-5 days
    warn_after_s: Annotated[
        int,
        Key(
            Kind.DURATION,
            "After which delay the sender is told once; 0 never tells.",
            minimum=0,
            is_live=False,
        ),
    ] = 4 * HOUR_S


class Reports(msgspec.Struct, frozen=True, kw_only=True):
    """What others are told about their mail (DMARC) and about connections to them (TLS)."""

    send: Annotated[
        bool,
        Key(
            Kind.BOOLEAN,
            "Whether daily reports are collected and sent to the domains that ask for them.",
            is_live=False,
        ),
    ] = False
    domain: Annotated[
        str | None,
        Key(
            Kind.HOSTNAME,
            "The domain of this server in whose name they are sent and signed.",
            default="the one that the hostname lies in, else the first",
            is_live=False,
        ),
    ] = None
    per_day: Annotated[
        int,
        Key(
            Kind.INTEGER,
            "The most reports sent in 24 hours.",
            minimum=1,
            maximum=100_000,
            is_live=False,
        ),
    ] = 500


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How users may log in."""

    plaintext_login: Annotated[
        bool, Key(Kind.BOOLEAN, "Whether passwords may be sent without TLS; only for tests on loopback.")
    ] = False
    unauthenticate: Annotated[
        bool,
        Key(
            Kind.BOOLEAN, "Whether an IMAP connection may log out of one account and into another (RFC 8437)."
        ),
    ] = True
    submission_entities: Annotated[
        tuple[str, ...],
        Key(
            Kind.ADDRESS,
            "Accounts of servers that submit mail for users: what a user signs for submit+, they may read (IMAP URLAUTH).",
            default="none",
        ),
    ] = ()
    client_certificates: Annotated[
        Path | None,
        Key(
            Kind.PATH,
            "A PEM file with the authorities whose certificates log in the account with the mail address in them.",
            default="none",
            is_live=False,
        ),
    ] = None


class Sieve(msgspec.Struct, frozen=True, kw_only=True):
    """Filter scripts."""

    global_scripts: Annotated[
        Path | None,
        Key(
            Kind.PATH,
            "A folder of scripts, NAME.sieve, that every account can include with :global.",
            default="none",
            is_live=False,
        ),
    ] = None
    lists: Annotated[
        Path | None,
        Key(
            Kind.PATH,
            "A folder of lists for :list in scripts: files named as their URI (tag:..., with %2F for a slash), a member on each line.",
            default="none",
            is_live=False,
        ),
    ] = None
    event_script: Annotated[
        str,
        Key(
            Kind.TEXT,
            "The name of the script that runs at IMAP events where no annotation of mailbox or server chooses one.",
            is_live=False,
        ),
    ] = "imapsieve"


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """What is written to standard error."""

    level: Annotated[LogLevel, Key(Kind.CHOICE, "The least important lines written.", choices=LogLevel)] = (
        LogLevel.INFO
    )
    format: Annotated[
        LogFormat,
        Key(
            Kind.CHOICE,
            'One JSON object a line ("json") or text for people ("console"); "auto" is console on a terminal.',
            choices=LogFormat,
        ),
    ] = LogFormat.AUTO


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The whole configuration of one node."""

    hostname: Annotated[
        str,
        Key(
            Kind.HOSTNAME,
            "The name by which this server greets others; it should resolve to it.",
            is_live=False,
        ),
    ]
    data: Annotated[
        Path, Key(Kind.PATH, "The folder of the store, the blobs and the lock.", is_live=False)
    ] = Path("data")
    workers: Annotated[
        int,
        Key(
            Kind.INTEGER,
            "How many worker processes serve.",
            default="one per core",
            minimum=1,
            maximum=1024,
            is_live=False,
        ),
    ] = msgspec.field(default_factory=lambda: len(os.sched_getaffinity(0)))
    user: Annotated[
        str | None,
        Key(
            Kind.TEXT,
            "The system user to become once the listeners are open, when started as root.",
            default="stay as started",
            is_live=False,
        ),
    ] = None
    group: Annotated[
        str | None,
        Key(
            Kind.TEXT,
            "The system group to become, when started as root.",
            default="the user's own group",
            is_live=False,
        ),
    ] = None
    shutdown_timeout_s: Annotated[
        int,
        Key(
            Kind.DURATION,
            "How long workers may finish at a shutdown before they are killed.",
            minimum=1,
            maximum=600,
        ),
    ] = 30
    store: Store = Store()
    blobs: Blobs = Blobs()
    dns: Dns = Dns()
    tls: Tls = Tls()
    bimi: Bimi = Bimi()
    listener: tuple[Listener, ...] = ()
    limits: Limits = Limits()
    authentication: Authentication = Authentication()
    delivery: Delivery = Delivery()
    access: Access = Access()
    reports: Reports = Reports()
    sieve: Sieve = Sieve()
    log: Log = Log()
