import email
import email.policy
import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.bodystructure import bodystructure_of
from postier.mime.boundaries import MAX_BOUNDARY_OCTETS, MAX_FALSE_DELIMITERS
from postier.mime.defects import Defect
from postier.mime.octets import count_lines
from postier.mime.part import Part, dump_parts, load_parts
from postier.mime.structure import MAX_DEPTH, MAX_PARTS, Limits, parse, parse_message


def multipart(boundary: str, *parts: bytes, subtype: str = "mixed") -> bytes:
    pieces = b"".join([b"--%b\r\n%b\r\n" % (boundary.encode(), part) for part in parts])
    return b'Content-Type: multipart/%b; boundary="%b"\r\n\r\n%b--%b--\r\n' % (
        subtype.encode(), boundary.encode(), pieces, boundary.encode())  # fmt: skip


def bodies(raw: bytes) -> list[tuple[str, str, bytes]]:
    return [
        (p.path, p.media_type, raw[p.body_start : p.body_end]) for p in parse(raw).walk() if not p.children
    ]


def test_a_letter_without_mime_is_part_1() -> None:
    raw = b"Subject: x\r\n\r\nline\r\nline\r\n"
    root = parse(raw)
    assert (root.path, root.media_type, root.charset, root.encoding, root.lines) == (
        "1",
        "text/plain",
        "us-ascii",
        "7bit",
        2,
    )
    assert raw[root.header_start : root.body_start] == b"Subject: x\r\n\r\n"


def test_parts_and_their_offsets() -> None:
    raw = multipart("b", b"\r\none", b"Content-Type: image/png\r\n\r\ntwo\r\n")
    root = parse(raw)
    assert root.path == ""
    assert bodies(raw) == [("1", "text/plain", b"one"), ("2", "image/png", b"two\r\n")]
    second = root.children[1]
    assert raw[second.header_start : second.body_start] == b"Content-Type: image/png\r\n\r\n"


def test_nested_parts_have_dotted_numbers() -> None:
    inner = multipart("in", b"\r\na", b"\r\nb", subtype="alternative")
    raw = multipart("out", inner, b"\r\nc")
    assert [part.path for part in parse(raw).walk()] == ["", "1", "1.1", "1.2", "2"]


def test_an_enclosed_message() -> None:
    letter = b"Subject: in\r\n" + multipart("c", b"\r\nx", b"\r\ny")
    raw = multipart("b", b"\r\nhi", b"Content-Type: message/rfc822\r\n\r\n" + letter)
    message = parse(raw).children[1]
    assert message.is_message
    assert message.envelope is not None
    assert b'"in"' in message.envelope
    assert message.lines == letter.count(b"\n")
    root = message.children[0]
    assert raw[root.header_start : root.body_end] == letter
    assert [part.path for part in message.walk()] == ["2", "2", "2.1", "2.2"]
    single = parse(b"Content-Type: message/global\r\n\r\nSubject: x\r\n\r\ntext")
    assert [part.path for part in single.walk()] == ["1", "1.1"]
    twice = parse(b"Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\nx")
    assert [part.path for part in twice.walk()] == ["1", "1.1", "1.1.1"]


def test_digest_parts_are_messages() -> None:
    root = parse(
        multipart("b", b"\r\nSubject: one\r\n\r\nx", b"Content-Type: text/plain\r\n\r\ny", subtype="digest")
    )
    assert [part.media_type for part in root.children] == ["message/rfc822", "text/plain"]


