import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postier.smtp import reason
from postier.smtp.body import ChunkedBody, DotStuffedBody, DotStuffer, is_canonical

TEXT = st.lists(
    st.sampled_from([b".", b"..", b"a", b"\r\n", b"\r\n.", b"x" * 30, b"\xc3\xbc"]), max_size=30
).map(b"".join)
HOSTILE = st.lists(
    st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"a", b"\0", b"\r\n.\r\n"]), max_size=20
).map(b"".join)
NEVER = 1 << 30


def receive(wire, step=None, limit=NEVER):
    body = DotStuffedBody(limit)
    out = b""
    for at in range(0, len(wire), step or len(wire)):
        block = wire[at : at + (step or len(wire))]
        piece, used, ended = body.take(block, 0)
        out += piece
        if ended:
            return out, wire[at + used :], body
    return out, None, body


def reference(wire):
    """RFC 5321 §4.5.2 line by line."""
    rest = b"\r\n" + wire
    head, found, after = rest.partition(b"\r\n.\r\n")
    if not found:
        return None, None
    lines = [line[1:] if line[:1] == b"." else line for line in (head + b"\r\n").split(b"\r\n")[1:-1]]
    return b"".join(line + b"\r\n" for line in lines), after


@pytest.mark.parametrize(
    ("wire", "text", "rest"),
    [
        (b".\r\n", b"", b""),
        (b"\r\n.\r\nNOOP\r\n", b"\r\n", b"NOOP\r\n"),
        (b"..\r\n.\r\n", b".\r\n", b""),
        (b"a\r\n..b\r\n...\r\n.c\r\n.\r\n.\r\n", b"a\r\n.b\r\n..\r\nc\r\n", b".\r\n"),
    ],
)
def test_unstuffing(wire, text, rest):
    for step in range(1, len(wire) + 1):
        out, _, body = receive(wire, step)
        assert out == text
        assert body.fault is None
        assert body.size_bytes == len(text)
    assert receive(wire)[1] == rest


@given(TEXT, st.integers(1, 7))
def test_unstuffing_agrees_with_the_rfc(text, step):
    wire = text + b"\r\n.\r\nREST"
    expected, rest = reference(wire)
    out, found, body = receive(wire)
    assert (out, found) == (expected, rest)
    assert body.fault is None
    assert receive(wire, step)[0] == expected
    assert body.is_ascii == expected.isascii()


@given(HOSTILE, st.integers(1, 5))
@example(b".\ra", 1)  # what was held of the body's first line was once forgotten
def test_the_verdict_does_not_depend_on_the_cuts(text, step):
    wire = text + b"\r\n.\r\n"
    expected, _ = reference(wire)
    for limit in (NEVER, 9):
        out, _, body = receive(wire, limit=limit)
        piecewise, _, other = receive(wire, step, limit=limit)
        assert body.fault == other.fault
        assert body.size_bytes == other.size_bytes == len(expected)
        if len(expected) > limit:
            assert body.fault == reason.MESSAGE_TOO_BIG
        elif expected.replace(b"\r\n", b"").strip(b"\r\n") != expected.replace(
            b"\r\n", b""
        ) or not is_canonical(expected):
            assert body.fault == reason.BARE_NEWLINE
        elif b"\0" in expected:
            assert body.fault == reason.NUL_OCTET
        else:
            assert body.fault is None
            assert out == piecewise == expected
        assert is_canonical(out)
        assert b"\0" not in out


@given(st.binary(max_size=40))
def test_is_canonical_is_exact(piece):
    bare = piece.replace(b"\r\n", b"")
    assert is_canonical(piece) == (b"\r" not in bare and b"\n" not in bare)


@pytest.mark.parametrize("line_end", [b"\n", b"\r", b"\n\r", b"\r\r\n", b"\r\n\n"])
def test_bare_newlines(line_end):
    _, _, body = receive(b"a" + line_end + b"b\r\n.\r\n")
    assert body.fault == reason.BARE_NEWLINE


def test_size_at_its_edge():
    assert receive(b"1234\r\n.\r\n", limit=6)[2].fault is None
    assert receive(b"12345\r\n.\r\n", limit=6)[2].fault == reason.MESSAGE_TOO_BIG
    assert receive(b"..345\r\n.\r\n", limit=6)[2].fault is None  # the stuffed dot does not count


def chunked(text, step):
    body = ChunkedBody(NEVER)
    out = b"".join(body.take(text[at : at + step]) for at in range(0, len(text), step))
    return out + body.finish(), body


@given(HOSTILE, st.integers(1, 9))
def test_chunks_store_what_data_stores(text, step):
    out, body = chunked(text, step)
    assert body.fault == chunked(text, 1000)[1].fault
    canonical = text if text.endswith(b"\r\n") or not text else text + b"\r\n"
    if body.fault is None:
        assert out == canonical
        assert receive(DotStuffer().stuff(canonical) + b".\r\n")[0] == canonical
    else:
        assert not is_canonical(text) or b"\0" in text
    assert is_canonical(out)


@given(TEXT, st.integers(1, 9))
def test_stuffing_round_trip(text, step):
    if not is_canonical(text):
        text = text.replace(b"\r", b"").replace(b"\n", b"\r\n")
    stuffer = DotStuffer()
    wire = (
        b"".join(stuffer.stuff(text[at : at + step]) for at in range(0, len(text), step)) + stuffer.finish()
    )
    whole = text if text.endswith(b"\r\n") or not text else text + b"\r\n"
    out, rest, body = receive(wire)
    assert (out, rest, body.fault) == (whole, b"", None)
    assert is_canonical(wire)


@pytest.mark.parametrize("text", [b"a\nb", b"a\rb", b"\n", b"a\0b", b"\r"])
def test_what_is_not_canonical_is_never_sent(text):
    stuffer = DotStuffer()

    def send():
        assert is_canonical(stuffer.stuff(text))
        stuffer.finish()

    with pytest.raises(ValueError):
        send()
