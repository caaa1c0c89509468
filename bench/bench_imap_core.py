"""What the IMAP core costs; prints one JSON object: CPU milliseconds for 100,000 messages, microseconds a command, bytes held.

Run: python bench/bench_imap_core.py [--repeat N]
"""

import argparse
import json
import sys
import time
from array import array
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from postier.imap import search, search_algebra
from postier.imap.body_structure import without_extensions
from postier.imap.commands.table import parse_command
from postier.imap.dates import internal_dates
from postier.imap.fetch import FetchRows, column_blocks, render_columns
from postier.imap.fetch_syntax import parse_fetch_items
from postier.imap.flags import DELETED, SEEN
from postier.imap.lexer import CommandReader
from postier.imap.list_patterns import pattern_test
from postier.imap.reader_events import AFTER_LOGIN, MessageChunk, MessageEnded
from postier.imap.search_match import predicate
from postier.imap.sets import parse_set, set_text
from postier.imap.state import Session, Step
from postier.imap.tokens import Cursor
from postier.imap.view import MailboxView

COUNT = 100_000
ENVELOPE = (
    b'("Mon, 7 Feb 1994 21:52:25 -0800" "IMAP4rev2 meeting summary and minutes" (("Terry Gray" NIL "gray" "cac.test")) '
    b'(("Terry Gray" NIL "gray" "cac.test")) (("Terry Gray" NIL "gray" "cac.test")) ((NIL NIL "imap" "cac.test")) '
    b'((NIL NIL "minutes" "cnri.test") ("John Klensin" NIL "klensin" "mit.test")) NIL NIL "<B27397-0100000@cac.test>")'
)
STRUCTURE = b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3028 92 NIL NIL NIL NIL)'


def best_ms(work, repeat, before=lambda: ()):
    """The fastest of several runs."""
    found = []
    for _ in range(repeat):
        arguments = before()
        start = time.process_time()
        work(*arguments)
        found.append(time.process_time() - start)
    return round(min(found) * 1000, 3)


def rows():
    return FetchRows(
        seqs=range(1, COUNT + 1),
        uids=array("I", range(5, 2 * COUNT + 5, 2)),
        flags=[b"\\Seen"] * COUNT,
        internal_s=[1_600_000_000 + 977 * place for place in range(COUNT)],
        sizes=[2000 + place % 5000 for place in range(COUNT)],
        envelopes=[ENVELOPE] * COUNT,
        structures=[STRUCTURE] * COUNT,
    )


def loaded_view():
    view = MailboxView(COUNT, uid_next=2 * COUNT + 5)
    view.load(array("I", range(5, 2 * COUNT + 5, 2)))
    return view


class Row:
    """A candidate that has its columns only."""

    __slots__ = ("flags", "internal_s", "saved_s", "sent_s", "size_bytes", "uid")

    def __init__(self, place):
        self.uid = 5 + 2 * place
        self.flags = place & 7
        self.size_bytes = place
        self.internal_s = place
        self.saved_s = 0
        self.sent_s = None