@pytest.mark.parametrize(
    ("raw", "expected", "defect"),
    [
        (b"Content-Type: multipart/mixed\r\n\r\nx", [("1", "text/plain", b"x")], Defect.BOUNDARY_MISSING),
        (b'Content-Type: multipart/mixed; boundary=""\r\n\r\nx', [("1", "text/plain", b"x")], Defect.BOUNDARY_MISSING),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\nx", [("1", "text/plain", b"x")], Defect.NO_PARTS),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n", [("1", "text/plain", b"--b--\r\n")], None),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx", [("1", "text/plain", b"x")], Defect.END_MISSING),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b", [("1", "text/plain", b"x")], Defect.END_MISSING),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b--", [("1", "text/plain", b"")], None),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b-- \n", [("1", "text/plain", b"x")], None),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b \t\r\n\r\nx\r\n--bb\r\ny\r\n--b--\r\n--b\r\n\r\nz", [("1", "text/plain", b"x\r\n--bb\r\ny")], None),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\nx--b\r\n--b\r\n\r\ny\r\n--b--", [("1", "text/plain", b"y")], None),
        (b"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n\r\n--b\r\n\r\ny\r\n--b--", [("1", "text/plain", b"y")], Defect.ENCODED_COMPOSITE),
        (b"Content-Type: text\r\n\r\nx", [("1", "text/plain", b"x")], Defect.CONTENT_TYPE_INVALID),
        (b"Content-Type: a/b\r\nContent-Type: c/d\r\n\r\nx", [("1", "a/b", b"x")], None),
    ],
)  # fmt: skip
def test_damaged_letters(raw: bytes, expected: list[tuple[str, str, bytes]], defect: Defect | None) -> None:
    assert bodies(raw) == expected
    assert parse_message(raw).defects == (() if defect is None else (defect,))


def test_an_outer_delimiter_ends_what_is_inside() -> None:
    inner = b"Content-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\n\r\none"
    raw = multipart("out", inner, b"\r\ntwo")
    assert bodies(raw) == [("1.1", "text/plain", b"one"), ("2", "text/plain", b"two")]


def test_fields_of_a_part() -> None:
    raw = (
        b"Content-Type: text/html; charset=UTF-8; name=x.html\r\nContent-Transfer-Encoding: (c) Quoted-Printable\r\n"
        b"Content-ID: <a@b>\r\nContent-Description: d\xc3\xa9\r\nContent-Disposition: attachment; filename*=utf-8''%C3%A9\r\n"
        b"Content-Language: en, de (x)\r\nContent-Location: http://x/\r\n y\r\nContent-MD5: abc=\r\n\r\n"
    )
    part = parse(raw)
    assert (part.encoding, part.content_id, part.description) == ("quoted-printable", b"<a@b>", b"d\xc3\xa9")
    assert (part.disposition, part.filename, part.charset) == ("attachment", "é", "utf-8")
    assert (part.language, part.location, part.md5) == ((b"en", b"de"), b"http://x/y", b"abc=")
    assert load_parts(dump_parts(part)) == part


def nested(depth: int) -> bytes:
    head = b"".join(
        [b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth)]
    )
    return head + b"\r\nx"


def depth_of(root: Part) -> int:
    depth = 0
    while root.children:
        root = root.children[0]
        depth += 1
    return depth


def test_limit_of_depth() -> None:
    at_limit = parse_message(nested(MAX_DEPTH))
    assert depth_of(at_limit.root) == MAX_DEPTH
    assert Defect.TOO_DEEP not in at_limit.defects
    over = parse_message(nested(MAX_DEPTH + 1))
    assert depth_of(over.root) == MAX_DEPTH
    assert Defect.TOO_DEEP in over.defects
    leaf = list(over.root.walk())[-1]
    assert leaf.media_type == "application/octet-stream"
    assert load_parts(dump_parts(over.root)) == over.root
    assert bodystructure_of(over.root).startswith(b"(" * MAX_DEPTH)
    messages = parse_message(b"Content-Type: message/rfc822\r\n\r\n" * (MAX_DEPTH + 1))
    assert depth_of(messages.root) == MAX_DEPTH


def test_limit_of_parts() -> None:
    limits = Limits(parts=10)
    at_limit = parse_message(multipart("b", *[b"\r\nx"] * 9), limits)
    assert (len(at_limit.root.children), at_limit.defects) == (9, ())
    raw = multipart("b", *[b"\r\nx"] * 12)
    over = parse_message(raw, limits)
    assert len(over.root.children) == 10
    assert over.defects == (Defect.TOO_MANY_PARTS,)
    rest = over.root.children[-1]
    assert rest.media_type == "application/octet-stream"
    assert rest.body_end == len(raw)
    many = parse(multipart("b", *[b"\r\n"] * (MAX_PARTS + 5)))
    assert len(many.children) == MAX_PARTS


