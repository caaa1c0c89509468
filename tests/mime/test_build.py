import email
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.address import Address
from postier.mime.build import Attachment, Letter, build
from postier.mime.dates import Moment
from postier.mime.decode import content_of, text_of
from postier.mime.entities import MAX_BOUNDARY_TOKEN, Entity, base64_lines, multipart, text_entity
from postier.mime.header_lines import (
    Correspondent,
    HeaderValueError,
    address_line,
    line,
    parameter,
    text_line,
)
from postier.mime.index import index_message, load_parts
from postier.mime.normalise import is_canonical
from postier.mime.structure import parse

ALICE = Correspondent(Address("alice", "alpha.test"), "Alice Example")
CAROLE = Correspondent(Address("carole", "beta.test"), "Carole, Müller")
LETTER = Letter(
    from_=(ALICE,),
    date=Moment(1_795_489_198, 60),
    message_id="1@alpha.test",
    to=(CAROLE,),
    subject="Grüße",
    text="Hallo\n",
)
PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120)


def read(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.SMTP)
    assert isinstance(message, EmailMessage)
    return message


def replace(letter: Letter, **changes: object) -> Letter:
    return Letter(**({name: getattr(letter, name) for name in letter.__struct_fields__} | changes))  # type: ignore[arg-type]


def test_a_plain_letter() -> None:
    raw = build(LETTER, "t")
    assert raw == (
        b"Date: Tue, 24 Nov 2026 03:59:58 +0100\r\nFrom: Alice Example <alice@alpha.test>\r\n"
        b"To: =?utf-8?q?Carole=2C_M=C3=BCller?= <carole@beta.test>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        b"Message-ID: <1@alpha.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n\r\nHallo\r\n"
    )
    assert is_canonical(raw)


def test_all_kinds_of_content() -> None:
    letter = replace(
        LETTER,
        html="<p>Hällo <img src=cid:pic@x></p>",
        attachments=(
            Attachment(b"\x89PNG", "image/png", "p.png", "pic@x"),
            Attachment(
                b"%PDF" * 100, "application/pdf", "Übersicht der letzten Jahre, sehr lang und ausführlich.pdf"
            ),
            Attachment(b"Subject: in\n\nx", "message/rfc822"),
        ),
    )
    raw = build(letter, "token")
    assert is_canonical(raw)
    root = parse(raw)
    assert [(part.path, part.media_type) for part in root.walk()] == [
        ("", "multipart/mixed"),
        ("1", "multipart/alternative"),
        ("1.1", "text/plain"),
        ("1.2", "multipart/related"),
        ("1.2.1", "text/html"),
        ("1.2.2", "image/png"),
        ("2", "application/pdf"),
        ("3", "message/rfc822"),
        ("3.1", "text/plain"),
    ]
    pdf = root.children[1]
    assert content_of(raw, pdf) == b"%PDF" * 100
    assert pdf.filename == "Übersicht der letzten Jahre, sehr lang und ausführlich.pdf"
    assert pdf.disposition == "attachment"
    picture = root.children[0].children[1].children[1]
    assert (picture.disposition, picture.content_id) == ("inline", b"<pic@x>")
    theirs = read(raw)
    assert theirs["subject"] == "Grüße"
    assert [part.get_filename() for part in theirs.iter_attachments()] == [pdf.filename, None]
    body = theirs.get_body(("plain",))
    assert body is not None
    assert body.get_content() == "Hallo\r\n"


def test_smtputf8() -> None:
    joerg = Correspondent(Address("jörg", "alpha.test"), 'Jörg "J"')
    raw = build(replace(LETTER, from_=(joerg,)), "t", smtputf8=True)
    assert 'From: "Jörg \\"J\\"" <jörg@alpha.test>\r\n'.encode() in raw
    assert "Subject: Grüße\r\n".encode() in raw
    with pytest.raises(HeaderValueError, match="SMTPUTF8"):
        build(replace(LETTER, from_=(joerg,)), "t")


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "x\r\nBcc: evil@x"},
        {"subject": "x\ny"},
        {"subject": "x\x00"},
        {"subject": "x\ry"},
        {"to": (Correspondent(Address("a", "b.test"), "x\r\nBcc: y"),)},
        {"message_id": "a@b>\r\nX: y"},
        {"message_id": "a b@c"},
        {"in_reply_to": ("a@b\n",)},
        {"fields": (("X-Y", "a\r\n b"),)},
        {"fields": (("X-Y: z\r\nA", "b"),)},
        {"fields": (("From", "b"),)},
        {"fields": (("Content-Type", "b"),)},
        {"attachments": (Attachment(b"", "text/plain", "a\r\nb"),)},
        {"attachments": (Attachment(b"", "text/plain\r\nX: y"),)},
        {"attachments": (Attachment(b"", "multipart/mixed"),)},
        {"attachments": (Attachment(b"", content_id="a\r\nb"),), "html": ""},
        {"subject": "\ud800"},
    ],
)
def test_injection_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(HeaderValueError):
        build(replace(LETTER, **changes), "t")


