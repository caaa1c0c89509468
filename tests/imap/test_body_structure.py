"""BODY without the extension data of BODYSTRUCTURE."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.body_structure import without_extensions

TEXT = b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 2279 48%b)'
IMAGE = b'("IMAGE" "PNG" NIL "<id>" "a \\") b" "BASE64" 9%b)'
EXTENSIONS = b' NIL ("inline" ("filename" "x)")) ("de" "en") "loc"'
ENVELOPE = b'("date" "s" (("n" NIL "m" "h")) NIL NIL NIL NIL NIL NIL "<m>")'


def mixed(*parts, tail=b""):
    return b"(" + b"".join(parts) + b' "MIXED"' + tail + b")"


@pytest.mark.parametrize(
    ("extended", "plain"),
    [
        (TEXT % EXTENSIONS, TEXT % b""),
        (TEXT % b"", TEXT % b""),
        (IMAGE % b" {2}\r\n)(", IMAGE % b""),
        (
            mixed(TEXT % EXTENSIONS, IMAGE % b" NIL", tail=b' ("boundary" "=_") NIL'),
            mixed(TEXT % b"", IMAGE % b""),
        ),
        (mixed(mixed(TEXT % EXTENSIONS, tail=b" NIL"), tail=b' ("a" "b")'), mixed(mixed(TEXT % b""))),
        (
            b'("TEXT" "PLAIN" NIL NIL {3}\r\n"() "7BIT" 1 1 NIL)',
            b'("TEXT" "PLAIN" NIL NIL {3}\r\n"() "7BIT" 1 1)',
        ),
    ],
)
def test_extensions_go(extended, plain):
    assert without_extensions(extended) == plain


def test_a_message_part_keeps_envelope_body_and_lines():
    message = b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 999 ' + ENVELOPE + b" %b 30%b)"
    assert without_extensions(message % (TEXT % EXTENSIONS, EXTENSIONS)) == message % (TEXT % b"", b"")
    partial = b'("MESSAGE" "PARTIAL" NIL NIL NIL "7BIT" 999%b)'
    assert without_extensions(partial % EXTENSIONS) == partial % b""


PARTS = st.recursive(
    st.sampled_from([TEXT, IMAGE]).map(lambda part: (part % EXTENSIONS, part % b"")),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(
        lambda parts: (
            mixed(*[part[0] for part in parts], tail=b' ("boundary" "(") NIL'),
            mixed(*[part[1] for part in parts]),
        )
    ),
)


@given(PARTS)
def test_any_nesting(pair):
    assert without_extensions(pair[0]) == pair[1]
    assert without_extensions(pair[1]) == pair[1]


def test_depth_costs_no_stack():
    deep = b"(" * 50_000 + TEXT % EXTENSIONS + b' "MIXED" NIL)' * 50_000
    assert without_extensions(deep) == b"(" * 50_000 + TEXT % b"" + b' "MIXED")' * 50_000
