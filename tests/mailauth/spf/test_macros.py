import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.spf.macros import (
    MacroError,
    parse_domain_spec,
    parse_explanation,
    parse_macro_string,
    shorten_name,
)

# RFC 7208 §7.4
VALUES = {
    "s": "strong-bad@email.example.com",
    "l": "strong-bad",
    "o": "email.example.com",
    "d": "email.example.com",
    "i": "192.0.2.3",
    "v": "in-addr",
    "h": "mx.example.org",
    "p": "mx.example.org",
}


@pytest.mark.parametrize(
    ("macro", "expansion"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"),
        ("%{D2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        ("%{S}", "strong-bad%40email.example.com"),
        ("a%%b%_c%-d", "a%b c%20d"),
        ("%{l1000r-}", "bad.strong"),
        ("%{s2@.-}", "%{s2@.-}"),
    ],
)
def test_expansion(macro, expansion):
    if "@" in macro:  # '@' is no delimiter
        with pytest.raises(MacroError):
            parse_macro_string(macro)
        return
    assert parse_macro_string(macro).expand(VALUES) == expansion


@pytest.mark.parametrize(
    "text",
    ["%", "%a", "%{", "%{d", "%{}", "%{x}", "%{d0}", "%{d00}", "%{c}", "%{dr1}", "a b", "\u00e9", "a\tb"],
)
def test_syntax_errors(text):
    with pytest.raises(MacroError):
        parse_macro_string(text)


@pytest.mark.parametrize(
    "text", ["a.test", "%{d}", "a.%{d}", "a.test.", "a:b/c.test", "%%", "x.x-1", "..a.test", "_spf.%{d2}"]
)
def test_domain_specs(text):
    parse_domain_spec(text)


@pytest.mark.parametrize(
    "text", ["", "test", "a.", "a.123", "a.-b", "a.b-", "%{d}a", "%{d}.", "a.t_t", "192.0.2.1"]
)
def test_not_domain_specs(text):
    with pytest.raises(MacroError):
        parse_domain_spec(text)


def test_explanations_have_spaces_and_more_letters():
    parsed = parse_explanation("See %{c} at %{t} by %{r}, %%")
    assert parsed.expand({"c": "C", "t": "T", "r": "R"}) == "See C at T by R, %"


def test_shortening_removes_labels_from_the_left():
    name = ".".join(["a" * 62] * 4) + ".example"  # 259
    assert shorten_name(name) == ".".join(["a" * 62] * 3) + ".example"
    exact = "a" * 245 + ".example"
    assert len(exact) == 253
    assert shorten_name(exact) == exact
    assert shorten_name("x." + exact) == exact
    assert shorten_name("example.com.") == "example.com"


@given(st.text(alphabet="%{}slodiphcrtv0123456789.-+,/_=ab ", max_size=60))
def test_any_text(text):
    for parse in (parse_macro_string, parse_domain_spec, parse_explanation):
        try:
            parse(text).expand(dict.fromkeys("slodiphcrtv", "x.y"))
        except MacroError:
            continue


def test_linear_time():
    start = time.process_time()
    for text in ("." * 60_000, "a" * 60_000, ".a" * 30_000 + "!", "%{d}" * 15_000 + "."):
        with pytest.raises(MacroError):
            parse_domain_spec(text)
    assert time.process_time() - start < 1
