import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.smtp.input import MAX_LOGGED_OCTETS, Input, LineFault
from postier.smtp.settings import MAX_BUFFERED_OCTETS

LINES = st.lists(st.sampled_from([b"a", b"bc", b"\r\n", b"\n", b"\r", b"x" * 9]), max_size=20).map(b"".join)


def lines(wire, step, limit=10):
    source = Input()
    found = []
    for at in range(0, len(wire), step):
        source.receive(wire[at : at + step])
        while (line := source.line(limit)) is not None:
            found.append(line)
    return found


@given(LINES, st.integers(1, 5))
def test_lines_do_not_depend_on_the_cuts(wire, step):
    assert lines(wire, step) == lines(wire, max(len(wire), 1))


def test_lines_and_faults():
    assert lines(b"a\r\n\r\nb\nc\r\n", 1) == [b"a", b"", LineFault.BARE_NEWLINE, b"c"]
    assert lines(b"12345678\r\n123456789\r\n\n", 3) == [
        b"12345678",
        LineFault.TOO_LONG,
        LineFault.BARE_NEWLINE,
    ]
    assert lines(b"a\rb\r\n", 1) == [b"a\rb"]


def test_the_beginning_of_a_long_line_is_kept():
    source = Input()
    source.receive(b"y" * 500)
    assert source.line(100) is None
    assert len(source) == 0
    assert source.beginning == b"y" * MAX_LOGGED_OCTETS
    source.receive(b"y\r\nz")
    assert source.line(100) is LineFault.TOO_LONG
    assert source.take(9) == b"z"


def test_bounds():
    source = Input()
    source.receive(b"x" * MAX_BUFFERED_OCTETS)
    source.receive(b"x")
    with pytest.raises(BufferError):
        source.receive(b"x")
    assert source.clear() == MAX_BUFFERED_OCTETS + 1
    assert not source
