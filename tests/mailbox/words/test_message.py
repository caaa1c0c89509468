"""The words of a message are those of the texts that SEARCH decides on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postier.mailbox import texts
from postier.mailbox.words import message
from postier.mailbox.words.message import message_words
from postier.mailbox.words.tokens import words_of
from postier.mime.collation import search_fold
from postier.mime.index import index_message
from postier.mime.part import load_parts
from tests.mailbox.letters import raw_letter


def of(raw):
    index = index_message(raw)
    root = load_parts(index.parts)
    subject = search_fold(index.subject)
    found = message_words(raw, root, subject)
    assert found is not None
    assert found.fields == (
        words_of(subject),
        words_of(texts.header_text(raw, root)),
        words_of(texts.body_text(raw, root)),
    )
    for line in raw.splitlines():
        name = line.partition(b":")[0].decode("latin1").lower()
        for value in texts.header_values(raw, index.header_size, name) if name.isascii() else ():
            assert words_of(value) <= found.fields[1]  # HEADER is narrowed by them
    return found


def multipart(*parts, kind="mixed"):
    body = "".join(f"--b\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for kind, text in parts)
    return raw_letter(
        body=body + "--b--", extra=f'MIME-Version: 1.0\r\nContent-Type: multipart/{kind}; boundary="b"\r\n'
    )


@pytest.mark.parametrize(
    ("raw", "header", "body"),
    [
        (raw_letter(subject="Plan B"), "carole", "hello"),
        (raw_letter(subject="=?utf-8?q?=C3=9Cber_Stra=C3=9Fen?="), "über", "hello"),
        (raw_letter(subject="=?utf-8?q?Stra=C3=9Fe?="), "strasse", "hello"),
        (raw_letter(subject="a very\r\n long\r\n\tsubject"), "long", "hello"),
        (raw_letter(body="Größe und „Wörter“"), "alice", "wörter"),
        (multipart(("text/plain; charset=iso-8859-1", "plain"), ("text/html", "<p>shown</p>")), "mixed", "shown"),
        (multipart(("application/pdf", "secret"), ("text/plain; name=file.txt", "in a file")), "txt", "file"),
        (raw_letter(body="bud<b>get</b>", extra="Content-Type: text/html\r\n"), "html", "bud"),
        (raw_letter(body="<style>p{}</style>a&eacute;b", extra="Content-Type: text/html\r\n"), "html", "aéb"),
        (raw_letter(body="R3LDvMOfZQ==", extra="Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"), "base64", "grüsse"),
        (raw_letter(body="gr=FCn", extra="Content-Type: text/plain; charset=latin1\r\nContent-Transfer-Encoding: quoted-printable\r\n"), "quoted", "grün"),
        (raw_letter(body="\x1b$B8lJ8\x1b(B", extra="Content-Type: text/plain; charset=iso-2022-jp\r\n"), "iso", "語文"),
        (multipart(("message/rfc822", "Subject: inner\r\n\r\nenclosed")), "inner", "enclosed"),
    ],
)  # fmt: skip
def test_the_words_of_letters(raw, header, body):
    found = of(raw)
    assert search_fold(header).encode() in found.fields[1]
    assert search_fold(body).encode() in found.fields[2]
    assert b"secret" not in found.fields[2]


lines = st.lists(
    st.sampled_from([
        b"Subject: plan", b"Subject: =?utf-8?q?=C3=A9t=C3=A9?= =?utf-8?b?4oCm?=", b" folded =?x?q?y?=", b"\tmore\rbare",
        b"X-Kind: text\x00of\x01it", b"no field", b"X-Raw: \xc3\xbcber \xff", b"Content-Type: text/html; charset=utf-8",
        b"Content-Type: multipart/mixed; boundary=b", b"--b", b"--b--", b"", b"Content-Transfer-Encoding: base64",
        b"<p title='x'>seen &lt; <!-- not -->text</p>", b"Gr\xc3\xb6\xc3\x9fe \xe2\x80\x9eja\xe2\x80\x9c", b"4pyT 4pyT", b"a\x00b",
        b"content-type: text/plain; charset=utf-16", b"\x00a\x00b", "ΐ İ ŉ ᾳ".encode(),
    ]) | st.binary(max_size=12),
    max_size=16,
)  # fmt: skip


@settings(deadline=None)
@given(lines)
def test_the_words_of_any_octets(octets):
    of(b"\r\n".join(octets))
    of(b"\n".join(octets))


def test_what_is_too_much():
    def words(body):
        raw = raw_letter(body=body)
        return message_words(raw, load_parts(index_message(raw).parts), "plan")

    header = len(texts.header_text(raw_letter(), load_parts(index_message(raw_letter()).parts)))
    assert words("x" * (message.MAX_TEXT - header - 200)) is not None
    assert words("x" * message.MAX_TEXT) is None
    many = " ".join(map(str, range(message.MAX_WORDS - 100)))
    assert words(many) is not None
    assert words(many + " " + " ".join(f"w{n}" for n in range(200))) is None


def test_the_size_of_the_texts():
    """What is promised of the size of the index is of texts as they are seen: blanks in HTML are none of it."""
    plain = of(raw_letter(body="some words here"))
    assert 0 <= plain.text_bytes - len("some words here") - 150 < 50
    spaced = (
        "<table>\r\n" + "    <tr>\r\n\t\t<td>some</td>\r\n        <td>words  here</td></tr>" * 50 + "</table>"
    )
    html = of(raw_letter(body=spaced, extra="Content-Type: text/html\r\n"))
    seen = of(raw_letter(body="some words here " * 50, extra="Content-Type: text/html\r\n"))
    assert seen.text_bytes <= html.text_bytes < seen.text_bytes * 1.2
