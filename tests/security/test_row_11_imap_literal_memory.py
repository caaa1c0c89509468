"""SECURITY 11: literals cannot make the reader hold memory, before login least of all."""

import sys

from postier.imap.lexer import CommandReader
from postier.imap.reader_events import (
    AFTER_LOGIN,
    BEFORE_LOGIN,
    MAX_LITERALS_BEFORE_LOGIN,
    NEED_DATA,
    CommandLine,
    ContinuationWanted,
    Limits,
)


def held(reader):
    """Octets that the reader keeps."""
    kept = [*(reader._segments or ()), *(reader._literals or ()), reader._buffer]
    return sum(map(sys.getsizeof, kept))


def test_four_gibibytes_before_login_are_refused_unread():
    reader = CommandReader(BEFORE_LOGIN)
    reader.receive(b"a LOGIN {4294967296}\r\n")
    assert reader.next_event().reply() == b"a NO [TOOBIG] Literal is too large\r\n"
    assert reader.next_event() is NEED_DATA
    reader.receive(b"a LOGIN {4294967296+}\r\n")
    refused = reader.next_event()
    assert refused.is_fatal
    assert refused.reply().startswith(b"* BYE ")
    reader.receive(b"x" * 1_000_000)
    assert reader.buffered_bytes == 0


def test_thousands_of_literals_before_login():
    reader = CommandReader(BEFORE_LOGIN)
    for _ in range(5000):
        reader.receive(b"a LOGIN {99999+}\r\n")
        event = reader.next_event()
        assert event is NEED_DATA or event.is_fatal
    assert reader.is_closed


def test_the_total_of_a_command_is_limited_before_login():
    reader = CommandReader(BEFORE_LOGIN)
    reader.receive(b"a LOGIN {%d}\r\n" % MAX_LITERALS_BEFORE_LOGIN)
    assert isinstance(reader.next_event(), ContinuationWanted)
    reader.receive(b"x" * MAX_LITERALS_BEFORE_LOGIN + b" {1}\r\n")
    assert reader.next_event().reply().startswith(b"a NO [TOOBIG]")
    assert held(reader) < 200


def test_literals_of_nothing_are_limited_by_the_line():
    reader = CommandReader(BEFORE_LOGIN)
    reader.receive(b"a LOGIN {0+}\r\n")
    for _ in range(2000):
        reader.receive(b" {0+}\r\n")
        reader.next_event()
    assert reader.is_closed
    assert held(reader) < 200


def test_thousands_of_big_literals_after_login_are_dropped_as_they_come():
    limits = Limits(literals_bytes=10_000, non_sync_bytes=4096, message_bytes=10_000_000)
    reader = CommandReader(limits)
    refused = 0
    for _ in range(200):
        reader.receive(b"a X {99999+}\r\n")
        for _ in range(10):
            reader.receive(b"x" * 10_000)
            while (event := reader.next_event()) is not NEED_DATA:
                refused += not isinstance(event, CommandLine)
            assert held(reader) < 100_000
        reader.receive(b"\r\n" if reader.is_idle else b"")
    assert refused


def test_after_login_nothing_over_the_limits_is_kept():
    reader = CommandReader(AFTER_LOGIN)
    reader.receive(b"a SEARCH BODY {%d}\r\n" % (AFTER_LOGIN.literals_bytes + 1))
    assert reader.next_event().tag == b"a"
    assert held(reader) < 200
