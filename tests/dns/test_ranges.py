"""`dns.ranges`: which addresses count as the public Internet."""

import pytest

from postier.dns.ranges import is_public


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "2a00::1", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    """
    0.0.0.0 0.1.2.3 10.1.2.3 100.64.0.1 127.0.0.1 127.9.9.9 169.254.1.1 172.16.0.1 172.31.255.255
    192.0.0.1 192.0.2.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1
    255.255.255.255 :: ::1 fe80::1 fe80::1%eth0 fec0::1 fc00::1 fd12::1 ff02::1 2001:db8::1
    ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:224.0.0.1 2002:7f00:1::1 2002:a00:1::1 64:ff9b::7f00:1
    64:ff9b::a00:1 64:ff9b:1::a00:1 ::7f00:1 100::1 localhost 1.1.1 01.1.1.1 0x7f.1
    """.split(),  # noqa: SIM905 - a table reads better than a hundred quotes
)
def test_not_public(address):
    assert not is_public(address)
