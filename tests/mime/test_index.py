import mmap
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.bodystructure import body_of
from postier.mime.defects import Defect
from postier.mime.index import MessageIndex, index_message, load_parts
from postier.mime.sections import SectionSpec, SectionText, section_bytes

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.eml"))
MAX_SECONDS = 2.0


def check(raw: bytes) -> MessageIndex:
    """What holds of every index."""
    index = index_message(raw)
    root = load_parts(index.parts)
    header = section_bytes(raw, root, SectionSpec((), SectionText.HEADER))
    text = section_bytes(raw, root, SectionSpec((), SectionText.TEXT))
    assert header is not None
    assert text is not None
    assert (len(header), header + text) == (index.header_size, raw)
    assert b"\x00" not in index.envelope + index.bodystructure
    for value in (
        index.subject,
        index.base_subject,
        index.from_text,
        index.preview,
        index.to_display,
        *index.references,
    ):
        value.encode("utf-8")
        assert "\x00" not in value
        assert "\n" not in value
    assert len(index.preview) <= 256
    for syntax in (index.envelope, index.bodystructure, body_of(root)):
        assert_balanced(syntax)
    return index


def assert_balanced(syntax: bytes) -> None:
    """The parentheses outside strings and literals match."""
    depth = position = 0
    while position < len(syntax):
        octet = syntax[position : position + 1]
        if octet == b'"':
            position += 1
            while syntax[position : position + 1] != b'"':
                position += 2 if syntax[position : position + 1] == b"\\" else 1
        elif octet == b"{":
            end = syntax.index(b"}\r\n", position)
            position = end + 2 + int(syntax[position + 1 : end])
        elif octet in b"()":
            depth += 1 if octet == b"(" else -1
            assert depth > 0 or position == len(syntax) - 1
        position += 1
    assert depth == 0


def test_a_plain_letter_is_indexed() -> None:
    raw = (
        b"From: =?utf-8?q?J=C3=B6rg?= <joerg@alpha.test>\r\nTo: friends: b@x.test;, c@x.test\r\nCc: d@x.test\r\n"
        b"Sender: s@alpha.test\r\nReply-To: r@alpha.test\r\nBcc: e@x.test\r\nSubject: Re: Lunch\r\n"
        b"Date: Tue, 24 Nov 2026 03:59:58 +0100\r\nMessage-ID: <1@alpha.test>\r\nIn-Reply-To: <0@beta.test>\r\n"
        b"References: <a@x>\r\n <0@beta.test>\r\n\r\nAt noon?\r\n"
    )
    index = check(raw)
    assert (index.subject, index.base_subject, index.preview) == ("Re: Lunch", "Lunch", "At noon?")
    assert (index.from_text, index.from_mailbox, index.from_display) == (
        "Jörg <joerg@alpha.test>",
        "joerg",
        "Jörg",
    )
    assert (index.to_text, index.to_mailbox, index.to_display) == (
        "friends: b@x.test;, c@x.test",
        "friends",
        "friends",
    )
    assert (index.cc_text, index.cc_mailbox, index.bcc_text) == ("d@x.test", "d", "e@x.test")
    assert (index.sender_text, index.reply_to_text) == ("s@alpha.test", "r@alpha.test")
    assert (index.sent_at, index.sent_zone_minutes) == (1_795_489_198, 60)
    assert (index.message_id, index.in_reply_to) == ("1@alpha.test", ("0@beta.test",))
    assert index.references == ("a@x", "0@beta.test")
    assert index.header_size == raw.index(b"\r\n\r\n") + 4
    assert index.has_attachment is False
    assert index.defects == ()
    assert load_parts(index.parts).path == "1"


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_the_corpus_of_broken_letters(path: Path) -> None:
    raw = path.read_bytes()
    check(raw)
    for cut in range(0, len(raw), max(1, len(raw) // 40)):
        check(raw[:cut])
        check(raw[cut:])


@pytest.mark.parametrize(
    ("name", "defects"),
    [
        ("duplicates", {Defect.DUPLICATE_FIELD, Defect.DUPLICATE_FROM}),
        ("header_not_ended", {Defect.HEADER_NOT_ENDED}),
        ("no_header", {Defect.HEADER_NOT_ENDED, Defect.FROM_MISSING}),
        ("end_missing", {Defect.END_MISSING}),
        ("encoded_message", {Defect.ENCODED_COMPOSITE, Defect.HEADER_NOT_ENDED}),
        ("bare_lf", {Defect.BARE_LINE_END}),
        ("dates_odd", set()),
    ],
)
def test_defects(name: str, defects: set[Defect]) -> None:
    raw = (Path(__file__).parent / "corpus" / f"{name}.eml").read_bytes()
    assert set(index_message(raw).defects) - {Defect.DATE_INVALID} == defects


def test_too_many_addresses() -> None:
    field = b"To: " + b"a,\r\n " * 11_000 + b"b\r\n"
    assert Defect.TOO_MANY_ADDRESSES in index_message(b"From: a@b\r\n" + field + b"\r\n").defects


def test_a_mapped_file_is_indexed_alike() -> None:
    raw = (Path(__file__).parent / "corpus" / "nested_message.eml").read_bytes()
    with mmap.mmap(-1, len(raw)) as mapped:
        mapped[:] = raw
        assert index_message(mapped) == index_message(raw)


_PIECES = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r", b"--b\r\n", b"--b--\r\n", b"From: ", b"To: ", b"Subject: ", b"Date: ", b"References: ",
        b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: message/rfc822\r\n\r\n", b"Content-Type: text/html\r\n",
        b"Content-Transfer-Encoding: base64\r\n", b"Content-Disposition: attachment; filename*0*=", b"=?utf-8?q?=00?=",
        b"=?utf-7?b?+2AA-?=", b"a@b", b"<", b">", b"(", b")", b'"', b"\\", b",", b";", b":", b"\x00", b"\xff", b"<p>", b"Re: ",
    ]
)  # fmt: skip


@given(
    st.one_of(
        st.binary(max_size=400),
        st.lists(st.one_of(_PIECES, st.binary(max_size=4)), max_size=60).map(b"".join),
    )
)
def test_any_octets_give_an_index(raw: bytes) -> None:
    started = time.process_time()
    check(raw)
    assert time.process_time() - started < MAX_SECONDS
