import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.tlsrpt import MAX_URIS, parse_records, record_name


def test_the_record():
    assert record_name("example.com") == "_smtp._tls.example.com"
    policy = parse_records(
        [b"v=spf1 -all", b"v=TLSRPTv1; rua=mailto:a@example.com , https://r.example/x; ext=1;"]
    )
    assert policy.rua == ("mailto:a@example.com", "https://r.example/x")


@pytest.mark.parametrize(
    "records",
    [
        [],
        [b"v=TLSRPTv1; rua=mailto:a@b.test", b"v=TLSRPTv1; rua=mailto:a@b.test"],
        [b"v=TLSRPTv1;"],
        [b"v=TLSRPTv1; rua=ftp://x.test"],
        [b"v=TLSRPTv2; rua=mailto:a@b.test"],
        [b"v=TLSRPTv1 ; rua=mailto:a@b.test"],
        [b"rua=mailto:a@b.test; v=TLSRPTv1;"],
        [b"\xff\xfe"],
    ],
)
def test_no_policy(records):
    assert parse_records(records) is None


def test_uris_are_bounded():
    uris = ",".join(f"mailto:a{index}@b.test" for index in range(MAX_URIS + 5))
    assert len(parse_records([f"v=TLSRPTv1;rua={uris}".encode()]).rua) == MAX_URIS


@given(st.binary())
def test_any_bytes(text):
    parse_records([b"v=TLSRPTv1;" + text])