def test_limit_of_false_delimiters() -> None:
    false = b"--bx\r\n" * MAX_FALSE_DELIMITERS
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    tail = b"--b\r\n\r\nx\r\n--b--\r\n"
    assert Defect.NO_PARTS not in parse_message(head + false + tail).defects
    assert Defect.NO_PARTS in parse_message(head + false + b"--bx\r\n" + tail).defects


def test_limit_of_a_boundary() -> None:
    assert parse_message(multipart("b" * MAX_BOUNDARY_OCTETS, b"\r\nx")).defects == ()
    assert parse_message(multipart("b" * (MAX_BOUNDARY_OCTETS + 1), b"\r\nx")).defects == (
        Defect.BOUNDARY_MISSING,
    )


def test_limit_of_search() -> None:
    limits = Limits(search_factor=1, search_floor_octets=0)
    assert Defect.TOO_COSTLY in parse_message(nested(20) + b"y" * 1000, limits).defects
    messages = b"Content-Type: message/rfc822\r\n\r\n" * 20 + b"\r\n" + b"y" * 1000
    assert Defect.TOO_COSTLY in parse_message(messages, limits).defects


def test_a_mapped_file_is_read_alike() -> None:
    raw = multipart(
        "out", multipart("in", b"\r\na\r\n", b"Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nc\r\nd")
    )
    with mmap.mmap(-1, len(raw)) as mapped:
        mapped[:] = raw
        assert parse_message(mapped) == parse_message(raw)
        assert count_lines(mapped, 3, len(raw)) == count_lines(raw, 3, len(raw))


_BODY = st.from_regex(rb"[ -~]{0,30}(\r\n[ -,.-~][ -~]{0,30}){0,3}", fullmatch=True)
_LEAF = st.builds(
    lambda kind, body: b"Content-Type: %b\r\n\r\n%b" % (kind, body),
    st.sampled_from(
        [b"text/plain; charset=utf-8", b"text/html", b"application/pdf; name=x.pdf", b"image/png"]
    ),
    _BODY.filter(lambda body: b"--" not in body),
)
_TREES = st.recursive(
    _LEAF,
    lambda children: st.lists(children, min_size=1, max_size=4).map(lambda parts: (parts,)),
    max_leaves=12,
)


def assemble(tree: object, depth: int = 0) -> bytes:
    if isinstance(tree, bytes):
        return tree
    assert isinstance(tree, tuple)
    return multipart(f"b{depth}", *[assemble(child, depth + 1) for child in tree[0]])


@given(_TREES)
def test_agrees_with_the_standard_library(tree: object) -> None:
    raw = b"From: a@b\r\nMIME-Version: 1.0\r\n" + assemble(tree)
    theirs = [
        part
        for part in email.message_from_bytes(raw, policy=email.policy.SMTP).walk()
        if not part.is_multipart()
    ]
    ours = [part for part in parse(raw).walk() if not part.children]
    assert [p.media_type for p in ours] == [p.get_content_type() for p in theirs]
    assert [raw[p.body_start : p.body_end].replace(b"\r\n", b"\n") for p in ours] == [
        p.get_payload().encode().replace(b"\r\n", b"\n") for p in theirs  # type: ignore[union-attr]
    ]  # fmt: skip


@given(
    st.lists(
        st.sampled_from(
            [
                b"--b",
                b"--",
                b"b",
                b"\r\n",
                b"\n",
                b"\r",
                b" ",
                b"x",
                b"\r\n\r\n",
                b"Content-Type: message/rfc822",
                b"Content-Type: multipart/mixed; boundary=bb",
            ]
        ),
        max_size=40,
    )
)
def test_any_octets_give_a_tree_that_covers_only_them(pieces: list[bytes]) -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"".join(pieces)
    for part in parse(raw).walk():
        assert 0 <= part.header_start <= part.body_start <= part.body_end <= len(raw)
        previous = part.header_start
        for child in part.children:
            assert previous <= child.header_start
            assert child.body_end <= part.body_end
            previous = child.body_end
