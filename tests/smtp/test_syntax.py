import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.address import Address
from postier.smtp.syntax import (
    FAST_MAIL,
    FAST_RECIPIENT,
    MAX_HELLO_OCTETS,
    MAX_PATH_OCTETS,
    PathError,
    fast_address,
    parse_forward_path,
    parse_hello,
    parse_reverse_path,
    split_command,
)

NEARLY_PATH = st.text(st.sampled_from('aB0.-_%!@"\\<>: ,[]ü'), max_size=24)


def test_split_command():
    assert split_command(b"mail FROM:<a@b>") == (b"MAIL", b"FROM:<a@b>")
    assert split_command(b"QUIT ") == (b"QUIT", b"")
    assert split_command(b"") == (b"", b"")


@pytest.mark.parametrize(
    "name", [b"mx.test", b"[192.0.2.1]", b"[IPv6:2001:db8::1]", b"my_pc", b"localhost", b"x" * 255]
)
def test_hello_names(name):
    assert parse_hello(name) == name.decode()


@pytest.mark.parametrize(
    "name", [b"", b"a b", b"<x>", b'"x"', b"a\\b", b"(x)", b"\xc3\xbc", b"a\x7f", b"x" * 256]
)
def test_not_hello_names(name):
    with pytest.raises(ValueError):
        parse_hello(name)
    assert MAX_HELLO_OCTETS == 255


@pytest.mark.parametrize(
    ("text", "address", "rest"),
    [
        (b"FROM:<>", None, b""),
        (b"from:<a@b.test>", Address("a", "b.test"), b""),
        (b"FROM: <a@B.Test> SIZE=1  BODY=8BITMIME", Address("a", "b.test"), b"SIZE=1  BODY=8BITMIME"),
        (b'FROM:<"a> b"@b.test> X', Address("a> b", "b.test"), b"X"),
        (b'FROM:<"a\\"b"@b.test>', Address('a"b', "b.test"), b""),
        (b"FROM:<a@[IPv6:::1]>", Address("a", "[ipv6:::1]"), b""),
        (b"FROM:<@r.test,@s.test:a@b.test>", Address("a", "b.test"), b""),
    ],
)
def test_reverse_paths(text, address, rest):
    path = parse_reverse_path(text)
    assert (path.mailbox, path.parameters) == (address, rest)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"FROM",
        b"FROM:",
        b"TO:<a@b.test>",
        b"FROM:a@b.test",
        b"FROM:<a@b.test",
        b"FROM:<a>",
        b"FROM:<postmaster>",
        b"FROM:<a@b.test>SIZE=1",
        b"FROM:<a@@b.test>",
        b"FROM:<@r.test:>",
        b"FROM:<a b@c.test>",
        b'FROM:<"a@b.test>',
        b"FROM:<a@b..test>",
        b"FROM:<.a@b.test>",
        b"FROM:<a@" + b"x" * 256 + b">",
        b"FROM:<a@b.test><c@d.test>",
        b"FROM:<\xff@b.test>",
        b"FROM:<@r.test:postmaster>",
    ],
)
def test_malformed_reverse_paths(text):
    with pytest.raises(PathError):
        parse_reverse_path(text)


def test_forward_paths():
    assert parse_forward_path(b"TO:<Postmaster>").mailbox is None
    assert parse_forward_path(b"TO:<postMASTER@b.test>").mailbox == Address("postMASTER", "b.test")
    routed = parse_forward_path(b"TO:<@r.test:a@b.test>")
    assert routed.is_routed
    assert routed.mailbox == Address("a", "b.test")
    assert not parse_forward_path("TO:<ü@b.test>".encode()).is_ascii
    for text in (b"TO:<>", b"TO:<x>", b"TO:<@r.test:postmaster>"):
        with pytest.raises(PathError):
            parse_forward_path(text)


def test_path_length_at_its_edge():
    domain = b".".join([b"d" * 60] * 3)
    whole = b"<" + b"l" * 64 + b"@" + domain + b"." + b"e" * (MAX_PATH_OCTETS - 68 - len(domain)) + b">"
    assert len(whole) == MAX_PATH_OCTETS
    assert parse_reverse_path(b"FROM:" + whole).mailbox is not None
    assert FAST_MAIL.match(b"MAIL FROM:" + whole + b"\r\n") is not None
    longer = whole.replace(b"e>", b"ee>")
    with pytest.raises(PathError):
        parse_reverse_path(b"FROM:" + longer)
    match = FAST_MAIL.match(b"MAIL FROM:" + longer + b"\r\n")
    assert match is None or fast_address(match[1], match[2]) is None


@given(NEARLY_PATH)
def test_the_fast_pattern_agrees_with_the_grammar(text):
    for command, parse in ((b"MAIL FROM:", parse_reverse_path), (b"RCPT TO:", parse_forward_path)):
        line = command + b"<" + text.encode() + b">"
        match = (FAST_MAIL if command == b"MAIL FROM:" else FAST_RECIPIENT).match(line + b"\r\n")
        if match is not None:
            path = parse(line.partition(b" ")[2])
            assert path.mailbox == fast_address(match[1], match[2])
            assert path.parameters == (match[3] or b"")
            assert path.is_ascii
            assert not path.is_routed


@given(NEARLY_PATH | st.text(), st.binary(max_size=20))
def test_any_octets_give_a_path_or_the_declared_error(text, octets):
    for prefix, parse in ((b"FROM:", parse_reverse_path), (b"TO:", parse_forward_path)):
        for argument in (
            prefix + b"<" + text.encode("utf-8", "surrogatepass") + b">",
            prefix + octets,
            octets,
        ):
            with contextlib.suppress(PathError):
                parse(argument)
