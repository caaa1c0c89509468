import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from postier.accounts.dkim_keys import DkimAlgorithm, DkimKey
from postier.accounts.published import Checked, Publication, check_published
from postier.accounts.publishing import DnsRecord, Service, records_of, zone_lines
from postier.dns.resolver import Resolver
from postier.mailauth import dkim
from tests.dns_server import start_nsd

KEYS = [
    DkimKey(
        "good.test", "1e", DkimAlgorithm.ED25519, dkim.private_pem(dkim.generate_key("ed25519")).decode()
    ),
    DkimKey("good.test", "1r", DkimAlgorithm.RSA, dkim.private_pem(dkim.generate_key("rsa", 2048)).decode()),
]
OTHER = base64.b64encode(b"x" * 32).decode()
BAD_ZONE = f"""
@ IN MX 10 elsewhere.test.
@ IN TXT "v=spf1 mx ~all"
@ IN TXT "unrelated"
1e._domainkey IN TXT "v=DKIM1; k=ed25519; p={OTHER}"
_dmarc IN TXT "v=DMARC1; p=none"
_dmarc IN TXT "v=DMARC1; p=reject"
"""


def records(domain: str) -> list[DnsRecord]:
    return records_of(domain, "mx.good.test", KEYS[:1], [Service("imaps", 993)])


@pytest.fixture
def resolver(tmp_path: Path) -> Iterator[Resolver]:
    good = records_of("good.test", "mx.good.test", KEYS, [Service("imaps", 993)])
    zone = "\n".join(zone_lines(good, "mx.good.test")) + "\nmx IN A 192.0.2.1\nmx IN AAAA 2001:db8::1\n"
    two = '@ IN MX 5 spare.test.\n@ IN MX 10 MX.good.test.\n@ IN TXT "v=spf1  mx  -all"'
    with start_nsd(tmp_path, {"good.test": zone, "bad.test": BAD_ZONE, "two.test": two}) as port:
        yield Resolver([("127.0.0.1", port)])


async def test_a_zone_made_from_the_records_is_as_it_should_be(resolver: Resolver) -> None:
    found = await check_published(
        records_of("good.test", "mx.good.test", KEYS, [Service("imaps", 993)]), "mx.good.test", resolver
    )
    assert {one.state for one in found} == {Publication.PUBLISHED}
    assert len(found) == 8
    assert found[0] == Checked("mx.good.test", "A/AAAA", Publication.PUBLISHED, "192.0.2.1, 2001:db8::1")


async def test_what_is_wrong_or_missing_is_named(resolver: Resolver) -> None:
    key = DkimKey("bad.test", "1e", DkimAlgorithm.ED25519, KEYS[0].private_key)
    wanted = records_of("bad.test", "mx.good.test", [key], [])
    found = await check_published(wanted, "nowhere.good.test", resolver)
    assert [(one.name, one.state.value) for one in found] == [
        ("nowhere.good.test", "missing"),
        ("bad.test", "wrong"),
        ("bad.test", "other"),
        ("1e._domainkey.bad.test", "wrong"),
        ("_dmarc.bad.test", "wrong"),
        ("_smtp._tls.bad.test", "missing"),
    ]


async def test_several_mail_hosts_may_be_meant_so(resolver: Resolver) -> None:
    found = await check_published(records("two.test")[:2], "mx.good.test", resolver)
    assert [(one.state.value, one.found) for one in found[1:]] == [
        ("other", "spare.test, mx.good.test"),
        ("published", "v=spf1  mx  -all"),
    ]


async def test_a_silent_server_is_not_a_missing_record() -> None:
    resolver = Resolver([("127.0.0.1", 1)], timeout_s=0.2, try_timeout_s=0.1, attempts=1)
    found = await check_published(records("good.test"), "mx.good.test", resolver)
    assert {one.state for one in found} == {Publication.UNKNOWN}
    assert not Publication.UNKNOWN.is_fine


def test_a_zone_line_is_split_where_it_must_be() -> None:
    lines = zone_lines(records_of("good.test", "mx.good.test", KEYS, []), "mx.good.test")
    assert lines[0].startswith("; mx.good.test. needs A and AAAA")
    assert lines[1] == "good.test. IN MX 10 mx.good.test."
    (rsa,) = [line for line in lines if line.startswith("1r.")]
    assert '" "' in rsa
    assert all(len(part) <= 255 for part in rsa.split('"'))
