import gzip
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.bimi.indicator import (
    MAX_DEPTH,
    MAX_INDICATOR_OCTETS,
    MAX_PROBLEMS,
    MAX_TITLE,
    read_indicator,
    uncompressed,
)
from postier.mailauth.bimi.record import BimiError
from tests.mailauth.bimi.marks import LOGO

_BODY = b"<rect"


def drawn(part):
    """The logo with something more in it."""
    return LOGO.replace(_BODY, part + _BODY)


def test_a_logo():
    indicator = read_indicator(LOGO)
    assert (indicator.title, indicator.document, indicator.advice) == ("Alpha", LOGO, ())
    assert not indicator.was_compressed
    packed = read_indicator(gzip.compress(LOGO))
    assert (packed.document, packed.was_compressed) == (LOGO, True)
    assert packed.sha256 == indicator.sha256


def test_the_drafts_inert_attributes_and_metadata():
    logo = LOGO.replace(b"<svg", b'<svg zoomAndPan="disable" focusable="false"')
    read_indicator(logo)
    read_indicator(drawn(b'<metadata><x xmlns="urn:x"><y/></x></metadata>'))
    read_indicator(drawn(b'<use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="#g"/>'))


def test_advice():
    wide = LOGO.replace(b"0 0 64 64", b"0 0 64 32").replace(b"Alpha", b"A" * (MAX_TITLE + 1))
    assert len(read_indicator(wide).advice) == 2
    assert read_indicator(LOGO.replace(b"Alpha", b"A" * MAX_TITLE)).advice == ()


@pytest.mark.parametrize(
    ("logo", "why"),
    [
        (LOGO.replace(b'version="1.2"', b'version="1.1"'), 'version="1.2" is missing'),
        (LOGO.replace(b"tiny-ps", b"tiny"), 'baseProfile="tiny-ps" is missing'),
        (LOGO.replace(b"<svg", b'<svg x="0"'), "x= stands on the root"),
        (LOGO.replace(b"<title>Alpha</title>", b""), "<title> is missing"),
        (LOGO.replace(b"Alpha", b" "), "<title> is empty"),
        (drawn(b"<title>B</title>"), "more than one <title>"),
        (drawn(b"<script>x</script>"), "<script> is not allowed"),
        (drawn(b"<animate/>"), "<animate> is not allowed"),
        (drawn(b'<image width="1"/>'), "<image> is not allowed"),
        (drawn(b"<foreignObject/>"), "<foreignObject> is not allowed"),
        (drawn(b"<style>rect{}</style>"), "<style> is not allowed"),
        (drawn(b'<a href="#x"/>'), "<a> is not allowed"),
        (drawn(b'<x:script xmlns:x="http://www.w3.org/2000/svg"/>'), "<script> is not allowed"),
        (drawn(b'<rect xmlns="http://www.w3.org/1999/xhtml"/>'), "<rect> is not allowed"),
        (drawn(b"<svg/>"), "<svg>"),
        (drawn(b'<g onload="x"/>'), "onload= is a script"),
        (drawn(b'<g OnClick="x"/>'), "OnClick= is a script"),
        (drawn(b'<use href="https://e.test/x#a"/>'), "refers to"),
        (
            drawn(b'<use xmlns:l="http://www.w3.org/1999/xlink" l:href="data:image/svg+xml,x"/>'),
            "refers to 'data:",
        ),
        (drawn(b'<g fill="url(https://e.test/p#g)"/>'), "refers to something outside"),
        (drawn(b"<g fill=\"URL( 'data:x' )\"/>"), "refers to something outside"),
        (drawn(rb'<g fill="u\72l(https://e.test/p)"/>'), "has a backslash"),
        (drawn(b'<g id=" javascript:x"/>'), "is a script"),
        (drawn(b'<g style="fill:red"/>'), "style= is not allowed"),
        (drawn(b'<g xml:base="https://e.test/"/>'), "xml:base= is not allowed"),
        (LOGO.replace(b"<svg", b'<svg timelineBegin="onStart"'), 'may be "onLoad" only'),
        (LOGO.replace(b"?>\n", b'?><?xml-stylesheet href="x"?>'), "processing instruction"),
        (LOGO.replace(b"?>\n", b"?><!DOCTYPE svg>"), "DOCTYPE"),
        (LOGO.replace(b"UTF-8", b"UTF-16"), "UTF-8"),
        (LOGO.replace(b"UTF-8", b"idna"), "UTF-8"),
        (LOGO.replace(b"</svg>", b""), "well-formed"),
        (LOGO.replace(b"Alpha", b"&alpha;"), "well-formed"),
        (LOGO.replace(b"Alpha", b"\xff"), "well-formed"),
        (b"", "well-formed"),
        (b"<html/>", "not SVG"),
        (b'<svg version="1.2"/>', "not SVG"),
        (b"\x1f\x8bnonsense", "gzip"),
        (gzip.compress(LOGO)[:-1], "cut off"),
        (gzip.compress(LOGO) + b"x", "behind its end"),
    ],
)
def test_what_may_not_be_shown(logo, why):
    with pytest.raises(BimiError) as refusal:
        read_indicator(logo)
    assert why in str(refusal.value)


def test_size():
    room = MAX_INDICATOR_OCTETS - len(LOGO)
    full = LOGO + b" " * room
    assert read_indicator(full).document == full
    assert read_indicator(gzip.compress(full)).document == full
    for octets in (full + b" ", gzip.compress(full + b" ")):
        with pytest.raises(BimiError, match="more than 32768 octets"):
            read_indicator(octets)


def test_a_bomb_is_not_unpacked():
    bomb = gzip.compress(b" " * 20_000_000)
    assert len(bomb) < MAX_INDICATOR_OCTETS
    with pytest.raises(BimiError, match="more than"):
        uncompressed(bomb)


def test_entities_never_expand():
    bomb = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(10)
    )
    with pytest.raises(BimiError, match="DOCTYPE"):
        read_indicator(bomb + b"]><svg>&k;</svg>")


def test_depth():
    def nested(depth):
        return drawn(b"<g>" * depth + b"</g>" * depth)

    read_indicator(nested(MAX_DEPTH - 1))
    with pytest.raises(BimiError, match="nested"):
        read_indicator(nested(MAX_DEPTH))


def test_what_is_told_is_bounded():
    with pytest.raises(BimiError) as refusal:
        read_indicator(drawn(b"".join(b"<a%d/>" % n for n in range(1_000))))
    assert str(refusal.value).count(";") == MAX_PROBLEMS - 1


@pytest.mark.parametrize(
    "unit", [b"<g>", b"<g a='", b"&#x41;", b"<!--", b"<![CDATA[", b"url(", b"<g\n", b" a='1'"]
)
def test_time_is_bounded(unit):
    start = time.process_time()
    for logo in (unit * (MAX_INDICATOR_OCTETS // len(unit)), drawn(unit * 2_000)[:MAX_INDICATOR_OCTETS]):
        try:
            read_indicator(logo)
        except BimiError:
            continue
    assert time.process_time() - start < 1


@given(st.binary(), st.integers(0, len(LOGO)), st.integers(0, 20))
def test_any_bytes(junk, place, cut):
    for octets in (junk, LOGO[:place] + junk + LOGO[place + cut :], b"\x1f\x8b" + junk):
        try:
            read_indicator(octets)
        except BimiError:
            continue
