import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.mta_sts import (
    MAX_AGE_S,
    MAX_POLICY_OCTETS,
    Mode,
    MtaStsError,
    parse_policy,
    parse_records,
    policy_url,
    record_name,
)

POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\nmax_age: 604800\r\n"


def test_names():
    assert record_name("example.com") == "_mta-sts.example.com"
    assert policy_url("example.com") == "https://mta-sts.example.com/.well-known/mta-sts.txt"


def test_the_record():
    assert parse_records([b"v=spf1 -all", b"v=STSv1; id=20160831085700Z; new=x;"]) == "20160831085700Z"
    assert parse_records([b"v=STSv1; id=a", b"v=STSv1; id=b"]) is None
    assert parse_records([b"v=STSv1 ; id=a"]) is None  # RFC 8461 §3.1, eid6285
    assert parse_records([]) is None
    assert parse_records([b"v=STSv1; id=first; id=second"]) == "first"


@pytest.mark.parametrize(
    "text",
    [b"v=STSv1;", b"v=STSv1; id=", b"v=STSv1; id=a-b", b"v=STSv1; id=" + b"a" * 33, b"v=STSv1; id=a; junk"],
)
def test_malformed_records(text):
    with pytest.raises(MtaStsError):
        parse_records([text])


def test_the_policy():
    policy = parse_policy(POLICY)
    assert policy.mode is Mode.ENFORCE
    assert policy.max_age_s == 604_800
    assert policy.allows("MAIL.example.com.")
    assert policy.allows("x.example.net")
    assert not policy.allows("example.net")
    assert not policy.allows("a.b.example.net")
    assert not policy.allows("other.example.com")
    assert not policy.allows("")
    assert not policy.allows("not a host")


def test_mode_none_needs_no_mx_and_age_is_capped():
    policy = parse_policy(
        b"version: STSv1\nmode: none\nmax_age: 9999999999\nunknown_key: \xc3\xa9\nmode: enforce"
    )
    assert policy.mode is Mode.NONE
    assert policy.max_age_s == MAX_AGE_S


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"mode: enforce\nmx: a.test\nmax_age: 1",
        b"version: STSv1\nmx: a.test\nmax_age: 1",
        b"version: STSv1\nmode: Enforce\nmx: a.test\nmax_age: 1",
        b"version: STSv1\nmode: enforce\nmax_age: 1",
        b"version: STSv1\nmode: enforce\nmx: a.test",
        b"version: STSv1\nmode: enforce\nmx: a.test\nmax_age: x",
        b"version: STSv1\nmode: enforce\nmx: *.*.test\nmax_age: 1",
        b"version: STSv1\nmode: enforce\nmx: b\xc3\xbccher.test\nmax_age: 1",
        b"version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 1\nno colon",
        b"version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 1\n\xff: x",
    ],
)
def test_malformed_policies(text):
    with pytest.raises(MtaStsError):
        parse_policy(text)


def test_size_limit():
    padding = b"x: " + b"y" * (MAX_POLICY_OCTETS - len(POLICY) - 3)
    assert parse_policy(POLICY + padding).mode is Mode.ENFORCE
    with pytest.raises(MtaStsError):
        parse_policy(POLICY + padding + b"y")


@given(st.binary())
def test_any_bytes(text):
    for candidate in (text, POLICY + text):
        try:
            parse_policy(candidate)
        except MtaStsError:
            continue
