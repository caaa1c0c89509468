"""METADATA lines."""

from postier.imap.metadata_responses import (
    metadata_changed_line,
    metadata_line,
    metadata_long_entries,
    metadata_max_size,
)


def test_values():
    values = [("/shared/comment", b'a "b"'), ("/private/comment", None), ("/private/vendor/x/y", b"\0")]
    assert metadata_line("a b", values, utf8=False) == (
        b'* METADATA "a b" (/shared/comment "a \\"b\\"" /private/comment NIL'
        b" /private/vendor/x/y ~{1}\r\n\0)\r\n"
    )
    assert metadata_line("", [("/shared/comment", b"a\r\nb")], utf8=False) == (
        b'* METADATA "" (/shared/comment {4}\r\na\r\nb)\r\n'
    )


def test_changes_and_codes():
    line = metadata_changed_line("INBOX", ["/shared/comment", "/private/comment"], utf8=False)
    assert line == b"* METADATA INBOX /shared/comment /private/comment\r\n"
    assert metadata_max_size(5).text == b"METADATA MAXSIZE 5"
    assert metadata_long_entries(6).text == b"METADATA LONGENTRIES 6"
