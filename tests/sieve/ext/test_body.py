"""body: RFC 5173."""

import pytest

from tests.sieve.scripts import holds, run

# The example of RFC 5173 §5.2
NESTED = b"""From: Whomever
To: Someone
Subject: whatever
Content-Type: multipart/mixed; boundary=outer

& This is a multi-part message in MIME format.

--outer
Content-Type: multipart/alternative; boundary=inner

& This is a nested multi-part message in MIME format.

--inner
Content-Type: text/plain; charset="us-ascii"

$ Hello

--inner
Content-Type: text/html; charset="us-ascii"

% <html><body>Hello</body></html>

--inner--

& This is the end of the inner MIME multipart.

--outer
Content-Type: message/rfc822

From: Someone Else
Subject: hello request

$ Please say Hello

--outer--

& This is the end of the outer MIME multipart.
""".replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ('body :raw :contains "--inner--"', True),
        ('body :raw :contains "Whomever"', False),
        ('body :contains "hello"', True),
        ('body :text :contains "<html>"', False),
        ('body :content "multipart" :contains "MIME"', True),
        ('body :content "multipart" :contains "end of the inner"', True),
        ('body :content "multipart" :contains "nested multi"', True),
        ('body :content "multipart" :contains "end of the outer"', True),
        ('body :content "multipart" :contains "Hello"', False),
        ('body :content "multipart" :contains "--"', False),
        ('body :content "text/plain" :contains "Hello"', True),
        ('body :content "text/plain" :contains "say"', True),
        ('body :content "text/plain" :contains "html"', False),
        ('body :content "text/html" :contains "<body>"', True),
        ('body :content "TEXT" :contains "html"', True),
        ('body :content "message/rfc822" :contains "hello request"', True),
        ('body :content "message/rfc822" :contains "Please"', False),
        ('body :content ["audio/mp3", "text"] :contains "Hello"', True),
        ('body :content "audio/mp3" :contains ""', False),
        ('body :content "" :contains "Someone Else"', True),
        ('body :content ["/", "text/", "a/b/c", "/plain"] :contains ""', False),
        ('body :content "text" :matches "*Hello*"', True),
        ('body :count "eq" :comparator "i;ascii-numeric" :content "text" "3"', True),
        ('body :comparator "i;octet" :contains "hello"', False),
    ],
)
def test_transforms(test, result):
    assert holds(test, NESTED, requires="body relational comparator-i;ascii-numeric") is result


def test_a_message_without_an_empty_line_has_no_body():
    for transform in (":raw", ":text", ':content ""'):
        for test in (':contains ""', ':is ""', ':matches "*"'):
            assert not holds(f"body {transform} {test}", b"Subject: x\r\n", requires="body")
    assert holds('body :raw ""', b"Subject: x\r\n\r\n", requires="body")
    assert holds('body :raw ""', b"\n", requires="body")
    assert holds('body :raw :is "no field\r\n"', b"Subject: x\r\nno field\r\n", requires="body")


def test_the_header_of_a_message_inside_is_its_fields_alone():
    header = "From: Someone Else\r\nSubject: hello request\r\n"
    assert holds(f'body :content "message/rfc822" "{header}"', NESTED, requires="body")


def test_text_is_also_that_of_xhtml_and_of_no_unknown_encoding():
    html = b"\r\n\r\n<html><body>Hello</body></html>\r\n"
    assert holds('body "Hello"', b"Content-Type: application/xhtml+xml" + html, requires="body")
    broken = b"Content-Type: text/html\r\nContent-Transfer-Encoding: multipart/related" + html
    assert not holds('body :contains "Hello"', broken, requires="body")


def test_text_is_decoded():
    message = (
        b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"Gr=FC=DFe\r\n"
    )
    assert holds('body :contains "Gr\u00fc\u00dfe"', message, requires="body")
    assert holds('body :content "text" :contains "Gr\u00fc\u00dfe"', message, requires="body")
    assert holds('body :raw :contains "=FC"', message, requires="body")


def test_attachments_are_decoded_and_nul_ends_nothing():
    message = b"Content-Type: application/x-y\r\nContent-Transfer-Encoding: base64\r\n\r\nAGZpbmQgbWU=\r\n"
    assert holds('body :content "application" :contains "find me"', message, requires="body")


def test_matches_set_no_variables():
    script = """require ["body", "variables", "fileinto"];
    if header :matches "from" "*" {} if body :matches "*" { fileinto "${1}"; }"""
    assert run(script, NESTED).actions[0].mailbox == "Whomever"
