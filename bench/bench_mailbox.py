"""CPU time of the delivery agent on the embedded store: one mailbox of 100,000 messages, and deliveries in batches of 50.

Prints one JSON object: milliseconds of CPU of a bulk operation (best of its runs), microseconds of one delivery.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from postier.imap.search import AnyText, Flags, HeaderText, SubjectText
from postier.mailbox.expunge import expunge_deleted
from postier.mailbox.filing import Delivery, deliver
from postier.mailbox.flags import StoreMode, store_flags
from postier.mailbox.folders import default_mailboxes
from postier.mailbox.reading import Column, fetch_columns, open_mailbox, uid_flags, uids_at
from postier.mailbox.search import search
from postier.mailbox.transfer import copy_messages, move_messages
from postier.mailbox.verify import check_account
from postier.mailbox.views import changes_for
from postier.mime.index import MessageIndex, index_message
from postier.store.blob_rows import name_blobs
from postier.store.blobs import BlobDraft, BlobId, BlobLocation
from postier.store.schema import MIGRATIONS
from postier.store.sqlite_connection import SqliteTx, connect, migrate

ALL = [(1, 2**32 - 1)]
ACCOUNTS = 50
BATCH = 50


def letter(number: int) -> bytes:
    return (
        b"From: Alice Example <alice@alpha.test>\r\nTo: Carole Example <carole@beta.test>, Bob <bob@gamma.test>\r\n"
        b"Subject: Quarterly figures and the plan for %d\r\nDate: Mon, 21 Sep 2026 13:33:20 +0000\r\n"
        b"Message-ID: <%d.4711@alpha.test>\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/alternative; boundary="=_b0undary_1234567890"\r\n\r\n'
        b"--=_b0undary_1234567890\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%b\r\n"
        b"--=_b0undary_1234567890\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>%b</p>\r\n"
        b"--=_b0undary_1234567890--\r\n"
    ) % (
        number,
        number,
        b"The figures of this quarter are here. " * 20,
        b"The figures of this quarter. " * 40,
    )


class Bench:
    """A connection and what was measured."""

    def __init__(self, folder: Path) -> None:
        path = folder / "postier.sqlite"
        self.connection = connect(path, read_only=False)
        migrate(self.connection, path, MIGRATIONS, lambda _version: None)
        self.figures: dict[str, float] = {}
        self.last_id = 0

    def write(self, fn: Callable[..., Any], *args: Any) -> Any:
        """Run and commit."""
        tx = SqliteTx(self.connection)
        tx.now_us = time.time_ns() // 1000
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            result = fn(tx, *args)
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        return result

    def measure(self, name: str, fn: Callable[..., Any], *args: Any, runs: int = 3) -> Any:
        """Best of the runs, each in a transaction with its commit."""
        best = float("inf")
        for _ in range(runs):
            start = time.process_time()
            result = self.write(fn, *args)
            best = min(best, time.process_time() - start)
        self.figures[name] = round(best * 1e3, 2)
        return result

    def next_blob(self, index: MessageIndex) -> tuple[BlobDraft, MessageIndex]:
        """A blob of its own and an index with a Message-ID of its own."""
        self.last_id += 1
        draft = BlobDraft(BlobId(self.last_id.to_bytes(8, "big").rjust(32, b"\7")), b"x" * 4_096)
        return draft, msgspec.structs.replace(index, message_id=f"{self.last_id}@alpha.test")


def one_delivery(tx: SqliteTx, draft: BlobDraft, index: MessageIndex, deliveries: list[Delivery]) -> None:
    tx.connection.execute("SAVEPOINT one")
    name_blobs(tx, [draft], [BlobLocation(1, 0, 2_000, 1)])
    deliver(tx, deliveries, index, draft.blob_id, 4_096, tx.now_us)
    tx.connection.execute("RELEASE one")


def measure_deliveries(bench: Bench, rounds: int) -> None:
    index = index_message(letter(1))
    reply = msgspec.structs.replace(index, in_reply_to=("a@b", "c@d"), references=("a@b", "c@d", "e@f"))
    for name, base, count in (
        ("deliver_us", index, 1),
        ("deliver_reply_us", reply, 1),
        ("deliver_10_us", index, 10),
    ):
        inside = commit = 0.0
        for round_ in range(rounds):
            batch = [
                (
                    *bench.next_blob(base),
                    [Delivery(2 + (round_ * 7 + n + k) % ACCOUNTS) for k in range(count)],
                )
                for n in range(BATCH)
            ]
            tx = SqliteTx(bench.connection)
            tx.now_us = time.time_ns() // 1000
            start = time.process_time()
            bench.connection.execute("BEGIN IMMEDIATE")
            for draft, one, deliveries in batch:
                one_delivery(tx, draft, one, deliveries)
            middle = time.process_time()
            bench.connection.execute("COMMIT")
            inside += middle - start
            commit += time.process_time() - middle
        bench.figures[name] = round(inside / rounds / BATCH * 1e6, 1)
        bench.figures[name.replace("_us", "_commit_us")] = round(commit / rounds / BATCH * 1e6, 1)


def fill(bench: Bench, count: int) -> None:
    for start in range(0, count, 1_000):
        letters = [index_message(letter(n)) for n in range(start, min(count, start + 1_000))]

        def file_portion(tx: SqliteTx, indexes: list[MessageIndex] = letters) -> None:
            for index in indexes:
                draft, _ = bench.next_blob(index)
                name_blobs(tx, [draft], [BlobLocation(1, 0, 2_000, 1)])
                deliver(tx, [Delivery(1, "INBOX")], index, draft.blob_id, 4_096, tx.now_us)

        bench.write(file_portion)


def measure_bulk(bench: Bench, count: int) -> None:
    inbox = bench.write(lambda tx: open_mailbox(tx, 1, "INBOX", actor_id=1))
    archive = bench.write(lambda tx: open_mailbox(tx, 1, "Archive", actor_id=1)).mailbox_id
    box, some = inbox.mailbox_id, [(1, count // 10)]
    bench.measure("select", lambda tx: open_mailbox(tx, 1, "INBOX", actor_id=1))
    bench.measure("changes_none", lambda tx: changes_for(tx, 1, box, inbox.modseq))
    bench.measure("uids_at", lambda tx: uids_at(tx, 1, box, inbox.uidnext, inbox.modseq))
    bench.measure("uid_flags", lambda tx: uid_flags(tx, 1, box, ALL))
    light = [Column.UID, Column.FLAGS, Column.RECEIVED_AT, Column.SIZE_BYTES]
    bench.measure("fetch_flags_date_size", lambda tx: fetch_columns(tx, 1, box, ALL, light))
    heavy = [Column.UID, Column.RECEIVED_AT, Column.SIZE_BYTES, Column.ENVELOPE, Column.BODYSTRUCTURE]
    bench.measure("fetch_envelope_bodystructure", lambda tx: fetch_columns(tx, 1, box, ALL, heavy))
    bench.measure("search_unseen_all", lambda tx: search(tx, 1, box, Flags(0, 1)))
    bench.measure("search_flagged_none", lambda tx: search(tx, 1, box, Flags(4)))
    bench.measure("search_subject", lambda tx: search(tx, 1, box, SubjectText("plan for 777")))
    wanted = HeaderText("message-id", "<77777.4711@alpha.test>")
    bench.measure("search_message_id", lambda tx: search(tx, 1, box, wanted))
    bench.measure("search_text_candidates", lambda tx: search(tx, 1, box, AnyText("figures")))
    for mode, name in ((StoreMode.ADD, "add"), (StoreMode.REMOVE, "remove"), (StoreMode.REPLACE, "replace")):
        bench.measure(f"store_{name}", store_flags, 1, box, ALL, mode, 1, runs=1)
    bench.measure("store_nothing", store_flags, 1, box, ALL, StoreMode.REPLACE, 1)
    odd = [(uid, uid) for uid in range(1, count, 2)]
    bench.measure("store_every_other", store_flags, 1, box, odd, StoreMode.ADD, 4, runs=1)
    bench.measure("store_one", store_flags, 1, box, [(5, 5)], StoreMode.REPLACE, 8, runs=1)
    bench.measure("copy_tenth", copy_messages, 1, box, some, archive, runs=1)
    bench.measure("move_tenth", move_messages, 1, archive, some, box, runs=1)
    bench.write(store_flags, 1, box, some, StoreMode.ADD, 8)
    bench.measure("expunge_tenth", expunge_deleted, 1, box, runs=1)
    now = bench.write(lambda tx: open_mailbox(tx, 1, "INBOX", actor_id=1))
    bench.measure("uids_at_with_gaps", lambda tx: uids_at(tx, 1, box, now.uidnext, now.modseq))
    bench.measure("uids_at_before_expunge", lambda tx: uids_at(tx, 1, box, now.uidnext, now.modseq - 1))
    bench.measure("changes_all", lambda tx: changes_for(tx, 1, box, inbox.modseq))
    bench.measure("verify", lambda tx: check_account(tx, 1), runs=1)
    assert bench.write(check_account, 1) == []


def add_account(tx: SqliteTx, account_id: int) -> dict[str, int]:
    tx.run(
        "INSERT INTO account (account_id, address, next_uidvalidity, created_at) VALUES (?, ?, 1, ?)",
        account_id,
        f"user{account_id}@beta.test",
        tx.now_us,
    )
    return default_mailboxes(tx, account_id)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for account_id in range(1, 2 + ACCOUNTS):
            bench.write(add_account, account_id)
        measure_deliveries(bench, options.rounds)
        fill(bench, options.messages)
        measure_bulk(bench, options.messages)
        print(json.dumps(bench.figures, indent=1))


if __name__ == "__main__":
    main()
