"""GENURLAUTH and URLFETCH lines."""

from postier.imap.url_responses import gen_url_auth_line, url_fetch_line


def test_lines():
    assert gen_url_auth_line(["a:b", "imap://a%40b"]) == b'* GENURLAUTH a:b "imap://a%40b"\r\n'
    assert url_fetch_line("a", None) == b"* URLFETCH a NIL\r\n"
    assert url_fetch_line("a", b"") == b'* URLFETCH a ""\r\n'
    assert url_fetch_line('a" b', b"x\r\ny") == b'* URLFETCH "a\\" b" {4}\r\nx\r\ny\r\n'
    assert url_fetch_line("a\r\n* BYE", b"NIL") == b'* URLFETCH {8}\r\na\r\n* BYE "NIL"\r\n'
