import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.accounts.names import (
    MAX_LOGIN_OCTETS,
    MAX_PASSWORD_OCTETS,
    canonical_address,
    is_name,
    login_address,
    prepared_password,
    split_extension,
)
from postier.mime.address import Address


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Carole@Beta.TEST", "carole@beta.test"),
        ("ÉLISE@beta.test", "élise@beta.test"),
        ("E\u0301lise@beta.test", "élise@beta.test"),  # NFC
        ("\uff43arole@beta.test", "carole@beta.test"),  # full width
        ("carole@bücher.test", "carole@xn--bcher-kva.test"),
    ],
)
def test_one_mailbox_has_one_form(written: str, stored: str) -> None:
    assert str(canonical_address(Address.parse(written))) == stored
    assert str(login_address(written)) == stored


@pytest.mark.parametrize(
    ("local", "parts"),
    [
        ("carole", ("carole", "")),
        ("carole+news", ("carole", "news")),
        ("carole+a+b", ("carole", "a+b")),
        ("+carole", ("+carole", "")),
        ("carole+", ("carole", "")),
        ("", ("", "")),
    ],
)
def test_extensions_are_split_at_the_first_delimiter(local: str, parts: tuple[str, str]) -> None:
    assert split_extension(local) == parts


@pytest.mark.parametrize(
    "local", ["x" * 65, "é" * 33, "*", "a b", "a\u2028b", "☃", "a\u00a0b", "\u200bx", "\ud800"]
)
def test_what_is_no_name(local: str) -> None:
    assert not is_name(local)


@pytest.mark.parametrize(
    "text", ["", "carole", "@beta.test", "a@b@c d", "*@beta.test", '"a b"@beta.test', "☃@x.test"]
)
def test_what_can_not_log_in(text: str) -> None:
    assert login_address(text) is None


def test_a_login_name_has_its_limit() -> None:
    domain = ".".join(["d" * 60] * 4)
    assert login_address("a" * 64 + "@" + domain) is not None
    assert login_address("a" * (MAX_LOGIN_OCTETS + 1)) is None


def test_passwords_are_prepared() -> None:
    assert prepared_password("correct horse") == "correct horse"
    assert prepared_password("e\u0301\u00a0x") == "é x"
    assert prepared_password("Case Is Kept") == "Case Is Kept"
    for bad in (
        "",
        "a\x00b",
        "a\nb",
        "é\x7f",
        "\ud800é",
        "a" * (MAX_PASSWORD_OCTETS + 1),
        "é" * MAX_PASSWORD_OCTETS,
    ):
        assert prepared_password(bad) is None
    assert prepared_password("a" * MAX_PASSWORD_OCTETS) is not None


@given(st.text(max_size=80))
def test_preparing_twice_changes_nothing(text: str) -> None:
    once = prepared_password(text)
    if once is not None:
        assert prepared_password(once) == once
    name = login_address(text + "@x.test")
    if name is not None:
        assert canonical_address(name) == name
        assert login_address(str(name)) == name
