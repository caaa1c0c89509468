"""What is a mailbox name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailbox.names import MAX_DEPTH, MAX_NAME_BYTES, canonical, listing_key, new_name, superiors
from postier.mailbox.refusals import LimitError, MailboxRefusedError, Refusal


@pytest.mark.parametrize(
    ("given_name", "stored"),
    [
        ("inbox", "INBOX"),
        ("InBox/x", "INBOX/x"),
        ("inboxes", "inboxes"),
        ("a/INBOX", "a/INBOX"),
        ("A/", "A"),
        ("e\u0301", "\u00e9"),
        ("100%*", "100%*"),
    ],
)
def test_names_have_one_form(given_name: str, stored: str) -> None:
    assert new_name(given_name) == stored


@pytest.mark.parametrize(
    "name", ["", "/", "a//b", "/a", "a\x00", "a\r\nb", "\x7f", "a\u2028", "\ud800", "#news"]
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(MailboxRefusedError) as refused:
        new_name(name)
    assert refused.value.refusal is Refusal.CANNOT


def test_names_end() -> None:
    assert new_name("\u00e9" * (MAX_NAME_BYTES // 2))
    with pytest.raises(LimitError):
        new_name("\u00e9" * (MAX_NAME_BYTES // 2) + "a")
    assert new_name("/".join(["a"] * MAX_DEPTH))
    with pytest.raises(LimitError):
        new_name("/".join(["a"] * (MAX_DEPTH + 1)))


@given(st.text())
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        name = new_name(text)
    except MailboxRefusedError:
        return
    assert canonical(name) == new_name(name) == name
    assert all(name.startswith(above + "/") for above in superiors(name))


def test_the_order_of_a_listing() -> None:
    names = ["b", "INBOX/z", "a/b", "a", "INBOX", "a-b"]
    assert sorted(names, key=listing_key) == ["INBOX", "INBOX/z", "a", "a/b", "a-b", "b"]
