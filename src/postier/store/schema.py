"""The one SQL schema of both engines, as numbered migrations.

`@int`, `@bytes` and `@keyed` stand for what the engines name differently (64-bit integer, octets, a table that lies in
the order of its key); `@rowid` with `@key` is a key whose one column is unique alone, which SQLite finds in one look-up.
The account id leads every key that belongs to an account, so that the same schema can be spread
over a distributed PostgreSQL. Times are microseconds since 1970. Released migrations are never edited.
"""

# Flags of an entry: bits 0-4 are the system flags, bits 5-61 the account's keywords (table `keyword`).
# An email_id carries its account above bit 32, so it is unique alone: in SQLite it is the rowid, one look-up instead of
# two in every join and one page less to write for a delivery. An entry repeats the immutable date and size of its email,
# so that flags, dates, sizes, counters and quota never join. blob.email_count spares the sweep an index of all hashes.
_MIGRATION_1 = """
CREATE TABLE domain (
    domain TEXT PRIMARY KEY,
    created_at @int NOT NULL
) @keyed;
CREATE TABLE dkim_key (
    domain TEXT NOT NULL,
    selector TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    private_key TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at @int NOT NULL,
    PRIMARY KEY (domain, selector)
) @keyed;
CREATE TABLE account (
    account_id @int PRIMARY KEY,
    address TEXT NOT NULL UNIQUE,
    is_admin @int NOT NULL DEFAULT 0,
    quota_bytes @int,
    used_bytes @int NOT NULL DEFAULT 0,
    modseq @int NOT NULL DEFAULT 1,
    next_mailbox_id @int NOT NULL DEFAULT 1,
    next_email_id @int NOT NULL DEFAULT 1,
    next_uidvalidity @int NOT NULL,
    created_at @int NOT NULL
);
CREATE TABLE credential (
    account_id @int NOT NULL,
    credential_id @int NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    secret TEXT NOT NULL,
    created_at @int NOT NULL,
    PRIMARY KEY (account_id, credential_id)
) @keyed;
CREATE TABLE alias (
    domain TEXT NOT NULL,
    local TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (domain, local, target)
) @keyed;
CREATE INDEX alias_target ON alias (target);
CREATE TABLE login_failure (
    subject TEXT PRIMARY KEY,
    failures @int NOT NULL,
    last_failure_at @int NOT NULL,
    blocked_until @int NOT NULL
) @keyed;
CREATE INDEX login_failure_blocked ON login_failure (blocked_until);
CREATE TABLE last_id (
    kind TEXT PRIMARY KEY,
    value @int NOT NULL
) @keyed;

CREATE TABLE mailbox (
    account_id @int NOT NULL,
    mailbox_id @int NOT NULL,
    name TEXT NOT NULL,
    uidvalidity @int NOT NULL,
    uidnext @int NOT NULL DEFAULT 1,
    recent_uid @int NOT NULL DEFAULT 1,
    highest_modseq @int NOT NULL,
    message_count @int NOT NULL DEFAULT 0,
    unseen_count @int NOT NULL DEFAULT 0,
    deleted_count @int NOT NULL DEFAULT 0,
    size_bytes @int NOT NULL DEFAULT 0,
    special_use TEXT,
    created_at @int NOT NULL,
    PRIMARY KEY (account_id, mailbox_id),
    UNIQUE (account_id, name)
) @keyed;
CREATE TABLE subscription (
    account_id @int NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (account_id, name)
) @keyed;
CREATE TABLE keyword (
    account_id @int NOT NULL,
    bit @int NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (account_id, bit)
) @keyed;
CREATE TABLE email (
    account_id @int NOT NULL,
    email_id @rowid,
    blob_id @bytes NOT NULL,
    size_bytes @int NOT NULL,
    header_bytes @int NOT NULL,
    received_at @int NOT NULL,
    sent_at @int,
    sent_zone_minutes @int NOT NULL,
    thread_id @int NOT NULL,
    message_id TEXT NOT NULL,
    search_subject TEXT NOT NULL,
    search_from TEXT NOT NULL,
    search_to TEXT NOT NULL,
    search_cc TEXT NOT NULL,
    search_bcc TEXT NOT NULL,
    preview TEXT NOT NULL,
    has_attachment @int NOT NULL,
    envelope @bytes NOT NULL,
    bodystructure @bytes NOT NULL,
    parts @bytes NOT NULL,
    @key (account_id, email_id)
);
CREATE TABLE entry (
    account_id @int NOT NULL,
    mailbox_id @int NOT NULL,
    uid @int NOT NULL,
    email_id @int NOT NULL,
    flags @int NOT NULL,
    modseq @int NOT NULL,
    saved_at @int NOT NULL,
    received_at @int NOT NULL,
    size_bytes @int NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, uid)
) @keyed;
CREATE TABLE expunged (
    account_id @int NOT NULL,
    mailbox_id @int NOT NULL,
    uid @int NOT NULL,
    email_id @int NOT NULL,
    flags @int NOT NULL,
    modseq @int NOT NULL,
    saved_at @int NOT NULL,
    received_at @int NOT NULL,
    size_bytes @int NOT NULL,
    expunged_at @int NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, uid)
) @keyed;
CREATE TABLE thread_link (
    account_id @int NOT NULL,
    message_hash @int NOT NULL,
    thread_id @int NOT NULL,
    PRIMARY KEY (account_id, message_hash)
) @keyed;
CREATE TABLE change (
    account_id @int NOT NULL,
    modseq @int NOT NULL,
    kind @int NOT NULL,
    mailbox_id @int NOT NULL,
    uids TEXT NOT NULL,
    PRIMARY KEY (account_id, modseq)
) @keyed;

CREATE TABLE blob (
    blob_id @bytes PRIMARY KEY,
    pack @int NOT NULL,
    position @int NOT NULL,
    stored_bytes @int NOT NULL,
    size_bytes @int NOT NULL,
    codec @int NOT NULL,
    used_at @int NOT NULL,
    email_count @int NOT NULL DEFAULT 0
) @keyed;

CREATE TABLE queue_message (
    queue_id @int PRIMARY KEY,
    trace_id TEXT NOT NULL,
    account_id @int,
    reverse_path TEXT NOT NULL,
    blob_id @bytes NOT NULL,
    size_bytes @int NOT NULL,
    needs_8bit @int NOT NULL,
    needs_utf8 @int NOT NULL,
    requires_tls @int NOT NULL,
    dsn_envid TEXT NOT NULL,
    dsn_ret TEXT NOT NULL,
    message_id TEXT NOT NULL,
    created_at @int NOT NULL
);
CREATE TABLE queue_recipient (
    queue_id @int NOT NULL,
    recipient_id @int NOT NULL,
    forward_path TEXT NOT NULL,
    destination TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at @int NOT NULL,
    lease_until @int NOT NULL,
    lease_owner TEXT NOT NULL,
    attempts @int NOT NULL,
    last_attempt_at @int,
    last_reply TEXT NOT NULL,
    delay_notified @int NOT NULL DEFAULT 0,
    dsn_notify TEXT NOT NULL,
    dsn_orcpt TEXT NOT NULL,
    PRIMARY KEY (queue_id, recipient_id)
) @keyed;
CREATE INDEX queue_recipient_due ON queue_recipient (state, due_at);
CREATE TABLE verdict (
    trace_id TEXT PRIMARY KEY,
    received_at @int NOT NULL,
    peer TEXT NOT NULL,
    reverse_path TEXT NOT NULL,
    message_id TEXT NOT NULL,
    disposition TEXT NOT NULL,
    points @int NOT NULL,
    reasons TEXT NOT NULL,
    evidence TEXT NOT NULL
) @keyed;
CREATE TABLE trace_event (
    trace_id TEXT NOT NULL,
    at @int NOT NULL,
    sequence @int NOT NULL,
    event TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (trace_id, at, sequence)
) @keyed;
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    lease_until @int NOT NULL
) @keyed
"""

