"""`dns.zones`: what a query gets, compared with nsd, and any octets at all."""

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.dns.zones import Zones
from tests.dns_server import start_nsd, zone_text

ALPHA = """
@      IN MX 10 mail
       IN TXT "v=spf1 -all"
mail   IN A 192.0.2.1
       IN AAAA 2001:db8::1
alias  IN CNAME mail
far    IN CNAME mail.beta.test.
away   IN CNAME mail.gamma.test.
nothing IN CNAME none.alpha.test.
a.b.c  IN A 192.0.2.2
"""
BETA = "mail IN A 192.0.2.9"
REVERSE = "1 IN PTR mail.alpha.test."
ALL = {"alpha.test": ALPHA, "beta.test": BETA, "2.0.192.in-addr.arpa": REVERSE}


@pytest.fixture(scope="module")
def nsd_port(tmp_path_factory):
    zones = {origin: zone_text(origin, text) for origin, text in ALL.items()}
    with start_nsd(tmp_path_factory.mktemp("nsd"), zones) as port:
        yield port


def ask(zones: Zones, name: str, rdtype: str, *, is_udp: bool = True, **options) -> dns.message.Message:
    octets = zones.respond(dns.message.make_query(name, rdtype, **options).to_wire(), is_udp=is_udp)
    assert octets is not None
    return dns.message.from_wire(octets)


@pytest.mark.parametrize(
    ("name", "rdtype"),
    [
        ("alpha.test", "MX"),
        ("alpha.test", "TXT"),
        ("alpha.test", "SOA"),
        ("alpha.test", "NS"),
        ("ALPHA.test", "MX"),
        ("mail.alpha.test", "A"),
        ("mail.alpha.test", "AAAA"),
        ("mail.alpha.test", "TXT"),
        ("none.alpha.test", "A"),
        ("alias.alpha.test", "A"),
        ("alias.alpha.test", "CNAME"),
        ("alias.alpha.test", "TXT"),
        ("nothing.alpha.test", "A"),
        ("b.c.alpha.test", "A"),
        ("x.a.b.c.alpha.test", "A"),
        ("far.alpha.test", "A"),
        ("away.alpha.test", "A"),
        ("1.2.0.192.in-addr.arpa", "PTR"),
        ("gamma.test", "A"),
        ("test", "A"),
    ],
)
def test_it_says_what_nsd_says(nsd_port, name, rdtype):
    zones = Zones({origin: zone_text(origin, text) for origin, text in ALL.items()})
    ours = ask(zones, name, rdtype)
    theirs = dns.query.udp(dns.message.make_query(name, rdtype), "127.0.0.1", port=nsd_port, timeout=5)
    assert ours.rcode() == theirs.rcode()
    assert ours.answer == theirs.answer
    assert [rrset for rrset in ours.authority if rrset.rdtype == dns.rdatatype.SOA] == [
        rrset for rrset in theirs.authority if rrset.rdtype == dns.rdatatype.SOA
    ]
    if ours.rcode() != dns.rcode.REFUSED:
        assert ours.flags & dns.flags.AA == theirs.flags & dns.flags.AA


def test_soa_and_ns_are_added():
    zones = Zones({"alpha.test": ALPHA})
    assert ask(zones, "alpha.test", "SOA").answer[0][0].minimum == 60
    assert ask(zones, "none.alpha.test", "A").authority[0].rdtype == dns.rdatatype.SOA


def test_a_zone_can_be_replaced():
    zones = Zones({"alpha.test": ALPHA})
    zones.put("alpha.test", "mail IN A 192.0.2.77")
    assert ask(zones, "mail.alpha.test", "A").answer[0][0].address == "192.0.2.77"
    assert ask(zones, "alpha.test", "MX").answer == []


@pytest.mark.parametrize(
    "text", ["mail IN A 192.0.2", "mail IN NOTHING x", "mail IN CNAME a\nmail IN A 192.0.2.1"]
)
def test_a_wrong_zone_is_named(text):
    with pytest.raises(ValueError, match=r"^zone alpha\.test: "):
        Zones({"alpha.test": text})


