import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.dmarc import record as records
from postier.mailauth.dmarc.record import MAX_URIS, DmarcRecord, Policy, is_dmarc, parse_record


def test_defaults():
    record = parse_record(b"v=DMARC1; p=none")
    assert record == DmarcRecord(Policy.NONE, text="v=DMARC1; p=none")


def test_every_tag():
    record = parse_record(
        b"v=DMARC1 ; P = Reject; sp=quarantine; np=reject; adkim=s; aspf=S; fo=1:d:s; psd=y; t=y; "
        b"rua=mailto:a@b.test!10m, https://r.test/x; ruf=mailto:f@b.test; pct=20; ri=3600; rf=afrf; new=1;"
    )
    assert (record.policy, record.subdomains, record.nonexistent) == (
        Policy.REJECT,
        Policy.QUARANTINE,
        Policy.REJECT,
    )
    assert (record.is_strict_dkim, record.is_strict_spf, record.is_testing, record.psd) == (
        True,
        True,
        True,
        "y",
    )
    assert record.rua == ("mailto:a@b.test", "https://r.test/x")
    assert record.ruf == ("mailto:f@b.test",)
    assert record.failure_options == ("1", "d", "s")
    assert record.is_usable


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"v=DMARC1", True),
        (b"v = DMARC1;", True),
        (b"V\t=\tDMARC1\t;", True),
        (b"v=DMARC1;p=none", True),
        (b"v=dmarc1; p=none", False),
        (b"v=DMARC12; p=none", False),
        (b"v=DMARC1 p=none", False),
        (b"p=none; v=DMARC1", False),
        (b" v=DMARC1; p=none", False),
        (b"", False),
    ],
)
def test_version(text, found):
    assert is_dmarc(text) is found
    assert (parse_record(text) is not None) is found


@pytest.mark.parametrize(
    ("tags", "usable", "policy"),
    [
        (b"p=reject", True, Policy.REJECT),
        (b"", False, None),
        (b"p=bogus", False, None),
        (b"p=reject; sp=bogus", False, Policy.REJECT),
        (b"p=reject; np=", False, Policy.REJECT),
        (b"rua=mailto:a@b.test", True, Policy.NONE),
        (b"p=bogus; rua=mailto:a@b.test", True, Policy.NONE),
        (b"p=reject; sp=bogus; rua=mailto:a@b.test", True, Policy.NONE),
        (b"p=bogus; rua=nonsense", False, None),
        (b"p=reject; p=none", True, Policy.REJECT),
        (b"p=reject; junk; adkim=q", True, Policy.REJECT),
    ],
)
def test_broken_policies(tags, usable, policy):  # RFC 9989 §4.10.1
    record = parse_record(b"v=DMARC1; " + tags)
    assert (record.is_usable, record.policy) == (usable, policy)


@pytest.mark.parametrize(
    ("options", "read"),
    [
        (b"1", ("1",)),
        (b"0:d", ("0", "d")),
        (b"d:1:s", ("d", "1", "s")),
        (b"S : D", ("s", "d")),
        (b"0:1", ("0",)),  # mutually exclusive
        (b"d:d", ("0",)),
        (b"1:x", ("0",)),
        (b"", ("0",)),
        (b"1:", ("0",)),
    ],
)
def test_failure_options(options, read):  # RFC 9989 §4.7, §4.8: what is wrong counts as the default
    assert parse_record(b"v=DMARC1; p=none; ruf=mailto:a@b.test; fo=" + options).failure_options == read
    assert parse_record(b"v=DMARC1; p=none; fo=" + options).failure_options == ("0",)  # nobody to be told


def test_uris_are_bounded():
    uris = ",".join(f"mailto:a{index}@b.test" for index in range(MAX_URIS + 1))
    assert len(parse_record(f"v=DMARC1; p=none; rua={uris}".encode()).rua) == MAX_URIS


@given(st.binary())
def test_any_bytes(text):
    parse_record(text)
    assert parse_record(b"v=DMARC1;" + text) is not None


@pytest.mark.parametrize("over", [0, 1])
def test_a_long_record_is_read_and_not_remembered(over):
    head = b"v=DMARC1; p=reject; x="
    text = head + b"y" * (records.MAX_KEPT_OCTETS - len(head) + over)
    before = records._remembered.cache_info().misses
    assert parse_record(text).policy is Policy.REJECT
    assert records._remembered.cache_info().misses == before + 1 - over