def bulk(repeat):
    table = rows()
    items = {
        name: parse_fetch_items(Cursor(text), is_uid=True)
        for name, text in {
            "fetch_uid_flags": b"FLAGS",
            "fetch_all_columns": b"(ENVELOPE INTERNALDATE RFC822.SIZE BODYSTRUCTURE)",
            "fetch_fast": b"FAST",
        }.items()
    }
    figures = {
        f"{name}_ms": best_ms(lambda item=item: render_columns(item, table), repeat)
        for name, item in items.items()
    }
    figures["fetch_all_columns_by_block_ms"] = best_ms(
        lambda: [len(block) for block in column_blocks(items["fetch_all_columns"], table)], repeat
    )
    figures["internal_dates_ms"] = best_ms(lambda: internal_dates(table.internal_s), repeat)
    figures["flag_texts_ms"] = best_ms(
        lambda view: view.flags_of(view.uids, [SEEN] * COUNT), repeat, lambda: (loaded_view(),)
    )

    def expunging(uids):
        view = loaded_view()
        view.note_expunged(uids)
        return (view,)

    def flush(view):
        return view.flush(may_expunge=True)

    figures["expunge_10000_contiguous_ms"] = best_ms(flush, repeat, lambda: expunging(range(5, 20_005, 2)))
    figures["expunge_10000_scattered_ms"] = best_ms(flush, repeat, lambda: expunging(range(5, 200_005, 20)))

    def flagging():
        view = loaded_view()
        view.note_flags(dict.fromkeys(view.uids, SEEN | DELETED), dict.fromkeys(view.uids, 2))
        return (view,)

    figures["flags_of_all_ms"] = best_ms(flush, repeat, flagging)
    figures["choose_1_to_star_ms"] = best_ms(
        lambda view: view.choose(parse_set(b"1:*"), is_uid=True), repeat, lambda: (loaded_view(),)
    )
    figures["set_text_scattered_ms"] = best_ms(lambda: set_text(table.uids), repeat)
    matching = predicate(
        search_algebra.simplify(
            search.And((search.Flags(SEEN, DELETED), search.Size(above=50), search.Size(below=90_000)))
        )
    )
    candidates = [Row(place) for place in range(COUNT)]
    figures["match_columns_ms"] = best_ms(lambda: [row for row in candidates if matching(row)], repeat)
    test = pattern_test("", ["Archive/%/x*"])
    figures["list_match_ms"] = best_ms(lambda: [test("Archive/2024/Invoices") for _ in range(COUNT)], repeat)
    figures["body_from_structure_ms"] = best_ms(
        lambda: [without_extensions(STRUCTURE) for _ in range(COUNT // 10)], repeat
    )
    return figures


def commands(repeat):
    session = Session()
    session.step(Step.LOGIN_SUCCEEDED)
    session.step(Step.MAILBOX_SELECTED)
    figures = {}
    for name, line in {
        "noop": b"a17 NOOP\r\n",
        "uid_fetch_flags": b"a17 UID FETCH 1:* (FLAGS UID)\r\n",
        "uid_fetch_body": b"a17 UID FETCH 4711 (UID RFC822.SIZE BODY.PEEK[]<0.65536>)\r\n",
        "uid_store": b"a17 UID STORE 4711 +FLAGS (\\Seen)\r\n",
        "search": b'a17 UID SEARCH UNSEEN SINCE 1-Feb-1994 NOT FROM "Smith"\r\n',
        "select_literal": b"a17 SELECT {5+}\r\nInbox\r\n",
    }.items():
        reader = CommandReader(AFTER_LOGIN)

        def thousand(reader=reader, line=line):
            for _ in range(1000):
                reader.receive(line)
                parse_command(reader.next_event(), session)

        figures[f"command_{name}_us"] = best_ms(thousand, repeat)

    message = b"x" * 10_000_000

    def append():
        reader = CommandReader(AFTER_LOGIN)
        reader.receive(b"a APPEND INBOX {%d+}\r\n" % len(message))
        reader.next_event()
        reader.accept_message()
        for start in range(0, len(message), 65_536):
            reader.receive(message[start : start + 65_536])
            while isinstance(event := reader.next_event(), MessageChunk):
                pass
        assert isinstance(event, MessageEnded)

    figures["append_10_mb_ms"] = best_ms(append, repeat)
    return figures


def memory():
    reader = CommandReader(AFTER_LOGIN)
    view = loaded_view()
    held = sum(
        sys.getsizeof(getattr(reader, name)) for name in reader.__slots__ if name not in {"limits", "_mode"}
    )
    beside = sum(sys.getsizeof(getattr(view, name)) for name in view.__slots__ if name != "_uids")
    return {
        "idle_reader_bytes": sys.getsizeof(reader) + held,
        "idle_view_bytes_beside_uids": sys.getsizeof(view) + beside,
        "uids_bytes_each": round(sys.getsizeof(view.uids) / COUNT, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=7)
    repeat = parser.parse_args().repeat
    print(json.dumps({**bulk(repeat), **commands(repeat), **memory()}, indent=1))


if __name__ == "__main__":
    main()
