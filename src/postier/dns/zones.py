"""Zones held in memory and the response to any query for them: the pure half of the authoritative server.

Not here: sockets (`authoritative`), zone transfer, delegation, wildcards, DNSSEC signing. Sources: RFC 1034 §4.3.2
(the algorithm), RFC 1035 §4.1.1, RFC 2308 §2 and §3 (SOA with negative answers), RFC 6891, RFC 8482 is not followed.
Invariants: any octets give a response, or None when a response could go to a forged address for ever (a response, or
less than a header); never an exception.
"""

from collections.abc import Mapping

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone

MAX_ALIASES = 8
UDP_OCTETS = 512  # RFC 1035 §4.2.1, without EDNS
MAX_UDP_OCTETS = 1232
MAX_TCP_OCTETS = 65_535
_SOA = "@ 300 IN SOA ns hostmaster 1 3600 600 86400 60\n"
_NS = "@ 300 IN NS ns\n"


class Zones:
    """Zones by origin. Each is zone text (RFC 1035 §5; SOA and NS are added if it has none).

    `authenticated` sets the AD bit, as a validating resolver would: for a demonstration of DANE without signatures.
    Raises ValueError with the zone and line that cannot be read.
    """

    def __init__(self, zones: Mapping[str, str], *, authenticated: bool = False) -> None:
        self._zones: dict[dns.name.Name, dns.zone.Zone] = {}
        self._authenticated = authenticated
        for origin, text in zones.items():
            self.put(origin, text)

    def put(self, origin: str, text: str) -> None:
        """Add a zone or replace it."""
        name = dns.name.from_text(origin)
        try:
            zone = dns.zone.from_text(_complete(text), origin=name, relativize=False, check_origin=False)
            zone.check_origin()
        except (dns.exception.DNSException, ValueError) as error:
            raise ValueError(f"zone {origin}: {error}") from error
        self._zones[name] = zone

    def respond(self, query: bytes, *, is_udp: bool) -> bytes | None:
        """The octets of the response to `query`; None if nothing should be said."""
        if len(query) < 12 or query[2] & 0x80:
            return None
        try:
            asked = dns.message.from_wire(query)
            response = dns.message.make_response(asked, recursion_available=False, our_payload=MAX_UDP_OCTETS)
        except Exception:  # RFC 1035 §4.1.1: a query we cannot interpret, whatever the parser makes of it
            return _bare(query, dns.rcode.FORMERR)
        try:
            self._fill(asked, response)
            room = min(max(asked.payload, UDP_OCTETS), MAX_UDP_OCTETS) if is_udp else MAX_TCP_OCTETS
            return response.to_wire(max_size=room)
        except dns.exception.TooBig:
            response.answer, response.authority, response.additional = [], [], []
            response.flags |= dns.flags.TC
            return response.to_wire()
        except Exception:  # a bug of ours costs this answer only
            return _bare(query, dns.rcode.SERVFAIL)

    def _fill(self, asked: dns.message.Message, response: dns.message.Message) -> None:
        """RFC 1034 §4.3.2."""
        if asked.opcode() != dns.opcode.QUERY:
            response.set_rcode(dns.rcode.NOTIMP)
            return
        if len(asked.question) != 1:
            response.set_rcode(dns.rcode.FORMERR)
            return
        question = asked.question[0]
        name, rdtype = question.name, question.rdtype
        zone = self._zone(name)
        transfer = rdtype in {dns.rdatatype.AXFR, dns.rdatatype.IXFR}
        if zone is None or transfer or question.rdclass != dns.rdataclass.IN:
            response.set_rcode(dns.rcode.REFUSED)
            return
        response.flags |= dns.flags.AA
        if self._authenticated:
            response.flags |= dns.flags.AD
        for _ in range(MAX_ALIASES):
            node = zone.get_node(name)
            found = node.get_rdataset(dns.rdataclass.IN, rdtype) if node is not None else None
            if node is not None and rdtype == dns.rdatatype.ANY:
                response.answer += [_rrset(name, rdataset) for rdataset in node]
                return
            if found is not None:
                response.answer.append(_rrset(name, found))
                return
            alias = node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.CNAME) if node is not None else None
            if alias is None:
                self._deny(response, zone, name, exists=node is not None)
                return
            response.answer.append(_rrset(name, alias))
            name = alias[0].target
            target = self._zone(name)
            if target is None:  # the asker goes on from here
                return
            zone = target

    def _deny(
        self, response: dns.message.Message, zone: dns.zone.Zone, name: dns.name.Name, *, exists: bool
    ) -> None:
        """RFC 2308 §2: the SOA says for how long; a name above existing ones exists (RFC 8020)."""
        if not exists and not any(other.is_subdomain(name) for other in zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        assert zone.origin is not None
        soa = zone.find_rdataset(zone.origin, dns.rdatatype.SOA)
        response.authority.append(_rrset(zone.origin, soa))

    def _zone(self, name: dns.name.Name) -> dns.zone.Zone | None:
        """The zone with the longest origin above the name."""
        while True:
            zone = self._zones.get(name)
            if zone is not None or name == dns.name.root:
                return zone
            name = name.parent()


def _complete(text: str) -> str:
    """Zone text with a TTL, an SOA and an NS, if it came without."""
    lines = [line.partition(";")[0].split() for line in text.splitlines()]
    words = {word for line in lines for word in line[:5]}
    head = "" if "$TTL" in words else "$TTL 300\n"
    return head + ("" if "SOA" in words else _SOA + _NS) + text + "\n"


def _rrset(name: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))


def _bare(query: bytes, rcode: int) -> bytes:
    """A header alone: the id and opcode of the query, the code, no sections."""
    return query[:2] + bytes([0x80 | query[2] & 0x79, rcode]) + bytes(8)
