"""SECURITY 18: comments and quoted strings that end in a backslash, everywhere an address is read."""

from hypothesis import given
from hypothesis import strategies as st

from postier.mime.address_list import parse_address_list
from postier.mime.comments import comment_end, without_comments
from postier.mime.dates import parse_date
from postier.mime.params import parse_content_type


@given(
    st.lists(
        st.sampled_from(
            [b"(", b")", b"\\", b'"', b"a", b"@", b"<", b">", b",", b" ", b"[", b"]", b"\\)", b"\\("]
        ),
        max_size=40,
    )
)
def test_no_comment_escapes(pieces: list[bytes]) -> None:
    value = b"".join(pieces)
    assert 0 <= comment_end(b"(" + value, 0) <= len(value) + 1
    for tail in (b"", b"\\", b"(\\", b'"\\'):
        without_comments(value + tail)
        parse_address_list(value + tail)
        parse_content_type(b"a/b; c=" + value + tail)
        parse_date(b"1 Jan 2026 " + value + tail)
