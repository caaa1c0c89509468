"""SECURITY 12: a million parentheses, before and after login, in every place that nests."""

import pytest

from postier.imap.body_structure import without_extensions
from postier.imap.commands.table import VERBS, parse_command
from postier.imap.lexer import CommandReader
from postier.imap.reader_events import AFTER_LOGIN, BEFORE_LOGIN, MAX_LINE, CommandLine
from postier.imap.refusals import PeerError
from postier.imap.state import Session, State

MILLION = b"(" * 1_000_000


@pytest.mark.parametrize("limits", [BEFORE_LOGIN, AFTER_LOGIN])
def test_a_million_on_the_wire(limits):
    reader = CommandReader(limits)
    reader.receive(b"a SEARCH " + MILLION + b"\r\n")
    assert reader.next_event().is_fatal
    assert reader.buffered_bytes == 0


@pytest.mark.parametrize("name", sorted(VERBS))
def test_in_every_command_whatever_the_line_limit(name):
    session = Session()
    session.state = next(state for state in State if state in VERBS[name].states)
    text = b"a " + name + b" "
    for prefix in (b"", b"1 ", b"x ", b"x y RETURN ", b"RETURN ", b"NOT ", b"OR SEEN "):
        line = CommandLine(b"a", name, text + prefix + MILLION, len(text) - 1)
        with pytest.raises(PeerError):
            parse_command(line, session)


def test_as_many_as_a_line_holds():
    reader = CommandReader(AFTER_LOGIN)
    reader.receive(b"a SEARCH " + b"(" * (MAX_LINE - 9) + b"\r\n")
    session = Session()
    session.state = State.SELECTED
    with pytest.raises(PeerError, match="nested too deeply"):
        parse_command(reader.next_event(), session)


def test_in_our_own_structures():
    assert without_extensions(MILLION[:100_000]) == MILLION[:100_000]