# Stages of DKIM keys; mail that left unsigned, an alarm; MTA-STS: our own domains' policies, and what others' said last.
_MIGRATION_2 = """
ALTER TABLE dkim_key ADD COLUMN state_since @int NOT NULL DEFAULT 0;
UPDATE dkim_key SET state_since = created_at;
CREATE TABLE unsigned_mail (
    domain TEXT PRIMARY KEY,
    letters @int NOT NULL,
    first_at @int NOT NULL,
    last_at @int NOT NULL
) @keyed;
CREATE TABLE own_sts_policy (
    domain TEXT PRIMARY KEY,
    mode TEXT NOT NULL,
    changed_at @int NOT NULL
) @keyed;
CREATE TABLE known_sts_policy (
    domain TEXT PRIMARY KEY,
    identifier TEXT NOT NULL,
    mode TEXT NOT NULL,
    max_age_s @int NOT NULL,
    patterns TEXT NOT NULL,
    fetched_at @int NOT NULL,
    expires_at @int NOT NULL
) @keyed
"""

# Reports, theirs and ours. What is about a domain has the domain first: it is no account's. `report_letter` are letters that
# may hold a report and were not read yet; `report` to `tls_seen` what others told; `dmarc_sighting` to `report_done` what is
# to be told to others, by UTC day (days since 1970), and that it was. Lists within a row are JSON.
_MIGRATION_3 = """
CREATE TABLE report_letter (
    letter_id @int PRIMARY KEY,
    blob_id @bytes NOT NULL,
    submitter TEXT NOT NULL,
    is_signed @int NOT NULL,
    received_at @int NOT NULL,
    attempts @int NOT NULL
) @keyed;
CREATE TABLE report (
    domain TEXT NOT NULL,
    report_number @int NOT NULL,
    kind TEXT NOT NULL,
    submitter TEXT NOT NULL,
    report_id TEXT NOT NULL,
    is_verified @int NOT NULL,
    organisation TEXT NOT NULL,
    contact TEXT NOT NULL,
    begin_at @int NOT NULL,
    end_at @int NOT NULL,
    received_at @int NOT NULL,
    policy TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (domain, report_number),
    UNIQUE (domain, kind, submitter, report_id)
) @keyed;
CREATE INDEX report_received ON report (received_at);
CREATE TABLE dmarc_seen (
    domain TEXT NOT NULL,
    report_number @int NOT NULL,
    row_number @int NOT NULL,
    source_ip TEXT NOT NULL,
    letters @int NOT NULL,
    handling TEXT NOT NULL,
    is_dkim_aligned @int NOT NULL,
    is_spf_aligned @int NOT NULL,
    header_from TEXT NOT NULL,
    envelope_from TEXT,
    overrides TEXT NOT NULL,
    dkim TEXT NOT NULL,
    spf_domain TEXT NOT NULL,
    spf_result TEXT NOT NULL,
    PRIMARY KEY (domain, report_number, row_number)
) @keyed;
CREATE TABLE tls_seen (
    domain TEXT NOT NULL,
    report_number @int NOT NULL,
    row_number @int NOT NULL,
    policy_type TEXT NOT NULL,
    result TEXT NOT NULL,
    sessions @int NOT NULL,
    mx_host TEXT NOT NULL,
    sending_ip TEXT NOT NULL,
    receiving_ip TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (domain, report_number, row_number)
) @keyed;
CREATE TABLE dmarc_sighting (
    policy_domain TEXT NOT NULL,
    day @int NOT NULL,
    fingerprint @bytes NOT NULL,
    sighting @bytes NOT NULL,
    letters @int NOT NULL,
    PRIMARY KEY (policy_domain, day, fingerprint)
) @keyed;
CREATE TABLE dmarc_policy (
    policy_domain TEXT NOT NULL,
    day @int NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (policy_domain, day)
) @keyed;
CREATE TABLE tls_sighting (
    policy_domain TEXT NOT NULL,
    day @int NOT NULL,
    fingerprint @bytes NOT NULL,
    sighting @bytes NOT NULL,
    sessions @int NOT NULL,
    PRIMARY KEY (policy_domain, day, fingerprint)
) @keyed;
CREATE TABLE report_done (
    policy_domain TEXT NOT NULL,
    kind TEXT NOT NULL,
    day @int NOT NULL,
    outcome TEXT NOT NULL,
    attempts @int NOT NULL,
    due_at @int NOT NULL,
    done_at @int NOT NULL,
    PRIMARY KEY (policy_domain, kind, day)
) @keyed
"""

