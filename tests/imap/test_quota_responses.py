"""QUOTA and QUOTAROOT lines."""

from postier.imap.quota_responses import Resource, quota_line, quota_root_line, storage


def test_what_is_used_is_rounded_up_and_the_limit_down():
    assert storage(1, 5 << 20) == Resource(b"STORAGE", 1, 5120)
    assert storage(1025, 1025) == Resource(b"STORAGE", 2, 1)
    assert storage(0, 0) == Resource(b"STORAGE", 0, 0)


def test_lines():
    assert quota_line(b"", []) == b'* QUOTA "" ()\r\n'  # eid8846
    two = [storage(1024, 2048), Resource(b"MAILBOX", 6, 10_000)]
    assert quota_line(b"a@b.test", two) == b"* QUOTA a@b.test (STORAGE 1 2 MAILBOX 6 10000)\r\n"
    assert quota_root_line("a b", b"r", utf8=False) == b'* QUOTAROOT "a b" r\r\n'
