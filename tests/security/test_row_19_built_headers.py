"""SECURITY 19: CR, LF and NUL are refused in every header value that is built from user input."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.address import Address
from postier.mime.build import Letter, build, id_line
from postier.mime.dates import Moment
from postier.mime.header_lines import Correspondent, HeaderValueError, address_line, parameter, text_line
from postier.mime.headers import split_header


@pytest.mark.parametrize(
    "evil", ["a\rb", "a\nb", "a\r\nBcc: x@y", "a\r\n b", "a\x00b", "a\x0bb", "a\x7fb", "a\ud800b"]
)
@pytest.mark.parametrize(
    "write",
    [
        lambda evil: text_line("Subject", evil),
        lambda evil: text_line("Subject", evil, smtputf8=True),
        lambda evil: address_line("To", [Correspondent(Address("a", "b.test"), evil)]),
        lambda evil: id_line("Message-ID", [evil]),
        lambda evil: parameter("filename", evil),
        lambda evil: text_line(f"X-{evil}", "v"),
        lambda evil: address_line("To", [Correspondent(Address(evil, "b.test"))], smtputf8=True),
        lambda evil: address_line("To", [Correspondent(Address("a", evil))], smtputf8=True),
    ],
)
def test_controls_are_refused(write: Callable[[str], object], evil: str) -> None:
    with pytest.raises(HeaderValueError):
        write(evil)


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_text_makes_another_field(subject: str, name: str) -> None:
    author = Correspondent(Address("a", "b.test"), name)
    try:
        raw = build(
            Letter(from_=(author,), date=Moment(0), message_id="1@b.test", subject=subject, text=""), "t"
        )
    except HeaderValueError:
        return
    assert [field.key for field in split_header(raw).fields] == [
        b"date", b"from", b"subject", b"message-id", b"mime-version", b"content-type", b"content-transfer-encoding"
    ]  # fmt: skip
