"""`dns.system`: resolv.conf and server texts."""

import pytest

from postier.dns.exchange import Server
from postier.dns.resolver import Resolver
from postier.dns.system import parse_server, servers


def test_a_resolv_conf(tmp_path):
    path = tmp_path / "resolv.conf"
    path.write_text(
        "# comment\nsearch x.test\nnameserver 192.0.2.1 # first\nnameserver ::1\nnameserver\nnameserver 3\nnameserver 4\n"
    )
    assert servers(path) == (Server("192.0.2.1"), Server("::1"), Server("3"))
    path.write_text("options edns0 trust-ad\nnameserver 192.0.2.1\n")
    assert servers(path) == (Server("192.0.2.1", trusted=True),)


def test_none_means_this_machine(tmp_path):
    assert servers(tmp_path / "none") == (Server("127.0.0.1"),)
    assert Resolver.of_system().servers


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.1", Server("192.0.2.1", 53)),
        (" 127.0.0.1:5353 ", Server("127.0.0.1", 5353)),
        ("::1", Server("::1", 53)),
        ("[::1]", Server("::1", 53)),
        ("[::1]:5353", Server("::1", 5353)),
    ],
)
def test_a_server_text(text, server):
    assert parse_server(text) == server
    assert parse_server(str(server)) == server
    assert parse_server(text, trusted=True).trusted


@pytest.mark.parametrize(
    "text", ["", ":53", "[::1", "[::1]x", "1.1.1.1:", "1.1.1.1:0", "1.1.1.1:65536", "1.1.1.1:x"]
)
def test_a_wrong_server_text(text):
    with pytest.raises(ValueError, match="DNS server"):
        parse_server(text)


def test_loopback_is_known():
    assert Server("127.0.0.1").is_loopback
    assert Server("::1").is_loopback
    assert not Server("192.0.2.1").is_loopback
    assert not Server("resolver.test").is_loopback
