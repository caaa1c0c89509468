"""Encoded characters and variables in strings: RFC 5228 §2.4.2.4, RFC 5229 §3."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.sieve.limits import ScriptLimits
from postier.sieve.texts import decode_characters
from tests.sieve.scripts import mistakes, run


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$${hex:40}", "$@"),
        ("${hex: 40 }", "@"),
        ("${HEX: 40}", "@"),
        ("${hex:40", "${hex:40"),
        ("${hex:400}", "${hex:400}"),
        ("${hex:4${hex:30}}", "${hex:40}"),
        ("${unicode:40}", "@"),
        ("${ unicode:40}", "${ unicode:40}"),
        ("${UnICoDE:0000040}", "@"),
        ("${Unicode:Cool}", "${Unicode:Cool}"),
        ("${hex:24 24}", "$$"),
        ("${hex:c3 bc}", "\u00fc"),
        ("${hex:ff}", "\udcff"),
        ("${unicode:fc\t20AC}", "\u00fc\u20ac"),
        ("${hex:}", "${hex:}"),
    ],
)
def test_encoded_characters(text, value):
    assert decode_characters(text) == value


@pytest.mark.parametrize(
    "text", ["${unicode:200000}", "${Unicode:DF01}", "${unicode:40 110000}", "${unicode:" + "f" * 5000 + "}"]
)
def test_what_is_no_character(text):
    assert (
        "no Unicode character"
        in mistakes(f'require ["encoded-character", "fileinto"]; fileinto "{text}";')[0]
    )


@given(st.text(st.sampled_from("${}hexunicode:40 fFd\u00fc"), max_size=60))
def test_any_text_is_decoded_or_an_error(text):
    found = ""
    with contextlib.suppress(ValueError):
        found = decode_characters(text)
    assert len(found) <= len(text)


def expanded(text, before=""):
    script = f'require ["variables", "fileinto", "encoded-character"]; {before} fileinto "{text}";'
    result = run(script)
    assert result.error is None, result.error
    return result.actions[0].mailbox


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("&%${}!", "&%${}!"),
        ("${doh!}", "${doh!}"),
        ("${company}", "ACME"),
        ("${COMPANY}", "ACME"),
        ("a${unknown}b", "ab"),
        ("${pre${company}", "${preACME"),
        ("${fo\\\\o}", "${fo\\o}"),
        ("${comp\\any}", "ACME"),
        ("\\\\${company}", "\\ACME"),
        ("$${hex:7b}company}", "$ACME".replace("$A", "A")),
        ("${company}${company}", "ACMEACME"),
    ],
)
def test_expansion(text, value):
    assert expanded(text, 'set "company" "ACME";') == value


def test_what_an_expansion_brings_in_is_not_expanded():
    assert expanded("${a}{b}", 'set "b" "no"; set "a" "$";') == "${b}"


def test_without_the_extension_nothing_is_expanded():
    assert run('require "fileinto"; fileinto "${a}${hex:40}";').actions[0].mailbox == "${a}${hex:40}"


def test_match_variables():
    script = 'require ["variables", "fileinto"]; if header :matches "subject" "[*] *" { fileinto "${1}|${02}|${0}|${3}"; }'
    message = b"Subject: [acme-users] [fwd] version 1.0 is out\r\n\r\n"
    assert run(script, message).actions[0].mailbox == (
        "acme-users|[fwd] version 1.0 is out|[acme-users] [fwd] version 1.0 is out|"
    )


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [
        ("**.com", ["", "coyote@ACME.Example"]),
        ("*@*.*", ["coyote", "ACME", "Example.com"]),
        ("?*@*", ["c", "oyote", "ACME.Example.com"]),
        ("*e", None),
        ("*o*", ["c", "yote@ACME.Example.com"]),
        ("*?.com", ["coyote@ACME.Exampl", "e"]),
    ],
)
def test_wildcards_take_as_little_as_possible(pattern, groups):
    script = f"""require ["variables", "fileinto"];
    if header :matches "x" "{pattern}" {{ fileinto "=${{1}},${{2}},${{3}}"; }}"""
    result = run(script, b"X: coyote@ACME.Example.com\r\n\r\n")
    expected = None if groups is None else "=" + ",".join([*groups, "", "", ""][:3])
    assert (result.actions[0].mailbox if result.actions else None) == expected


def test_a_failed_match_leaves_the_variables_alone():
    script = """require ["variables", "fileinto"];
    if header :matches "subject" "*" { }
    if header :matches "subject" "x*" { }
    if anyof (true, header :matches "from" "*") { }
    fileinto "${1}";"""
    assert run(script, b"Subject: a\r\nFrom: b@c.example\r\n\r\n").actions[0].mailbox == "a"


def test_captures_are_of_the_value_as_it_was():
    script = """require ["variables", "fileinto", "comparator-i;unicode-casemap"];
    if header :matches :comparator "i;unicode-casemap" "x" "*-*" { fileinto "${1}|${2}"; }"""
    assert (
        run(script, "X: \u00c4\u01c4ffin-\ufb01sch\r\n\r\n".encode()).actions[0].mailbox
        == "\u00c4\u01c4ffin|\ufb01sch"
    )


def test_the_limits_of_references_and_expansions():
    assert "match variables up to" in mistakes('require ["variables", "fileinto"]; fileinto "${100}";')[0]
    assert not mistakes('require ["variables", "fileinto"]; fileinto "${99}";')
    assert 'no namespace "acme"' in mistakes('require ["variables", "fileinto"]; fileinto "${acme.x}";')[0]
    limits = ScriptLimits(expanded_characters=10)
    script = 'require ["variables", "fileinto"]; set "a" "123456"; fileinto "${a}${a}";'
    assert run(script, limits=limits).actions[0].mailbox == "1234561234"