# The logo that a domain asserts by BIMI, and its mark certificate: https addresses, empty without.
_MIGRATION_4 = """
ALTER TABLE domain ADD COLUMN logo TEXT NOT NULL DEFAULT '';
ALTER TABLE domain ADD COLUMN logo_evidence TEXT NOT NULL DEFAULT ''
"""

# Sieve scripts; at most one of an account is active.
_MIGRATION_5 = """
CREATE TABLE sieve_script (
    account_id @int NOT NULL,
    name TEXT NOT NULL,
    content @bytes NOT NULL,
    is_active @int NOT NULL DEFAULT 0,
    changed_at @int NOT NULL,
    PRIMARY KEY (account_id, name)
) @keyed
"""

# What SORT and THREAD go by (mailbox/sort_keys): a narrow table beside `email`, so that ordering reads a tenth of the pages. The
# emails up to `keyed_to` have their row; the search texts of those up to `refold_to` have an older form.
_MIGRATION_6 = """
CREATE TABLE sort_key (
    account_id @int NOT NULL,
    email_id @rowid,
    sent_at @int,
    subject @bytes NOT NULL,
    from_mailbox @bytes NOT NULL,
    to_mailbox @bytes NOT NULL,
    cc_mailbox @bytes NOT NULL,
    from_name @bytes NOT NULL,
    to_name @bytes NOT NULL,
    is_reply @int NOT NULL,
    message_hashes @bytes NOT NULL,
    @key (account_id, email_id)
);
ALTER TABLE account ADD COLUMN keyed_to @int NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN refold_to @int NOT NULL DEFAULT 0;
UPDATE account SET refold_to =
    (SELECT coalesce(max(m.email_id), 0) FROM email m WHERE m.account_id = account.account_id)
"""

