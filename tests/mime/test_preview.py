import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.index import index_message
from postier.mime.preview import MAX_PREVIEW_CHARACTERS


def letter(content_type: str, body: str, more: str = "") -> bytes:
    return f"From: a@b.test\r\nDate: 1 Jan 2026 00:00 +0000\r\nContent-Type: {content_type}\r\n{more}\r\n{body}".encode()


@pytest.mark.parametrize(
    ("raw", "preview"),
    [
        (letter("text/plain", "Hello\r\n\r\n  you\t there\r\n"), "Hello you there"),
        (letter("text/plain", "> old\r\n> words\r\nnew\r\n"), "new"),
        (letter("text/plain", "> only\r\n"), "> only"),
        (letter("text/plain", " " * 5000 + "late"), "late"),
        (letter("text/html", "<style>" + "x" * 20_000 + "</style><p>Hi &amp; bye</p>"), "Hi & bye"),
        (letter("image/png", "x"), ""),
        (letter("text/plain; charset=utf-8", "caf=C3=A9 =\r\nau lait", "Content-Transfer-Encoding: quoted-printable\r\n"), "café au lait"),
        (letter("text/plain; charset=utf-8", "Y2Fmw6k=", "Content-Transfer-Encoding: base64\r\n"), "café"),
        (letter("text/plain", ""), ""),
        (letter("text/plain", "no", "Content-Disposition: attachment\r\n"), ""),
        (letter("multipart/alternative; boundary=b", "--b\r\n\r\n \r\n--b\r\nContent-Type: text/html\r\n\r\n<b>rich</b>\r\n--b--"), "rich"),
    ],
)  # fmt: skip
def test_preview(raw: bytes, preview: str) -> None:
    assert index_message(raw).preview == preview


def test_limit_of_a_preview() -> None:
    assert len(index_message(letter("text/plain", "word " * 1000)).preview) == MAX_PREVIEW_CHARACTERS
    assert len(index_message(letter("text/plain", "é" * 201)).preview) == MAX_PREVIEW_CHARACTERS


def parts(*kinds: str) -> bytes:
    pieces = "".join([f"--b\r\n{kind}\r\n\r\nx\r\n" for kind in kinds])
    return letter("multipart/mixed; boundary=b", f"{pieces}--b--\r\n")


@pytest.mark.parametrize(
    ("kinds", "has"),
    [
        (["Content-Type: text/plain"], False),
        (["Content-Type: text/plain", "Content-Type: application/pdf"], True),
        (["Content-Type: text/plain\r\nContent-Disposition: attachment"], True),
        (["Content-Type: text/html", "Content-Type: image/png\r\nContent-ID: <a@b>"], False),
        (["Content-Type: text/plain", "Content-Type: application/pgp-signature"], False),
        (["Content-Type: text/plain", "Content-Type: message/rfc822"], True),
        (["Content-Type: text/plain", "Content-Type: text/calendar; name=x.ics"], False),
        (["Content-Type: text/plain", "Content-Type: text/csv; name=x.csv"], True),
    ],
)
def test_has_attachment(kinds: list[str], *, has: bool) -> None:
    assert index_message(parts(*kinds)).has_attachment is has


@given(
    st.lists(
        st.sampled_from([*" \t\r\n\v\f\x1c\x85\xa0\u2028\u3000", "\r\n", "  ", "a", "\u200b", "word "])
    ).map("".join)
)
def test_white_space_is_one_space(text: str) -> None:
    raw = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode()
    assert index_message(raw).preview == " ".join(text.split())[:MAX_PREVIEW_CHARACTERS]
