"""URLs that are signed: what is read, what is signed, and that nothing else is good."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.authorized_urls import (
    INTERNAL,
    KEY_BYTES,
    AccessKind,
    AuthorizedUrl,
    RumpUrl,
    authorized,
    is_signed,
    parse_authorized,
    parse_rump,
)
from postier.imap.fetch_items import Partial, Section
from postier.imap.refusals import PeerError
from postier.imap.responses import Status
from postier.imap.urls import MAX_URL_BYTES, MessageUrl

KEY = bytes(range(KEY_BYTES))
ALICE = "imap://alice%40alpha.test@mail.test"
PLAIN = f"{ALICE}/INBOX/;UID=20"


def rump(text, message, access=AccessKind.AUTHUSER, access_user="", expires_us=None):
    return RumpUrl(
        text, "alice@alpha.test", message.mailbox, message, access, access_user, expires_us=expires_us
    )


@pytest.mark.parametrize(
    ("text", "message", "rest"),
    [
        (f"{PLAIN};URLAUTH=authuser", MessageUrl("INBOX", None, 20), ()),
        (f"{PLAIN};urlauth=Anonymous", MessageUrl("INBOX", None, 20), (AccessKind.ANONYMOUS,)),
        (
            f"{ALICE}:993/a%2Fb;UIDVALIDITY=7/;UID=2/;SECTION=1.2/;PARTIAL=3.4;URLAUTH=submit+fred",
            MessageUrl("a/b", 7, 2, Section((1, 2)), Partial(3, 4)),
            (AccessKind.SUBMIT, "fred"),
        ),
        (
            "imap://alice%40alpha.test;AUTH=*@[::1]/INBOX/;UID=1;EXPIRE=1970-01-01T00:00:01.5Z;URLAUTH=user+b%C3%A4%40c.test",
            MessageUrl("INBOX", None, 1),
            (AccessKind.USER, "bä@c.test", 1_500_000),
        ),
        (
            f"{PLAIN};expire=1970-01-01t01:00:60.1234567+01:00;URLAUTH=authuser",
            MessageUrl("INBOX", None, 20),
            (AccessKind.AUTHUSER, "", 60_123_456),
        ),
        (
            f"{PLAIN};EXPIRE=1969-12-31T20:00:00-04:00;URLAUTH=authuser",
            MessageUrl("INBOX", None, 20),
            (AccessKind.AUTHUSER, "", 0),
        ),
    ],
)
def test_rumps(text, message, rest):
    assert parse_rump(text) == rump(text, message, *rest)


@pytest.mark.parametrize(
    "text",
    [
        *("", PLAIN, f"{PLAIN};URLAUTH=", f"{PLAIN};URLAUTH=fred", f"{PLAIN};URLAUTH=user+"),
        *(f"{PLAIN};URLAUTH=user+a@b", f"{PLAIN};URLAUTH=user+%4", f"{PLAIN};URLAUTH=authuser;x"),
        *(f"{PLAIN};URLAUTH=user+%FF", f"{PLAIN};URLAUTH=authuser:INTERNAL:00"),
        "imap://mail.test/INBOX/;UID=1;URLAUTH=authuser",
        "imap://alice@alpha.test@mail.test/INBOX/;UID=1;URLAUTH=authuser",
        "http://alice@mail.test/INBOX/;UID=1;URLAUTH=authuser",
        "/INBOX/;UID=1;URLAUTH=authuser",
        *(f"{ALICE};URLAUTH=authuser", f"{ALICE}/;URLAUTH=authuser", f"{ALICE}/INBOX;URLAUTH=authuser"),
        f"{ALICE}/INBOX?ALL;URLAUTH=authuser",
        f"{ALICE}/;UID=1;URLAUTH=authuser",
        f"{PLAIN};URLAUTH=authuser;EXPIRE=1970-01-01T00:00:00Z",
        *(f"{PLAIN} ;URLAUTH=authuser", f"{PLAIN}\r\n;URLAUTH=authuser", f"{PLAIN}ä;URLAUTH=authuser"),
        f"{PLAIN}{'a' * MAX_URL_BYTES};URLAUTH=authuser",
        *(
            f"{PLAIN};EXPIRE={moment};URLAUTH=authuser"
            for moment in (
                *("", "2026-01-01", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:61Z"),
                *("0000-01-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00+24:00"),
            )
        ),
    ],
)
def test_what_can_not_be_signed(text):
    with pytest.raises(PeerError) as refusal:
        parse_rump(text)
    assert refusal.value.status is Status.BAD
    assert parse_authorized(f"{text}:INTERNAL:{'0' * 66}") is None


def test_the_longest_url():
    text = f";URLAUTH=user+{'a' * MAX_URL_BYTES}"
    start = f"{PLAIN}"
    longest = start + text[: MAX_URL_BYTES - len(start)]
    assert parse_rump(longest).text == longest
    with pytest.raises(PeerError):
        parse_rump(longest + "a")


def test_a_signed_url_is_good_and_no_other():
    text = f"{PLAIN};URLAUTH=authuser"
    signed = authorized(parse_rump(text), KEY)
    head, token = signed.rsplit(":", 1)
    assert head == text + ":INTERNAL"
    assert token.startswith("01")
    assert len(token) == 66
    url = parse_authorized(signed)
    assert url == AuthorizedUrl(parse_rump(text), INTERNAL, token)
    assert is_signed(url, KEY)
    assert is_signed(parse_authorized(f"{text}:internal:{token.upper()}"), KEY)
    assert not is_signed(url, bytes(KEY_BYTES))
    assert not is_signed(parse_authorized(f"{text}:XSAMPLE:{token}"), KEY)
    assert not is_signed(parse_authorized(f"{text}:INTERNAL:{'0' * 66}"), KEY)
    assert not is_signed(parse_authorized(f"{text}:INTERNAL:{token[:-2]}"), KEY)
    assert not is_signed(parse_authorized(f"{text}:INTERNAL:{token}00"), KEY)
    for other in (  # RFC 4467 §6: nothing is decoded or folded
        text.replace("INBOX", "inbox"),
        text.replace("INBOX", "%49NBOX"),
        text.replace("mail.test", "MAIL.test"),
        text.replace("UID=20", "UID=2"),
        text.replace("authuser", "AUTHUSER"),
        text.replace("authuser", "anonymous"),
        text.replace("/;UID", ";UID"),
    ):
        assert not is_signed(parse_authorized(f"{other}:INTERNAL:{token}"), KEY)


@pytest.mark.parametrize(
    "end", ["", ":", ":INTERNAL", ":INTERNAL:", f":INTERNAL:{'0' * 31}", f":a_b:{'0' * 32}"]
)
def test_what_is_no_token(end):
    assert parse_authorized(f"{PLAIN};URLAUTH=authuser{end}") is None


PARTS = st.sampled_from(
    [
        *(
            "imap://",
            "alice%40a.test",
            ";AUTH=*",
            "@",
            "mail.test",
            "/",
            "INBOX",
            "%",
            "%C3",
            ";UID=",
            "7",
            "é",
        ),
        *(";UIDVALIDITY=", ";SECTION=", "1.2", ";PARTIAL=", "0.5", ";EXPIRE=", "2026-01-01T00:00:00Z"),
        *(";URLAUTH=", "authuser", "user+", "submit+", "anonymous", ":", "INTERNAL", "0" * 32, "\r\n", " "),
    ]
)


@given(st.lists(PARTS, max_size=24).map("".join))
def test_any_text_is_read_or_refused(text):
    try:
        found = parse_rump(text)
    except PeerError:
        pass
    else:
        assert is_signed(parse_authorized(authorized(found, KEY)), KEY)
    parse_authorized(text)


@given(
    st.text(min_size=1, max_size=100),
    st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES),
    st.integers(1, 2**32 - 1),
)
def test_what_is_signed_reads_back(name, key, uid):
    octets = name.encode("utf-8", "replace")
    user = "".join(f"%{octet:02X}" for octet in octets)
    text = f"imap://{user}@h/INBOX/;UID={uid};URLAUTH=user+{user}"
    url = parse_authorized(authorized(parse_rump(text), key))
    assert url.rump.text == text
    assert url.rump.user == url.rump.access_user == octets.decode()
    assert is_signed(url, key)


@pytest.mark.parametrize(
    "piece", [";URLAUTH=", ";EXPIRE=", ":", "%41", "a", ";URLAUTH=user+a", "/", ";UID=1"]
)
def test_hostile_text_is_read_in_linear_time(piece):
    text = f"{ALICE}/" + piece * (MAX_URL_BYTES // len(piece) - 50)
    for _ in range(20):
        parse_authorized(text + ":INTERNAL:" + "0" * 32)
        with pytest.raises(PeerError):
            parse_rump(text + ";URLAUTH=")