# The index of words (mailbox/words): what can be made again from the emails. `first` and `indexed_to` count emails within
# the account, as the lower half of an email id does.
_MIGRATION_7 = """
CREATE TABLE word_progress (
    account_id @int PRIMARY KEY,
    indexed_to @int NOT NULL,
    version TEXT NOT NULL
) @keyed;
CREATE TABLE word_block (
    account_id @int NOT NULL,
    first @int NOT NULL,
    size @int NOT NULL,
    present @bytes NOT NULL,
    undecided @bytes NOT NULL,
    text_bytes @int NOT NULL,
    stored_bytes @int NOT NULL,
    PRIMARY KEY (account_id, first)
) @keyed;
CREATE TABLE word_part (
    account_id @int NOT NULL,
    first @int NOT NULL,
    kind @int NOT NULL,
    chunk @int NOT NULL,
    data @bytes NOT NULL,
    PRIMARY KEY (account_id, first, kind, chunk)
)
"""

# What deliveries with scripts remember: answers given, ids seen, notices sent (a digest, until when); the processor time of an
# hour; and what a script did with stored mail, so that it can be undone.
_MIGRATION_8 = """
CREATE TABLE sieve_memory (
    account_id @int NOT NULL,
    kind TEXT NOT NULL,
    digest @bytes NOT NULL,
    expires_at @int NOT NULL,
    PRIMARY KEY (account_id, kind, digest)
) @keyed;
CREATE INDEX sieve_memory_expires ON sieve_memory (expires_at);
CREATE TABLE sieve_usage (
    account_id @int PRIMARY KEY,
    since @int NOT NULL,
    cpu_us @int NOT NULL
);
CREATE TABLE sieve_applied (
    account_id @int NOT NULL,
    run_id @int NOT NULL,
    step @int NOT NULL,
    kind TEXT NOT NULL,
    mailbox_id @int NOT NULL,
    target_id @int NOT NULL,
    uid @int NOT NULL,
    flags @int NOT NULL,
    PRIMARY KEY (account_id, run_id, step)
) @keyed
"""

# What became of the logos that senders assert (BIMI); an empty verdict is being fetched for the first time.
_MIGRATION_9 = """
CREATE TABLE judged_logo (
    organisation TEXT NOT NULL,
    fingerprint @bytes NOT NULL,
    verdict @bytes NOT NULL,
    expires_at @int NOT NULL,
    fetching_until @int NOT NULL,
    PRIMARY KEY (organisation, fingerprint)
) @keyed;
CREATE INDEX judged_logo_expires ON judged_logo (expires_at)
"""

# What clients keep with a mailbox, or with the server (mailbox_id 0): shared (reader_id 0) or one reader's. Account 0 has what
# all share. A removed entry keeps its row, without value.
_MIGRATION_10 = """
CREATE TABLE annotation (
    account_id @int NOT NULL,
    mailbox_id @int NOT NULL,
    reader_id @int NOT NULL,
    entry TEXT NOT NULL,
    value @bytes,
    modseq @int NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, reader_id, entry)
) @keyed
"""

# What SCRAM knows of passwords (accounts/scram_keys), and secrets of the whole server that no configuration holds.
_MIGRATION_11 = """
CREATE TABLE scram_key (
    account_id @int NOT NULL,
    credential_id @int NOT NULL,
    algorithm TEXT NOT NULL,
    salt @bytes NOT NULL,
    iterations @int NOT NULL,
    stored_key @bytes NOT NULL,
    server_key @bytes NOT NULL,
    PRIMARY KEY (account_id, credential_id, algorithm)
) @keyed;
CREATE TABLE server_secret (
    name TEXT PRIMARY KEY,
    secret @bytes NOT NULL
) @keyed
"""

