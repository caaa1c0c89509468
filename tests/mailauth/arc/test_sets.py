import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.arc.sets import MAX_SETS, ChainError, chain_of
from postier.mailauth.letter import split_fields

TAGS = "a=rsa-sha256; b=QQ==; d=a.test; s=s"


def arc_set(instance, cv="none", seal="", ams="", aar=None):
    return (
        f"ARC-Seal: i={instance}; cv={cv}; {TAGS}{seal}\r\n"
        f"ARC-Message-Signature: {TAGS}; i={instance}; bh=QQ==; h=from{ams}\r\n"
        f"ARC-Authentication-Results: {aar or f'i={instance}; a.test; none'}\r\n"
    )


def chain(*sets):
    return chain_of(split_fields("".join(sets).encode()))


def test_no_chain_and_a_chain():
    assert chain() == ()
    found = chain(arc_set(2, "pass"), arc_set(1))
    assert [entry.seal.cv for entry in found] == ["none", "pass"]
    assert found[0].assessment == b" a.test; none"
    assert found[0].signatures[0].headers == (b"from",)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (arc_set(0), "no instance"),
        (arc_set(51), "more than 50|no instance"),
        (arc_set("x"), "no instance"),
        (arc_set(""), "no instance"),
        (arc_set(2, "pass"), "without a gap"),
        (arc_set(1) + arc_set(3, "pass"), "without a gap"),
        (arc_set(1) + arc_set(1), "two fields of a kind"),
        (arc_set(1) + "ARC-Seal: i=2; cv=pass; " + TAGS + "\r\n", "not complete"),
        (arc_set(1, "pass"), "cv=pass, not none"),
        (arc_set(1, ""), "cv=nothing, not none"),
        (arc_set(1) + arc_set(2, "none"), "cv=none, not pass"),
        (arc_set(1) + arc_set(2, "maybe"), "cv=maybe"),
        (arc_set(1, seal="; h=from"), "has h="),
        (arc_set(1, seal="; t=x"), "t= is not a number"),
        (arc_set(1, seal="; b=QQ=="), "malformed"),
        (arc_set(1, seal="; _=1"), "malformed"),
        (arc_set(1, seal=";;"), "malformed"),
        (arc_set(1, aar="a.test; i=1; none"), "no instance"),
        (arc_set(1, aar="i=1 a.test; none"), "no instance"),
        (arc_set(1, aar="i=2; a.test; none"), "without a gap|not complete"),
        (arc_set(1).replace("rsa-sha256", "rsa-sha1"), "rsa-sha1"),
        (arc_set(1).replace("d=a.test", "d=a"), "domain name"),
        (arc_set(1).replace("b=QQ==", "b=!"), "base64"),
        ("ARC-Seal: \xff\r\n", "malformed"),
    ],
)
def test_failures(header, words):
    with pytest.raises(ChainError, match=words) as caught:
        chain(header)
    assert not caught.value.has_ended


def test_fifty_sets_are_the_limit():
    sets = [arc_set(1), *(arc_set(index, "pass") for index in range(2, MAX_SETS + 1))]
    assert len(chain(*sets)) == MAX_SETS
    with pytest.raises(ChainError):
        chain(*sets, arc_set(MAX_SETS + 1, "pass"))


def test_a_chain_that_has_ended():
    with pytest.raises(ChainError, match="had failed") as caught:
        chain(arc_set(1), arc_set(2, "FAIL"))
    assert caught.value.has_ended
    with pytest.raises(ChainError, match="had failed") as caught:
        chain("ARC-Seal: i=2; cv=fail; " + TAGS + "\r\n")
    assert caught.value.has_ended


@pytest.mark.parametrize(
    ("ams", "words"),
    [
        (":arc-seal", "ARC-Seal"),
        ("; l=x", "l= is not a number"),
        ("; c=nofws", "canonicalisation"),
        ("; q=http/get", "q= names"),
    ],
)
def test_message_signatures_that_cannot_pass(ams, words):
    (found,) = chain(arc_set(1, ams=ams))
    assert words in found.signatures


def test_message_signatures_as_the_public_suite_has_them():
    (found,) = chain(arc_set(1, ams=":arc-authentication-results:arc-message-signature; v=9; x=1; unknown=1"))
    simple, drafted = found.signatures
    assert (simple.header_canon, drafted.header_canon, drafted.body_key.canon) == (
        "simple",
        "relaxed",
        "relaxed",
    )
    (found,) = chain(arc_set(1, ams="; c=relaxed"))
    assert [(one.header_canon, one.body_key.canon) for one in found.signatures] == [("relaxed", "simple")]
    (found,) = chain(arc_set(1).replace("h=from", "h="))
    assert found.signatures[0].headers == ()
    (found,) = chain(arc_set(1, ams="::to:"))
    assert found.signatures[0].headers == (b"from", b"to")
    (found,) = chain(arc_set(1).replace("; h=from", ""))
    assert found.signatures == "h= is missing"


@pytest.mark.parametrize(
    "aar",
    [
        "i=1;a.test; none",
        " i = 1 ; a.test; none",
        "(i=2;) i (=) = (x) 1 (\\);) ; a.test; none",
        "i=01; a.test; none",
        "\r\n i=1\r\n ;\r\n a.test; none",
    ],
)
def test_instances_in_all_their_forms(aar):  # RFC 8617 §4.2.1
    (found,) = chain(arc_set(1, aar=aar))
    assert found.assessment.strip() == b"a.test; none"


@pytest.mark.parametrize("position", ["1 (first)", "(c) 1", "01"])
def test_instances_of_seals_in_all_their_forms(position):  # RFC 8617 §4.1.2, §4.1.3
    assert len(chain(arc_set(position, aar="i=1; a.test; none"))) == 1


@pytest.mark.parametrize("position", ["001", "1.0", "+1", "1 1", "-1", "0x1", "00", "\u0661"])
def test_what_is_no_instance(position):
    with pytest.raises(ChainError):
        chain(arc_set(position, aar="i=1; a.test; none"))
    with pytest.raises(ChainError):
        chain(arc_set(1, aar=f"i={position}; a.test; none"))


def test_many_comments_cost_linear_time():
    for value in ("(" * 60_000, "()" * 30_000, "(\\" * 30_000, "i=1" + "(a)" * 20_000):
        with pytest.raises(ChainError):
            chain(f"ARC-Authentication-Results: {value}\r\n")


@given(st.sampled_from([b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results"]), st.binary())
def test_any_bytes(name, value):
    try:
        chain_of(split_fields(name + b": i=1; " + value))
    except ChainError:
        return
