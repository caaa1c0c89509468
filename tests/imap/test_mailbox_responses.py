"""Untagged lines about mailboxes and the server."""

from hypothesis import given
from hypothesis import strategies as st

from postier.imap import mailbox_responses as lines
from postier.imap.mailbox_responses import NamespacePrefix, list_line


def test_list():
    assert list_line("INBOX", [], utf8=False) == b'* LIST () "/" INBOX\r\n'
    assert list_line("a b/ä", ["\\HasChildren", "\\Sent"], utf8=True) == (
        b'* LIST (\\HasChildren \\Sent) "/" "a b/\xc3\xa4"\r\n'
    )
    assert list_line("ä", [], utf8=False, verb=b"LSUB") == b'* LSUB () "/" &AOQ-\r\n'
    assert list_line("Foo", [], utf8=False, child_info=("SUBSCRIBED",)) == (
        b'* LIST () "/" Foo ("CHILDINFO" ("SUBSCRIBED"))\r\n'
    )
    assert (
        list_line("New", [], utf8=False, old_name="Old x") == b'* LIST () "/" New ("OLDNAME" ("Old x"))\r\n'
    )
    assert lines.delimiter_line() == b'* LIST (\\Noselect) "/" ""\r\n'


def test_status():
    assert lines.status_data("blurdybloop", {b"MESSAGES": 231, b"UIDNEXT": 44292}, utf8=False) == (
        b"* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)\r\n"
    )


def test_namespace():
    assert lines.namespace_line([NamespacePrefix("")], utf8=False) == b'* NAMESPACE (("" "/")) NIL NIL\r\n'
    assert lines.namespace_line(
        [], [NamespacePrefix("Other Users/")], [NamespacePrefix("Shared/")], utf8=False
    ) == (b'* NAMESPACE NIL (("Other Users/" "/")) (("Shared/" "/"))\r\n')


def test_small_lines():
    assert lines.flags_line(b"\\Seen") == b"* FLAGS (\\Seen)\r\n"
    assert lines.exists_line(3) == b"* 3 EXISTS\r\n"
    assert lines.recent_line(1) == b"* 1 RECENT\r\n"
    assert lines.capability_line([b"IMAP4rev2", b"ID"]) == b"* CAPABILITY IMAP4rev2 ID\r\n"
    assert lines.enabled_line([]) == b"* ENABLED\r\n"
    assert lines.enabled_line([b"IMAP4rev2"]) == b"* ENABLED IMAP4rev2\r\n"
    assert lines.id_line(None) == b"* ID NIL\r\n"
    assert lines.id_line({"name": "Postier", "os": None}) == b'* ID ("name" "Postier" "os" NIL)\r\n'
    assert len(lines.id_line({"n" * 99: "v" * 2000})) < 30 + 1024 + 30


@given(st.text(), st.booleans())
def test_no_name_breaks_the_line(name, utf8):
    name = name.encode("utf-8", "replace").decode()
    line = list_line(name, [], utf8=utf8)
    mark = line.find(b"{")
    if mark < 0 or not line[mark:].split(b"}")[0][1:].isdigit():
        assert line.count(b"\r\n") == 1
