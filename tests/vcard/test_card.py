"""vCards: what real programs write, what is broken, and any octets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.vcard.card import (
    MAX_CARD_CHARACTERS,
    MAX_EMAILS,
    MAX_LINES,
    MAX_NAME_CHARACTERS,
    Card,
    Problem,
    card_octets,
    new_card,
    read_cards,
    with_uid,
)
from postier.vcard.lines import MAX_LINE_OCTETS, Line, escaped, folded, read_line, unescaped, unfolded
from postier.vcard.versions import in_version

APPLE = (
    b"BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//Apple Inc.//macOS 14//EN\r\nN:M\xc3\xbcller;Zo\xc3\xab;;Dr.;\r\n"
    b"FN:Dr. Zo\xc3\xab M\xc3\xbcller\r\nORG:Honest\\, Ltd.;\r\nEMAIL;type=INTERNET;type=HOME:zoe@home.test\r\n"
    b"item1.EMAIL;type=INTERNET;type=pref:Zoe@Honest.test\r\nitem1.X-ABLabel:work\r\n"
    b"PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ\r\n SkZJRg==\r\nUID:urn:uuid:1\r\nEND:VCARD\r\n"
)
NEW = (
    b"BEGIN:VCARD\nVERSION:4.0\nN:Doe;John;;;\nEMAIL;PREF=2:j@x.test\n"
    b'EMAIL;PREF=1;TYPE="work,home":mailto:john@x.test\nEND:VCARD\n'
)


def only(octets):
    (read,) = read_cards(octets)
    return read


def test_a_card_of_an_older_program():
    card = only(APPLE)
    assert (card.version, card.uid, card.name) == ("3.0", "urn:uuid:1", "Dr. Zoë Müller")
    assert card.emails == ("Zoe@Honest.test", "zoe@home.test")  # the preferred one first
    assert only(card_octets(card)) == card


def test_a_card_without_fn_and_uid():
    card = only(NEW)
    assert (card.name, card.uid, card.emails) == ("John Doe", "", ("john@x.test", "j@x.test"))
    assert only(card_octets(with_uid(card, "a,b"))).uid == "a,b"


def test_versions():
    four = in_version(only(APPLE), "4.0")
    text = card_octets(four).decode()
    assert "item1.EMAIL;PREF=1:Zoe@Honest.test\r\n" in text
    assert "PHOTO:data:image/jpeg;base64,/9j/4AAQSkZJRg==\r\n" in text
    assert (only(text.encode()).name, only(text.encode()).emails) == (four.name, four.emails)
    three = card_octets(in_version(four, "3.0")).decode()
    assert "item1.EMAIL;TYPE=pref:Zoe@Honest.test\r\n" in three
    assert "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRg==\r\n" in three
    assert only(three.encode()).emails == four.emails
    bare = card_octets(in_version(new_card("1", "a;b", ("a@x.test",)), "3.0"))
    assert b"VERSION:3.0\r\nN:a\\;b;;;;\r\n" in bare
    assert in_version(four, "4.0") is four


@pytest.mark.parametrize(
    ("octets", "line", "why"),
    [
        (b"BEGIN:VCARD\nVERSION:2.1\nFN:a\nEND:VCARD", 1, "version 2.1 is not read"),
        (b"BEGIN:VCARD\nFN:a\nEND:VCARD", 1, "a card without a version"),
        (b"\nhello", 2, "a line outside a card"),
        (b"BEGIN:VCARD\nVERSION:3.0", 1, "does not end"),
        (b"END:VCARD", 1, "a line outside"),
        (b"BEGIN:VCARD\nVERSION:3.0\nUID:" + b"u" * 256 + b"\nEND:VCARD", 1, "UID"),
        (b"BEGIN:VCARD\nVERSION:3.0\n" + b"X-A:b\n" * MAX_LINES + b"END:VCARD", 1, "lines"),
        (b"BEGIN:VCARD\nVERSION:3.0\nNOTE:" + b"a" * MAX_CARD_CHARACTERS + b"\nEND:VCARD", 1, "characters"),
        (
            b"BEGIN:VCARD\nVERSION:3.0\n"
            + b"".join(b"EMAIL:%d@x.test\n" % number for number in range(MAX_EMAILS + 1))
            + b"END:VCARD",
            1,
            "addresses",
        ),
    ],
)
def test_what_is_no_card(octets, line, why):
    read = only(octets)
    assert isinstance(read, Problem)
    assert (read.line, why in read.why) == (line, True)


def test_limits_at_their_edge():
    head = b"BEGIN:VCARD\nVERSION:3.0\n"
    emails = b"".join(b"EMAIL:%d@x.test\n" % number for number in range(MAX_EMAILS))
    assert len(only(head + emails + b"END:VCARD").emails) == MAX_EMAILS
    assert isinstance(only(head + b"X-A:b\n" * (MAX_LINES - 3) + b"END:VCARD"), Card)
    note = b"NOTE:" + b"a" * (MAX_CARD_CHARACTERS - len(b"BEGIN:VCARDVERSION:3.0NOTE:END:VCARD"))
    assert isinstance(only(head + note + b"\nEND:VCARD"), Card)
    assert isinstance(only(head + note + b"a\nEND:VCARD"), Problem)
    assert len(only(head + b"FN:" + b"n" * 300 + b"\nEND:VCARD").name) == MAX_NAME_CHARACTERS


def test_a_picture_that_is_too_large_is_left_out():
    card = only(
        b"BEGIN:VCARD\nVERSION:3.0\nFN:a\nPHOTO;ENCODING=b:" + b"A" * MAX_CARD_CHARACTERS + b"\nEND:VCARD"
    )
    assert card.lines == ("BEGIN:VCARD", "VERSION:3.0", "FN:a", "END:VCARD")


def test_a_card_within_a_card_is_read_alone():
    found = [*read_cards(b"BEGIN:VCARD\nVERSION:3.0\nAGENT:\n" + NEW + b"END:VCARD\n" + APPLE)]
    assert [type(each) for each in found] == [Problem, Card, Problem, Card]


def test_a_fold_after_an_empty_line_reads_back():
    card = only(b"BEGIN:VCARD\nVERSION:3.0\nFN:a\n\n   NOTE:b\n\n  END:VCARD\n")
    assert card.lines[3] == "NOTE:b"
    assert only(card_octets(card)) == card


def test_lines():
    assert read_line('a.EMAIL;TYPE="x,y;:",z;PREF:v:w') == Line(
        "EMAIL", (("TYPE", ("x,y;:", "z")), ("TYPE", ("PREF",))), "v:w"
    )
    for text in ("", ":", "A", "A;B=c", 'A;B="c:d', "a b:c"):
        assert read_line(text) is None
    assert unescaped(r"a\, b\; c\\n\nd") == "a, b; c\\n\nd"
    assert unfolded(b"A:\xc3\r\n \xbc\r\nB:c") == ["A:ü", "B:c"]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escapes_and_folds_read_back(text):
    assert unescaped(escaped(text)) == text.replace("\r\n", "\n").replace("\r", "\n")
    line = "NOTE:" + escaped(text)
    octets = folded(line)
    assert all(len(each) <= MAX_LINE_OCTETS for each in octets.split(b"\r\n"))
    assert unfolded(octets) == [line.replace("\0", "\ufffd"), ""]


PIECES = st.lists(
    st.sampled_from(
        [b"BEGIN:VCARD", b"END:VCARD", b"VERSION:4.0", b"VERSION:3.0", b"EMAIL;PREF=1:a@b.test", b"\r\n", b"\n", b" ",
         b"FN:\\", b"N:;\\;a;", b'EMAIL;TYPE="pref', b"UID:", b"PHOTO;ENCODING=b:QQ==", b"PHOTO:data:;base64,QQ==", b";", b":"]
    )
    | st.binary(max_size=8),
    max_size=40,
)  # fmt: skip


@given(st.binary() | PIECES.map(b"".join) | PIECES.map(b"\n".join))
def test_any_octets_are_cards_and_problems(octets):
    for read in read_cards(octets):
        if isinstance(read, Card):
            again = [*read_cards(card_octets(read))]
            assert again == [read]
            for version in ("3.0", "4.0"):
                (other,) = read_cards(card_octets(in_version(read, version)))
                assert isinstance(other, Card)
                assert (other.version, other.uid) == (version, read.uid)
                assert set(other.emails) == set(read.emails)
