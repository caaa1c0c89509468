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


class Imap(msgspec.Struct, frozen=True, kw_only=True):
    """What mail programs may ask of the IMAP server, and what it shows them."""

    raw_headers: Annotated[
        bool,
        Key(
            Kind.BOOLEAN,
            "Whether mail programs that do not enable UTF-8 get headers in UTF-8 as they stand, and may store 8-bit ones; for"
            " moves and backups of whole mailboxes. Otherwise they get a substitute in ASCII, and storing is refused (RFC 9755).",
        ),
    ] = False

    message_limit: Annotated[
        int,
        Key(
            Kind.INTEGER,
            "The most messages one IMAP command works on (RFC 9738), 1000 or more; 0 for any number. It bounds what one command"
            " costs, but mail programs that do not know it see only the newest messages of larger mailboxes.",
            minimum=0,
            maximum=10_000_000,
        ),
    ] = 0


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


class OAuth(msgspec.Struct, frozen=True, kw_only=True):
    """The issuer whose access tokens log in, as OAUTHBEARER and XOAUTH2 over TLS: by its keys, or by asking it."""

    issuer: Annotated[
        str | None,
        Key(
            Kind.TEXT,
            "The issuer, letter by letter as in the iss of its tokens.",
            default="none: tokens are not taken",
            is_live=False,
        ),
    ] = None
    keys_url: Annotated[
        str | None,
        Key(
            Kind.URL,
            "Where the issuer has its public keys (jwks_uri): signed tokens (JWT) are checked here.",
            default="none",
            is_live=False,
        ),
    ] = None
    keys_path: Annotated[
        Path | None,
        Key(
            Kind.PATH,
            "A file with these keys (a JWK set) in the place of keys_url; it is read again within the hour.",
            default="none",
            is_live=False,
        ),
    ] = None
    introspection_url: Annotated[
        str | None,
        Key(
            Kind.URL,
            "Where the issuer is asked about each token (RFC 7662), in the place of its keys.",
            default="none",
            is_live=False,
        ),
    ] = None
    client_id: Annotated[
        str | None,
        Key(Kind.TEXT, "This server's name at introspection_url.", default="none", is_live=False),
    ] = None
    client_secret: Annotated[
        str | None,
        Key(
            Kind.SECRET,
            "This server's secret at introspection_url.",
            default="none",
            is_secret=True,
            is_live=False,
        ),
    ] = None
    audience: Annotated[
        str | None,
        Key(
            Kind.TEXT,
            "What stands for this server in the aud of tokens; needed with keys.",
            default="not looked at",
            is_live=False,
        ),
    ] = None
    scope: Annotated[
        str | None,
        Key(Kind.TEXT, "The scope that a token must have.", default="none", is_live=False),
    ] = None
    claim: Annotated[
        str | None,
        Key(
            Kind.TEXT,
            "The claim that names the account's mail address; the issuer must not let users choose what is in it.",
            default="email, with introspection_url username",
            is_live=False,
        ),
    ] = None
    accept_untyped: Annotated[
        bool,
        Key(
            Kind.BOOLEAN,
            "Whether signed tokens of type JWT or none are taken too, for issuers that do not write at+jwt (RFC 9068).",
            is_live=False,
        ),
    ] = False
    openid_configuration: Annotated[
        str | None,
        Key(
            Kind.URL,
            "The issuer's OpenID configuration, which clients with a bad token are told (RFC 7628).",
            default="not told",
            is_live=False,
        ),
    ] = None
    authorities: Annotated[
        Path | None,
        Key(
            Kind.PATH,
            "The PEM file with the authorities that the issuer's certificate may come from.",
            default="those of the system",
            is_live=False,
        ),
    ] = None
    allow_loopback_http: Annotated[
        bool,
        Key(
            Kind.BOOLEAN,
            "Whether these URLs may be http:// on 127.0.0.1 or [::1]: an issuer, or its proxy, on this machine.",
            is_live=False,
        ),
    ] = False


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
    imap: Imap = Imap()
    access: Access = Access()
    oauth: OAuth = OAuth()
    reports: Reports = Reports()
    sieve: Sieve = Sieve()
    log: Log = Log()
