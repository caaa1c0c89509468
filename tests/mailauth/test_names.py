import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.names import MAX_TEXT, _canonical, canonical, host_name, is_within, parent_of, printable


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        (
            "stra\u00dfe.example",
            "xn--strae-oqa.example",
        ),  # RFC 5892 §2.6: not strasse.example, which another may hold
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        ("a" * 64 + ".example", None),
        ("a..example", None),
        (".example", None),
        ("", None),
        ("a\x00b.example", None),
        (".".join(["a" * 49] * 5) + ".xyz", ".".join(["a" * 49] * 5) + ".xyz"),  # 253
        (".".join(["a" * 49] * 5) + ".wxyz", None),  # 254
        ("\ud800.example", None),
    ],
)
def test_canonical(text, name):
    assert canonical(text) == name


def test_host_names_are_letters_digits_hyphens_and_underscores():
    assert host_name("Mail_1.example-a.test") == "mail_1.example-a.test"
    assert host_name("a b.test") is None
    assert host_name("user@host.test") is None
    assert host_name("-a.test") is None


def test_is_within():
    assert is_within("mail.example.com", "example.com")
    assert is_within("example.com", "example.com")
    assert not is_within("mail.bad-example.com", "example.com")
    assert not is_within("com", "example.com")


def test_parent_of():
    assert parent_of("a.b.c") == "b.c"
    assert parent_of("c") == ""


@given(st.text())
def test_any_text_gives_a_name_or_none(text):
    name = canonical(text)
    assert name is None or (name.isascii() and len(name) <= 253 and canonical(name) == name)


@given(st.text())
def test_printable_is_printable(text):
    clean = printable(text, 50)
    assert len(clean) <= 50
    assert clean.isascii()
    assert clean == "" or clean.isprintable()


def test_a_text_that_is_too_long_is_no_name_and_is_not_remembered():
    """What a stranger writes where a name belongs must not stay in memory."""
    before = _canonical.cache_info().currsize
    for text in ("x" * (MAX_TEXT + 1), "\u00e4" * (MAX_TEXT + 1)):
        assert canonical(text) is None
        assert host_name(text) is None
    assert _canonical.cache_info().currsize == before
    assert canonical("x" * MAX_TEXT) is None
