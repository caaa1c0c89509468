"""Every kind of damage is found, and mended where it can be."""

import pytest

from postier.mailbox.listing import list_mailboxes
from postier.mailbox.reading import open_mailbox, uid_flags
from postier.mailbox.verify import (
    ProblemKind,
    check_account,
    check_blobs,
    repair,
    repair_blob_counts,
)
from postier.mailbox.views import changes_for
from postier.store.transaction import Store, StoreUnavailableError
from tests.mailbox.letters import add_account, append, raw_letter

DAMAGE = {
    "UPDATE mailbox SET unseen_count = 7 WHERE name = 'INBOX' AND account_id = ?": ProblemKind.COUNTER,
    "UPDATE account SET used_bytes = 1 WHERE account_id = ?": ProblemKind.USED_BYTES,
    "DELETE FROM mailbox WHERE name = 'Trash' AND account_id = ?": ProblemKind.ENTRY_WITHOUT_MAILBOX,
    "DELETE FROM email WHERE message_id = '2@alpha.test' AND account_id = ?": ProblemKind.ENTRY_WITHOUT_EMAIL,
    "UPDATE entry SET size_bytes = size_bytes + 1 WHERE uid = 3 AND account_id = ?": ProblemKind.ENTRY_DIFFERS,
    "UPDATE mailbox SET uidnext = 2 WHERE name = 'INBOX' AND account_id = ?": ProblemKind.NUMBER,
    "UPDATE mailbox SET highest_modseq = 1 WHERE name = 'INBOX' AND account_id = ?": ProblemKind.NUMBER,
    "UPDATE account SET modseq = 3 WHERE account_id = ?": ProblemKind.NUMBER,
    "UPDATE account SET next_mailbox_id = 2 WHERE account_id = ?": ProblemKind.NUMBER,
    "UPDATE account SET next_email_id = 2 WHERE account_id = ?": ProblemKind.NUMBER,
    "UPDATE account SET next_uidvalidity = 2 WHERE account_id = ?": ProblemKind.NUMBER,
    "DELETE FROM change WHERE kind = 1 AND account_id = ?": ProblemKind.LOG,
    "DELETE FROM entry WHERE uid = 2 AND account_id = ?": ProblemKind.LOG,
    "DELETE FROM mailbox WHERE name = 'INBOX' AND account_id = ?": ProblemKind.INBOX_MISSING,
}


async def test_damage_is_found_and_mended(store: Store) -> None:
    for account_id, (statement, kind) in enumerate(DAMAGE.items(), 1):
        boxes = await store.write(add_account, account_id)
        await append(store, account_id, boxes["INBOX"], *[raw_letter(n) for n in range(1, 5)])
        await append(store, account_id, boxes["Trash"], raw_letter(9))
        changed = await store.write(lambda tx, sql=statement, number=account_id: tx.run(sql, number))
        assert changed, statement
        problems = await store.read_bulk(check_account, account_id)
        assert kind in {problem.kind for problem in problems}, statement
        assert all(problem.is_mendable for problem in problems)
        assert await store.write_bulk(repair, account_id) == [], statement
        assert (await store.read(open_mailbox, account_id, "INBOX", actor_id=account_id)).mailbox_id
        listed = await store.read(list_mailboxes, account_id, actor_id=account_id)
        lost = kind is ProblemKind.ENTRY_WITHOUT_EMAIL or statement.startswith("DELETE FROM entry")
        assert sum(one.status.message_count for one in listed if one.status) == 5 - lost, statement


async def test_a_repair_is_told_to_sessions(store: Store) -> None:
    boxes = await store.write(add_account)
    await append(store, 1, boxes["INBOX"], *[raw_letter(n) for n in range(1, 4)])
    seen = await store.read(open_mailbox, 1, "INBOX", actor_id=1)
    await store.write(lambda tx: tx.run("DELETE FROM email WHERE message_id = '2@alpha.test'"))
    await store.write(repair, 1)
    changes = await store.read(changes_for, 1, boxes["INBOX"], seen.modseq)
    assert changes is not None
    assert changes.expunged == [(2, 2)]
    assert await store.read(uid_flags, 1, boxes["INBOX"], [(1, 9)]) == [(1, 0), (3, 0)]


async def test_what_can_not_be_mended_is_said(store: Store) -> None:
    boxes = await store.write(add_account)
    await append(store, 1, boxes["INBOX"], raw_letter())
    await store.write(lambda tx: tx.run("DELETE FROM blob"))
    (problem,) = await store.write(repair, 1)
    assert (problem.kind, problem.is_mendable) == (ProblemKind.EMAIL_WITHOUT_BLOB, False)
    await store.write(lambda tx: tx.run("INSERT INTO keyword (account_id, bit, name) VALUES (1, 9, 'x')"))
    assert ProblemKind.KEYWORD in {one.kind for one in await store.read(check_account, 1)}
    (missing,) = await store.read(check_account, 77)
    assert missing.kind is ProblemKind.ACCOUNT_MISSING


async def test_contents_are_checked_against_their_hashes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postier.mailbox.verify.BLOBS_AT_ONCE", 1)
    boxes = await store.write(add_account)
    raws = [raw_letter(1), raw_letter(2), raw_letter(3, body="longer")]
    await append(store, 1, boxes["INBOX"], *raws)
    sound = {(await store.read(lambda tx, n=n: tx.value("SELECT blob_id FROM email WHERE message_id = ?", f"{n}@alpha.test"))): raw for n, raw in enumerate(raws, 1)}  # fmt: skip
    after: bytes | None = b""
    found = []
    contents = {bytes(key): raw for key, raw in sound.items()}
    first, second, third = contents
    contents[first] = raws[1]  # as long, but another's
    contents[second] = b"short"

    def load(blob_id: bytes) -> bytes:
        if blob_id == third:
            raise StoreUnavailableError("damaged")
        return contents[blob_id]

    while after is not None:
        problems, after = await store.read_bulk(check_blobs, load, after)
        found += problems
    assert [problem.kind for problem in found] == [ProblemKind.BLOB_DAMAGED] * 3
    assert {"hash", "octets", "damaged"} == {
        word for problem in found for word in ("hash", "octets", "damaged") if word in problem.detail
    }


async def test_counts_of_blobs_are_mended(store: Store) -> None:
    boxes = await store.write(add_account)
    await append(store, 1, boxes["INBOX"], raw_letter(1), raw_letter(1), raw_letter(2))
    await store.write(lambda tx: tx.run("UPDATE blob SET email_count = 5"))
    problems, _ = await store.read(check_blobs, lambda _: b"")
    assert [one.kind for one in problems].count(ProblemKind.BLOB_COUNT) == 2
    assert await store.write(repair_blob_counts) == 2
    assert await store.write(repair_blob_counts) == 0
