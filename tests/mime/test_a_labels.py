import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.a_labels import MAX_LABEL_CHARACTERS, a_labels
from postier.mime.address import parse_domain


@pytest.mark.parametrize(
    ("domain", "name"),
    [
        ("Example.COM", "example.com"),
        ("B\u00dcCHER.example", "xn--bcher-kva.example"),
        ("fa\u00df.example", "xn--fa-hia.example"),  # RFC 5892 §2.6: not fass.example
        ("FA\u1e9e.example", "xn--fa-hia.example"),
        ("\u03b2\u03cc\u03bb\u03bf\u03c2.example", "xn--nxasmm1c.example"),
        ("\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example", "xn--mgba3gch31f060k.example"),
        ("a\u3002b\uff0ec", "a.b.c"),
        ("a..b", "a..b"),
    ],
)
def test_names(domain, name):
    assert a_labels(domain) == name


@pytest.mark.parametrize(
    "domain",
    [
        "\ud800",
        "\u00df\ud800",
        "\u00fc" * (MAX_LABEL_CHARACTERS + 1),
        "\u00df" * MAX_LABEL_CHARACTERS,
        "\u00df\u2488",
    ],
)
def test_labels_that_cannot_be(domain):
    with pytest.raises(UnicodeError):
        a_labels(domain)


def test_mail_goes_to_the_domain_that_is_written():
    assert parse_domain("fa\u00df.example") == "xn--fa-hia.example" != parse_domain("fass.example")


@given(st.text(max_size=80))
def test_any_text(domain):
    try:
        name = a_labels(domain)
    except UnicodeError:
        return
    assert name.isascii()
    assert name == a_labels(name)
