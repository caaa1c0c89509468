"""CPU time of POP3 on the embedded store: a maildrop of 100,000 messages, and the octets of one large message.

Prints one JSON object: milliseconds of CPU, the best of three runs.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench_mailbox import Bench, fill

from postier.mailbox.folders import default_mailboxes
from postier.mailbox.maildrop import (
    LockedMaildrop,
    leave_maildrop,
    lock_maildrop,
    maildrop_messages,
    update_maildrop,
)
from postier.pop3.dots import stuffed
from postier.pop3.events import (
    CLOSED,
    NEED_DATA,
    ListingRequested,
    MessagesWanted,
    PasswordGiven,
    UpdateRequested,
)
from postier.pop3.maildrop import Maildrop
from postier.pop3.session import Session
from postier.pop3.settings import SessionSettings
from postier.store.sqlite_connection import SqliteTx

LETTER_OCTETS = 10 << 20
RUNS = 3


def timed(fn: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds of CPU, the best of some runs, and the last result."""
    best, result = float("inf"), None
    for _ in range(RUNS):
        start = time.process_time()
        result = fn()
        best = min(best, time.process_time() - start)
    return round(best * 1e3, 2), result


def visit(tx: SqliteTx, locked: LockedMaildrop, commands: bytes) -> int:
    """A session without its socket: octets said."""
    session = Session(SessionSettings("mx.test", is_plaintext_login_allowed=True))
    said = len(session.greet())
    session.receive(b"USER a@beta.test\r\nPASS x\r\n" + commands)
    while (event := session.next_event()) is not NEED_DATA and event is not CLOSED:
        match event:
            case PasswordGiven():
                said += len(
                    session.open_maildrop(
                        Maildrop(locked.uidvalidity, locked.message_count, locked.size_bytes)
                    )
                )
            case MessagesWanted():
                session.give_messages(*maildrop_messages(tx, locked))
            case ListingRequested():
                said += sum(map(len, session.listing()))
            case UpdateRequested():
                said += len(session.updated())
    return said + len(session.take_output())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    count = parser.parse_args().messages
    with tempfile.TemporaryDirectory(prefix="postier-bench-", dir="/var/tmp") as folder:  # on a disk
        bench = Bench(Path(folder))
        bench.write(
            lambda tx: tx.run(
                "INSERT INTO account (account_id, address, next_uidvalidity, created_at) VALUES (1, 'a@beta.test', 1, 0)"
            )
        )
        bench.write(default_mailboxes, 1)
        fill(bench, count)
        tx = SqliteTx(bench.connection)

        def lock() -> LockedMaildrop:
            locked = bench.write(lambda tx: lock_maildrop(tx, 1, "bench", actor_id=1))
            assert locked is not None
            bench.write(leave_maildrop, 1, "bench")
            return locked

        figures = bench.figures
        figures["lock_and_leave"], locked = timed(lock)
        for name, commands in (
            ("stat_and_quit", b"STAT\r\nQUIT\r\n"),
            ("list", b"STAT\r\nLIST\r\nQUIT\r\n"),
            ("list_and_uidl", b"STAT\r\nLIST\r\nUIDL\r\nQUIT\r\n"),
            ("dele_all", b"".join(b"DELE %d\r\n" % number for number in range(1, count + 1)) + b"QUIT\r\n"),
        ):
            figures[name], _ = timed(lambda commands=commands: visit(tx, locked, commands))
        content = (b"." + b"x" * 76 + b"\r\n") * (LETTER_OCTETS // 79)
        figures["stuff_10_mib"], _ = timed(lambda: sum(map(len, stuffed(content))))
        uids = tuple(range(1, count + 1))
        bench.write(lock_maildrop_again)
        start = time.process_time()
        bench.write(update_maildrop, locked, "bench", uids, ())
        figures["update_all_deleted"] = round((time.process_time() - start) * 1e3, 2)
        print(json.dumps(figures | {"messages": count}))


def lock_maildrop_again(tx: SqliteTx) -> None:
    assert lock_maildrop(tx, 1, "bench", actor_id=1) is not None


if __name__ == "__main__":
    main()
