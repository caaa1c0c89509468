"""The Sieve scripts of an account, of which at most one is active.

Not here: whether a script is right (`sieve`), how it is sent (`managesieve`), running it. Source: RFC 5804 §1.4, §1.5, §2.5 to
§2.11. Invariants: at most one script is active; a script that is active is not deleted; a refused change changes nothing. Whoever
writes locks the account's row first, so the bounds hold whatever comes at once.
"""

import enum

import msgspec

from postier.accounts.accounts import hold_account
from postier.store.transaction import ReadTx, WriteTx

MAX_SCRIPTS = 64  # of one account
MAX_SCRIPTS_OCTETS = 4 << 20  # of one account, together
SCRIPTS_TOPIC = "scripts"


class ScriptProblem(enum.Enum):
    """Why a script was not stored, made active, renamed or deleted."""

    NONEXISTENT = "there is no such script"
    ALREADY_EXISTS = "there is a script of that name already"
    ACTIVE = "the active script can't be deleted; make another one active first, or none"
    TOO_MANY = f"an account has at most {MAX_SCRIPTS} scripts"
    TOO_LARGE = f"the scripts of an account have at most {MAX_SCRIPTS_OCTETS} octets together"


class ListedScript(msgspec.Struct, frozen=True):
    """A script as listings show it."""

    name: str
    size_octets: int
    is_active: bool


class ActiveScript(msgspec.Struct, frozen=True):
    """The script that sorts an account's mail; `changed_at` in microseconds since 1970."""

    name: str
    content: bytes
    changed_at: int


def list_scripts(tx: ReadTx, account_id: int) -> list[ListedScript]:
    """All scripts, by name."""
    rows = tx.rows(
        "SELECT name, length(content), is_active FROM sieve_script WHERE account_id = ?", account_id
    )
    return [ListedScript(name, size, bool(is_active)) for name, size, is_active in sorted(rows)]


def script_content(tx: ReadTx, account_id: int, name: str) -> bytes | None:
    """The octets of a script; None if there is none of that name."""
    content = tx.value("SELECT content FROM sieve_script WHERE account_id = ? AND name = ?", account_id, name)
    return None if content is None else bytes(content)


def active_script(tx: ReadTx, account_id: int) -> ActiveScript | None:
    """The active script, if there is one."""
    row = tx.row(
        "SELECT name, content, changed_at FROM sieve_script WHERE account_id = ? AND is_active = 1",
        account_id,
    )
    return None if row is None else ActiveScript(row[0], bytes(row[1]), row[2])


def room_for_script(tx: ReadTx, account_id: int, name: str, size_octets: int) -> ScriptProblem | None:
    """What speaks against storing a script of that size under that name (RFC 5804 §2.5)."""
    others, octets = tx.rows(
        "SELECT count(*), coalesce(sum(length(content)), 0) FROM sieve_script WHERE account_id = ? AND name <> ?",
        account_id,
        name,
    )[0]
    if others >= MAX_SCRIPTS:
        return ScriptProblem.TOO_MANY
    return ScriptProblem.TOO_LARGE if int(octets) + size_octets > MAX_SCRIPTS_OCTETS else None


def put_script(tx: WriteTx, account_id: int, name: str, content: bytes) -> ScriptProblem | None:
    """Store a script that was found right; one of that name is replaced and stays active if it was. Raises NotFoundError."""
    hold_account(tx, account_id)
    problem = room_for_script(tx, account_id, name, len(content))
    if problem is None:
        tx.run(
            "INSERT INTO sieve_script (account_id, name, content, changed_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (account_id, name) DO UPDATE SET content = excluded.content, changed_at = excluded.changed_at",
            account_id,
            name,
            content,
            tx.now_us,
        )
        tx.wake(SCRIPTS_TOPIC)
    return problem


def activate_script(tx: WriteTx, account_id: int, name: str) -> ScriptProblem | None:
    """Make a script the active one, or with "" none. Raises NotFoundError."""
    hold_account(tx, account_id)
    if name and script_content(tx, account_id, name) is None:
        return ScriptProblem.NONEXISTENT
    tx.run(
        "UPDATE sieve_script SET is_active = CASE WHEN name = ? THEN 1 ELSE 0 END WHERE account_id = ?",
        name,
        account_id,
    )
    tx.wake(SCRIPTS_TOPIC)
    return None


def deactivate_script(tx: WriteTx, account_id: int, name: str, changed_at: int) -> bool:
    """Let no script be active if this one is, as it was at that time; False if it has changed since."""
    changed = tx.run(
        "UPDATE sieve_script SET is_active = 0 WHERE account_id = ? AND name = ? AND changed_at = ? AND is_active = 1",
        account_id,
        name,
        changed_at,
    )
    if changed:
        tx.wake(SCRIPTS_TOPIC)
    return changed > 0


def rename_script(tx: WriteTx, account_id: int, old: str, new: str) -> ScriptProblem | None:
    """Give a script another name; the active one stays active (RFC 5804 §2.11). Raises NotFoundError."""
    hold_account(tx, account_id)
    if script_content(tx, account_id, old) is None:
        return ScriptProblem.NONEXISTENT
    if script_content(tx, account_id, new) is not None:
        return ScriptProblem.ALREADY_EXISTS
    tx.run("UPDATE sieve_script SET name = ? WHERE account_id = ? AND name = ?", new, account_id, old)
    tx.wake(SCRIPTS_TOPIC)
    return None


def delete_script(tx: WriteTx, account_id: int, name: str) -> ScriptProblem | None:
    """Delete a script that is not active. Raises NotFoundError."""
    hold_account(tx, account_id)
    is_active = tx.value(
        "SELECT is_active FROM sieve_script WHERE account_id = ? AND name = ?", account_id, name
    )
    if is_active is None:
        return ScriptProblem.NONEXISTENT
    if is_active:
        return ScriptProblem.ACTIVE
    tx.run("DELETE FROM sieve_script WHERE account_id = ? AND name = ?", account_id, name)
    tx.wake(SCRIPTS_TOPIC)
    return None
