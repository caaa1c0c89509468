"""`tls.hello`: the ClientHello as OpenSSL writes it, whole, cut anywhere, and any octets at all."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.tls.hello import handshake_octets, offered_protocols


def client_hello(protocols: list[str], name: str = "mx.alpha.test") -> bytes:
    context = ssl.create_default_context()
    if protocols:
        context.set_alpn_protocols(protocols)
    out = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    return out.read()


@pytest.mark.parametrize("protocols", [["imap"], ["h2", "http/1.1"], ["x" * 255, "imap"]])
def test_the_list_is_read(protocols):
    assert offered_protocols(client_hello(protocols)) == tuple(protocols)


def test_no_list_is_none():
    assert offered_protocols(client_hello([])) is None


def test_a_hello_in_many_records_is_the_same():
    hello = handshake_octets(client_hello(["imap"]))
    for size in (1, 7, 100):
        parts = [hello[at : at + size] for at in range(0, len(hello), size)]
        stream = b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in parts)
        assert offered_protocols(stream) == ("imap",)


def test_a_cut_hello_offers_nothing():
    hello = client_hello(["imap"])
    assert {offered_protocols(hello[:at]) for at in range(len(hello))} == {None}


@given(st.binary(max_size=400))
def test_any_octets_are_read(octets):
    assert offered_protocols(octets) is None or octets[:1] == b"\x16"


@given(st.data())
def test_a_damaged_hello_is_read(data):
    hello = bytearray(HELLO)
    for _ in range(3):
        hello[data.draw(st.integers(0, len(hello) - 1))] = data.draw(st.integers(0, 255))
    found = offered_protocols(bytes(hello))
    assert found is None or isinstance(found, tuple)


HELLO = client_hello(["imap", "pop3"])
