from postier.mime.bodystructure import body_of, bodystructure_of
from postier.mime.envelope import read_envelope, serialise
from postier.mime.headers import split_header
from postier.mime.nstring import nstring, string
from postier.mime.structure import parse


def envelope(raw: bytes) -> bytes:
    return serialise(read_envelope(split_header(raw)))


def test_the_example_of_rfc_9051() -> None:
    raw = (
        b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\n"
        b"Subject: IMAP4rev2 WG mtg summary and minutes\r\nTo: imap@cac.washington.edu\r\n"
        b"cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
        b"Message-Id: <B27397-0100000@cac.washington.edu>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n"
    )
    gray = b'(("Terry Gray" NIL "gray" "cac.washington.edu"))'
    assert envelope(raw) == (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" '
        + b" ".join([gray] * 3)
        + b' ((NIL NIL "imap" "cac.washington.edu")) ((NIL NIL "minutes" "CNRI.Reston.VA.US")'
        b'("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "<B27397-0100000@cac.washington.edu>")'
    )
    assert body_of(parse(raw)) == b'("text" "plain" ("charset" "US-ASCII") NIL NIL "7bit" 0 0)'


def test_absent_and_empty_fields() -> None:
    assert envelope(b"X: y\r\n\r\n") == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
    assert envelope(b"Subject:\r\nTo: \r\nSender:\r\nReply-To: \r\nFrom: a@b\r\n\r\n") == (
        b'(NIL "" ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL)'
    )
    assert envelope(b"From: a@b\r\nSender: c@d\r\nReply-To: e@f, g@h\r\n\r\n") == (
        b'(NIL NIL ((NIL NIL "a" "b")) ((NIL NIL "c" "d")) ((NIL NIL "e" "f")(NIL NIL "g" "h")) NIL NIL NIL NIL NIL)'
    )


def test_repeated_fields() -> None:
    raw = b"From: a@b\r\nFrom: evil@x\r\nTo: one@x\r\nTo: two@x\r\nSubject: 1\r\nSubject: 2\r\n\r\n"
    read = read_envelope(split_header(raw))
    assert [mailbox.local for mailbox in read.to.addresses.mailboxes] == [b"one", b"two"]
    assert [mailbox.local for mailbox in read.from_.addresses.mailboxes] == [b"a"]
    assert read.subject == b"1"


def test_strings() -> None:
    assert string(b"") == b'""'
    assert string(b'a "b" \\') == b'"a \\"b\\" \\\\"'
    assert string(b"a\r\nb") == b"{4}\r\na\r\nb"
    assert string(b"\xc3\xa9\x00") == b"{2}\r\n\xc3\xa9"
    assert string(b"a\x00b") == b'"ab"'
    assert nstring(None) == b"NIL"


def test_values_are_not_decoded() -> None:
    assert b'"=?utf-8?q?=C3=A9?="' in envelope(b"Subject: =?utf-8?q?=C3=A9?=\r\n\r\n")
    assert b"{2}\r\n\xc3\xa9" in envelope(b"Subject: \xc3\xa9\r\n\r\n")


def test_bodystructure_of_a_multipart() -> None:
    raw = (
        b'Content-Type: multipart/mixed; boundary="b"\r\nContent-Language: en, de\r\n\r\n'
        b"--b\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n" + b"x\r\n" * 3 + b"\r\n"
        b'--b\r\nContent-Type: text/plain; name="cc.diff"\r\nContent-ID: <9@x>\r\nContent-Description: Compiler diff\r\n'
        b"Content-Transfer-Encoding: BASE64\r\nContent-MD5: q\r\nContent-Language: fr\r\nContent-Location: u\r\n"
        b'Content-Disposition: attachment; filename="cc.diff"\r\n\r\nAAAA\r\n--b--\r\n'
    )
    assert body_of(parse(raw)) == (
        b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 9 3)'
        b'("text" "plain" ("name" "cc.diff") "<9@x>" "Compiler diff" "base64" 4 0) "mixed")'
    )
    assert bodystructure_of(parse(raw)) == (
        b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 9 3 NIL NIL NIL NIL)'
        b'("text" "plain" ("name" "cc.diff") "<9@x>" "Compiler diff" "base64" 4 0 "q" '
        b'("attachment" ("filename" "cc.diff")) "fr" "u") "mixed" ("boundary" "b") NIL ("en" "de") NIL)'
    )


def test_bodystructure_of_a_message() -> None:
    raw = b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nx\r\ny\r\n"
    assert bodystructure_of(parse(raw)) == (
        b'("message" "rfc822" NIL NIL NIL "7bit" 21 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) '
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 6 2 NIL NIL NIL NIL) 4 NIL NIL NIL NIL)'
    )


def test_an_extended_parameter_keeps_its_star() -> None:
    raw = b"Content-Type: a/b\r\nContent-Disposition: attachment; filename*=iso-8859-1''caf%E9\r\n\r\n"
    assert b'("attachment" ("filename*" "utf-8\'\'caf%C3%A9"))' in bodystructure_of(parse(raw))
