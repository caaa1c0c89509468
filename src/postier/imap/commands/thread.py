"""THREAD and UID THREAD.

Not here: the algorithms (`thread_tree`), the response (`thread_results`). Source: RFC 5256 §3, §5.
"""

import msgspec

from postier.imap.commands.search import program
from postier.imap.refusals import bad
from postier.imap.search import Criterion
from postier.imap.thread_tree import Algorithm
from postier.imap.tokens import Cursor


class Thread(msgspec.Struct, frozen=True):
    """What is put in threads, and how."""

    tag: bytes
    is_uid: bool
    algorithm: Algorithm
    criterion: Criterion


def parse(cursor: Cursor) -> Thread:
    """`THREAD` …"""
    return _parse(cursor, is_uid=False)


def parse_uid(cursor: Cursor) -> Thread:
    """`UID THREAD` …"""
    return _parse(cursor, is_uid=True)


def _parse(cursor: Cursor, *, is_uid: bool) -> Thread:
    cursor.space()
    algorithm = Algorithm.__members__.get(cursor.keyword().decode("ascii"))
    if algorithm is None:
        raise bad("Unknown threading algorithm")
    cursor.space()
    return Thread(cursor.tag, is_uid, algorithm, program(cursor, clears_saved=False))
