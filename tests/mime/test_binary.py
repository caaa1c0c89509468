"""Binary parts become base64 and lose nothing."""

from hypothesis import given
from hypothesis import strategies as st

from postier.mime.binary import without_nul
from postier.mime.index import index_message
from postier.mime.part import load_parts
from postier.mime.sections import binary_bytes


def encoded(raw):
    return without_nul(raw, load_parts(index_message(raw).parts))


MIXED = (
    b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
    b"--b\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <1@a>\r\n\r\n%b\r\n--b--\r\n"
)


@given(st.binary(max_size=300).map(lambda data: data.replace(b"\n--", b"")))
def test_the_data_stay(data):
    raw = MIXED % (data + b"\0")
    found = encoded(raw)
    assert found is not None
    assert b"\0" not in found
    root = load_parts(index_message(found).parts)
    assert binary_bytes(found, root, (1,)) == b"Hello"
    assert binary_bytes(found, root, (2,)) == data + b"\0"
    assert b"Content-ID: <1@a>\r\nContent-Transfer-Encoding: base64\r\n\r\n" in found
    assert max(len(line) for line in found.split(b"\r\n")) <= 78


def test_a_message_that_is_one_part():
    found = encoded(b"Subject: x\r\n\r\na\0b")
    assert found == b"Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\nYQBi"
    assert encoded(b"\r\n\0") == b"Content-Transfer-Encoding: base64\r\n\r\nAA=="


def test_a_nul_that_cannot_be_encoded():
    assert encoded(b"Subject: x\0\r\n\r\nbody") is None
    assert encoded(b"Content-Transfer-Encoding: base64\r\n\r\nYQ\0") is None
    assert encoded((MIXED % b"x").replace(b"--b\r\n", b"\0--b\r\n", 1)) is None