@pytest.mark.parametrize(("payload", "cut"), [(None, True), (4096, True), (0, True)])
def test_a_long_answer_is_cut_for_udp_and_whole_for_tcp(payload, cut):
    text = "long IN TXT " + " ".join(['"' + "x" * 200 + '"'] * 10)
    zones = Zones({"alpha.test": text})
    options = {} if payload is None else {"payload": payload, "use_edns": 0}
    short = ask(zones, "long.alpha.test", "TXT", **options)
    assert bool(short.flags & dns.flags.TC) is cut
    assert not short.answer
    whole = ask(zones, "long.alpha.test", "TXT", is_udp=False)
    assert len(b"".join(whole.answer[0][0].strings)) == 2000


def test_edns_makes_room():
    zones = Zones({"alpha.test": "some IN TXT " + " ".join(['"' + "x" * 200 + '"'] * 4)})
    assert ask(zones, "some.alpha.test", "TXT").flags & dns.flags.TC
    assert ask(zones, "some.alpha.test", "TXT", use_edns=0, payload=1232).answer


def test_the_ad_bit_is_there_if_wanted():
    query = ("mail.alpha.test", "A")
    assert ask(Zones({"alpha.test": ALPHA}, authenticated=True), *query).flags & dns.flags.AD
    assert not ask(Zones({"alpha.test": ALPHA}), *query).flags & dns.flags.AD


def test_what_it_does_not_do_is_refused():
    zones = Zones({"alpha.test": ALPHA})
    for rdtype in ("AXFR", "IXFR"):
        query = dns.message.make_query("alpha.test", rdtype)
        assert (
            dns.message.from_wire(zones.respond(query.to_wire(), is_udp=False)).rcode() == dns.rcode.REFUSED
        )
    notify = dns.message.make_query("alpha.test", "SOA")
    notify.set_opcode(4)
    assert zones.respond(notify.to_wire(), is_udp=True)[3] & 15 == dns.rcode.NOTIMP
    chaos = dns.message.make_query("version.bind", "TXT", "CH")
    assert zones.respond(chaos.to_wire(), is_udp=True)[3] & 15 == dns.rcode.REFUSED


def test_a_loop_of_aliases_ends():
    zones = Zones({"alpha.test": "a IN CNAME b\nb IN CNAME a"})
    assert len(ask(zones, "a.alpha.test", "A").answer) >= 2


QUERY = dns.message.make_query("mail.alpha.test", "A", use_edns=0).to_wire()
ZONES = Zones({"alpha.test": ALPHA})


def test_a_malformed_query_is_formerr():
    assert ZONES.respond(QUERY[:20], is_udp=True) == QUERY[:2] + b"\x81\x01" + bytes(8)
    assert ZONES.respond(QUERY[:4] + b"\0\2" + QUERY[6:], is_udp=True)[3] & 15 == dns.rcode.FORMERR


def test_a_response_is_not_answered():
    assert ZONES.respond(QUERY[:2] + b"\x80" + QUERY[3:], is_udp=True) is None
    assert ZONES.respond(b"", is_udp=True) is None
    assert ZONES.respond(QUERY[:11], is_udp=True) is None


@given(st.binary(max_size=80))
def test_any_octets_get_a_response_or_silence(octets):
    response = ZONES.respond(octets, is_udp=True)
    assert response is None or response[:2] == octets[:2]


@given(st.data())
def test_a_damaged_query_gets_a_response_or_silence(data):
    octets = bytearray(QUERY)
    for _ in range(3):
        octets[data.draw(st.integers(2, len(octets) - 1))] = data.draw(st.integers(0, 255))
    response = ZONES.respond(bytes(octets), is_udp=True)
    assert response is None or (response[2] & 0x80 and len(response) <= 1232)
