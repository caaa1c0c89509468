"""Addresses that scripts name, and the paths of the envelope: RFC 5228 §2.4.2.3, §5.4; RFC 5321 §4.1.2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.address import Address
from postier.sieve.addresses import outbound_address, path_address
from postier.sieve.world import Envelope
from tests.sieve.scripts import holds, mistakes, run, taken

ADDRESSES = st.text(st.sampled_from('ab.@<>,:;" \t\\[]()\u00fc\x07'), max_size=24)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("a@b.example", "a@b.example"),
        (" a  @  b.example ", "a@b.example"),
        ("a @b.example", "a@b.example"),
        ("A B <a@B.Example>", "a@b.example"),
        ("A B<a@ b.example >", "a@b.example"),
        ('"A, B" <a@b.example>', "a@b.example"),
        ('"a"@b.example', "a@b.example"),
        ('"a b"@b.example', '"a b"@b.example'),
        ('"a\\"b"@b.example', '"a\\"b"@b.example'),
        (".a..b.@c.example", '".a..b."@c.example'),
        ("\u00fc@b.example", "\u00fc@b.example"),
    ],
)
def test_an_outbound_address_comes_out_as_it_can_be_sent(written, address):
    assert outbound_address(written) == address
    assert str(Address.parse(address)) == address


@pytest.mark.parametrize(
    "written",
    [
        "",
        "a",
        "a@",
        "@b.example",
        "@",
        "<>",
        "A <",
        "A <a",
        "A <a@b.example",
        "A a@b.example",
        " a b @  c.example ",
        "a@b.example, c@d.example",
        "a@b.example,%",
        "<@x.example:a@b.example>",
        "team: a@b.example;",
        "a@b..example",
        "a\x07@b.example",
        '"a@b.example',
    ],
)
def test_what_is_no_outbound_address(written):
    assert outbound_address(written) is None


@pytest.mark.parametrize(
    ("path", "whole", "local", "domain"),
    [
        ("a@b.example", "a@b.example", "a", "b.example"),
        ("<a@b.example>", "a@b.example", "a", "b.example"),
        (" < a @ b . example > ", "a@b.example", "a", "b.example"),
        ("<@x.example,@y.example:a@b.example>", "a@b.example", "a", "b.example"),
        ("@x.example:a@b.example", "a@b.example", "a", "b.example"),
        ('"a b"@c.example', '"a b"@c.example', "a b", "c.example"),
        ("a@[192.0.2.1]", "a@[192.0.2.1]", "a", "[192.0.2.1]"),
        ("<Postmaster >", "Postmaster", "Postmaster", None),
        ("a..b.@c.example", "a..b.@c.example", "a..b.", "c.example"),
        ("<>", "", None, None),
        ("", "", None, None),
    ],
)
def test_a_path_in_its_parts(path, whole, local, domain):
    found = path_address(path)
    assert (found.whole, found.local, found.domain) == (whole, local, domain)


@pytest.mark.parametrize(
    "path",
    [
        "a@",
        "<<a@b.example>",
        "a@b.example>",
        "<a@b.example",
        "<a b.example>",
        "a@@b.example",
        "<x.example:a@b.example>",
        "<@.example:a@b.example>",
        "<@x..example:a@b.example>",
        "<@x.example a@b.example>",
        "<@x.example@y.example:a@b.example>",
        "<@x.example,y.example:a@b.example>",
        "<@x.example,a@b.example>",
    ],
)
def test_what_is_no_path_is_a_whole_only(path):
    assert holds(
        'envelope :is "from" \''.replace("'", '"') + path + '"', requires="envelope", envelope=Envelope(path)
    )
    for part in (":localpart", ":domain"):
        assert not holds(f'envelope {part} :contains "from" ""', requires="envelope", envelope=Envelope(path))


def test_only_the_reverse_path_can_be_null():
    for sender in ("", "<>"):
        around = {"requires": "envelope", "envelope": Envelope(sender, "<>")}
        for part in ("", ":localpart", ":domain"):
            assert holds(f'envelope {part} "from" ""', **around)
            assert not holds(f'envelope {part} :contains "to" ""', **around)


def test_every_command_sees_the_address_of_a_path():
    script = 'require "vacation"; vacation "gone";'
    envelope = Envelope("<@x.example:coyote@desert.example.org>", "<roadrunner@acme.example.com>")
    assert taken(run(script, envelope=envelope))[0] == "vacation coyote@desert.example.org"
    assert taken(run(script, envelope=Envelope("<>", "roadrunner@acme.example.com"))) == ["implicit keep"]
    assert mistakes('redirect "a@b.example, c@d.example";')
    assert taken(run('redirect "A. <a@b.example>"; redirect " a @ b.example";')) == ["redirect a@b.example"]


@given(ADDRESSES)
def test_any_text_gives_an_address_or_none(text):
    found = outbound_address(text)
    assert found is None or str(Address.parse(found)) == found == outbound_address(found)
    path = path_address(text)
    assert path.domain is None or path.local
    assert path_address(path.whole).whole == path.whole