# Who else may do what with a mailbox: `identifier` is an address or "anyone". What others than the owner have seen of it, as a
# set of UIDs (store/uid_ranges).
_MIGRATION_12 = """
CREATE TABLE mailbox_right (
    account_id @int NOT NULL,
    mailbox_id @int NOT NULL,
    identifier TEXT NOT NULL,
    rights TEXT NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, identifier)
) @keyed;
CREATE INDEX mailbox_right_identifier ON mailbox_right (identifier);
CREATE TABLE seen_by (
    account_id @int NOT NULL,
    mailbox_id @int NOT NULL,
    reader_id @int NOT NULL,
    uids TEXT NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, reader_id)
) @keyed
"""

# The time by which a queued letter is to be delivered, microseconds since 1970, and the by-mode (RFC 2852).
_MIGRATION_13 = """
ALTER TABLE queue_message ADD COLUMN deliver_by @int NOT NULL DEFAULT 0;
ALTER TABLE queue_message ADD COLUMN by_mode TEXT NOT NULL DEFAULT ''
"""

# What signs the URLs by which others may read a message (RFC 4467): a key for each mailbox and reader.
_MIGRATION_14 = """
CREATE TABLE url_key (
    account_id @int NOT NULL,
    mailbox_id @int NOT NULL,
    reader_id @int NOT NULL,
    secret @bytes NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, reader_id)
) @keyed;
CREATE INDEX url_key_reader ON url_key (reader_id)
"""

# The address book of an account: book 0 is the default one and has no row in `address_book`. `card` is the vCard, `address` in
# the form in which addresses are compared. `sieve_applied` learns which flags a run left behind. `sieve_event`: what happened to
# messages that a script is to follow, until it has run.
_MIGRATION_15 = """
CREATE TABLE address_book (
    account_id @int NOT NULL,
    book_id @int NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (account_id, book_id)
) @keyed;
CREATE UNIQUE INDEX address_book_name ON address_book (account_id, name);
CREATE TABLE contact (
    account_id @int NOT NULL,
    book_id @int NOT NULL,
    uid TEXT NOT NULL,
    name TEXT NOT NULL,
    card @bytes NOT NULL,
    changed_at @int NOT NULL,
    PRIMARY KEY (account_id, book_id, uid)
) @keyed;
CREATE TABLE contact_address (
    account_id @int NOT NULL,
    book_id @int NOT NULL,
    address TEXT NOT NULL,
    uid TEXT NOT NULL,
    PRIMARY KEY (account_id, book_id, address, uid)
) @keyed;
CREATE INDEX contact_address_uid ON contact_address (account_id, book_id, uid);
ALTER TABLE sieve_applied ADD COLUMN flags_after @int;
CREATE TABLE sieve_event (
    account_id @int NOT NULL,
    modseq @int NOT NULL,
    uid @int NOT NULL,
    mailbox_id @int NOT NULL,
    actor_id @int NOT NULL,
    actor TEXT NOT NULL,
    cause TEXT NOT NULL,
    messages @bytes NOT NULL,
    tries @int NOT NULL,
    lease_until @int NOT NULL,
    lease_owner TEXT NOT NULL,
    PRIMARY KEY (account_id, modseq, uid)
) @keyed;
CREATE INDEX sieve_event_lease ON sieve_event (lease_until)
"""

MIGRATIONS: tuple[str, ...] = (
    _MIGRATION_1,
    _MIGRATION_2,
    _MIGRATION_3,
    _MIGRATION_4,
    _MIGRATION_5,
    _MIGRATION_6,
    _MIGRATION_7,
    _MIGRATION_8,
    _MIGRATION_9,
    _MIGRATION_10,
    _MIGRATION_11,
    _MIGRATION_12,
    _MIGRATION_13,
    _MIGRATION_14,
    _MIGRATION_15,
)
SCHEMA_VERSION = len(MIGRATIONS)

_SQLITE = {
    "@int": "INTEGER",
    "@bytes": "BLOB",
    ") @keyed": ") STRICT, WITHOUT ROWID",
    "@rowid": "INTEGER PRIMARY KEY",
    ",\n    @key (account_id, email_id)": "",
}
_POSTGRES = {
    "@int": "BIGINT",
    "@bytes": "BYTEA",
    ") @keyed": ")",
    "@rowid": "BIGINT NOT NULL",
    "@key": "PRIMARY KEY",
}


def sqlite_statements(migration: str) -> list[str]:
    """The statements of a migration in SQLite's words."""
    return _statements(migration, _SQLITE)


def postgres_statements(migration: str) -> list[str]:
    """The statements of a migration in PostgreSQL's words."""
    return _statements(migration, _POSTGRES)


def _statements(migration: str, words: dict[str, str]) -> list[str]:
    for word, meaning in words.items():
        migration = migration.replace(word, meaning)
    return [statement.strip() for statement in migration.split(";") if statement.strip()]