@given(subject=PRINTABLE, name=PRINTABLE, smtputf8=st.booleans())
def test_what_is_written_is_read(*, subject: str, name: str, smtputf8: bool) -> None:
    letter = replace(LETTER, subject=subject, to=(Correspondent(Address("a", "b.test"), name),))
    raw = build(letter, "t", smtputf8=smtputf8)
    assert is_canonical(raw)
    assert all(len(row) <= 998 for row in raw.split(b"\r\n"))
    index = index_message(raw)
    assert index.subject == subject.strip(" ")
    if name.split():
        assert index.to_display == " ".join(name.split())
    assert index.defects == ()


@given(PRINTABLE)
def test_the_standard_library_reads_the_same(subject: str) -> None:
    raw = build(replace(LETTER, subject=subject), "t")
    assert " ".join(str(read(raw)["subject"]).split()) == " ".join(subject.split()) or "=?" in subject


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), max_size=2000))
def test_text_survives(text: str) -> None:
    raw = build(replace(LETTER, text=text), "t")
    assert is_canonical(raw)
    part = load_parts(index_message(raw).parts)
    found = text_of(raw, part).replace("\r\n", "\n")
    assert found == (text if text.endswith("\n") or not text else text + "\n")


def test_transfer_encodings() -> None:
    assert b"7bit" in text_entity("plain\n").header
    assert b"quoted-printable" in text_entity("grün ist gut und schön\n").header
    assert b"base64" in text_entity("日本語日本語日本語").header
    assert b"quoted-printable" in text_entity("x" * 999).header
    assert all(len(row) <= 76 for row in text_entity("ü x" * 500).body.split(b"\r\n"))
    assert base64_lines(b"x" * 57) == b"eHh4" * 19 + b"\r\n"
    assert base64_lines(b"") == b""


def test_a_boundary_never_occurs_in_the_parts() -> None:
    entity = multipart("mixed", [Entity(b"", b"--=_t_0\r\n--=_t_1")], "t")
    assert b'boundary="=_t_2"' in entity.header
    multipart("mixed", [Entity(b"", b"")], "t" * MAX_BOUNDARY_TOKEN)
    for token in ("t" * (MAX_BOUNDARY_TOKEN + 1), "", 'a"b', "a b"):
        with pytest.raises(ValueError, match="boundary"):
            multipart("mixed", [Entity(b"", b"")], token)


def test_folding() -> None:
    folded = text_line("Subject", "word " * 60)
    assert all(len(row) <= 78 for row in folded.split(b"\r\n"))
    assert folded.replace(b"\r\n", b"") == b"Subject: " + b" ".join([b"word"] * 60)
    assert text_line("X", "a  b") == b"X: a  b\r\n"
    assert text_line("X", "") == b"X:\r\n"
    assert text_line("X", "looks =?like?q?one?=") == b"X: looks =?utf-8?q?=3D=3Flike=3Fq=3Fone=3F=3D?=\r\n"
    long = text_line("X", "y" * 2000)
    assert max(len(row) for row in long.split(b"\r\n")) <= 78
    people = [Correspondent(Address(f"person{n}", "example.test"), f"Person No. {n}") for n in range(20)]
    rows = address_line("To", people).split(b"\r\n")
    assert max(map(len, rows)) <= 78
    with pytest.raises(HeaderValueError):
        line("Bad Name", ["x"])


def test_parameters() -> None:
    assert parameter("name", "a.txt") == ["; name=a.txt"]
    assert parameter("name", 'a "b".txt') == ['; name="a \\"b\\".txt"']
    assert parameter("name", "é") == ["; name*=utf-8''%C3%A9"]
    tokens = parameter("name", "é" * 40)
    assert tokens[0].startswith("; name*0*=utf-8''%C3")
    assert all(len(token) < 78 for token in tokens)
