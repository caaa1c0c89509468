"""DNS queries as octets, and responses as values.

dnspython parses; what is kept of a response is the records of the one question, as the room `mailauth` declares
them. Not here: sockets, retries, cache. Sources: RFC 1035 §4, RFC 6891 (EDNS0), RFC 2308 (negative answers), RFC
4035 §4.6 (AD). Invariants: a response is read whole or is a `MalformedResponseError`; no record that fails its own
type's syntax gets out (a short MX, for instance), and no loop of aliases is followed for ever.
"""

import ipaddress
import struct
from typing import Any, assert_never

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import msgspec

from postier.dns.tlsa import TlsaSet, read_sets
from postier.mailauth.questions import (
    AddressQuestion,
    Mx,
    MxQuestion,
    PtrQuestion,
    Question,
    Status,
    TlsaQuestion,
    TxtQuestion,
)
from postier.mime.a_labels import a_labels

EDNS_PAYLOAD_OCTETS = 1232  # fits one IPv6 packet of the minimum MTU, so that no fragment is needed
MAX_NAME_OCTETS = 253  # RFC 1035 §2.3.4: 255 on the wire, less the first length and the root
MAX_LABEL_OCTETS = 63  # RFC 1035 §2.3.4
MAX_ALIASES = 8  # CNAMEs followed for one question
MAX_RECORDS = 512  # records kept of one answer

_HEADER = struct.Struct("!HHHHH")  # flags and counts; the id comes first and is chosen by the exchange
_RECURSION_DESIRED = 0x0100
_OPT_SIZE = struct.Struct("!BHHIH")
_DNSSEC_OK = 0x8000
_TYPE_CLASS = struct.Struct("!HH")
_CLASS_IN = 1
_TLSA = b"\0\x34"


class MalformedResponseError(Exception):
    """The octets are no DNS response to this query."""


class Query(msgspec.Struct, frozen=True):
    """One query: `octets` lack the id; `question` is the part that a response must repeat."""

    octets: bytes
    question: bytes


class Response(msgspec.Struct, frozen=True):
    """What a response says of the question.

    `alias` is set if the chain of CNAMEs leaves the response: the question must be asked again there. `owner` is the
    name that has the records (or lacks them). `ttl_s` is None if the answer must not be cached (RFC 2308 §5).
    """

    status: Status
    owner: str
    records: tuple[Any, ...] = ()
    ttl_s: int | None = None
    authenticated: bool = False
    truncated: bool = False
    alias: str | None = None
    rcode: int = 0


def wire_name(name: str) -> bytes | None:
    """The name in wire form, or None if no DNS name can be written so (then it does not exist)."""
    text = name.removesuffix(".")
    if not text:
        return b"\0"
    try:
        octets = (text if text.isascii() else a_labels(text)).encode("ascii")
    except UnicodeError:
        return None
    if len(octets) > MAX_NAME_OCTETS:
        return None
    out = bytearray()
    for label in octets.split(b"."):
        if not 0 < len(label) <= MAX_LABEL_OCTETS:
            return None
        out.append(len(label))
        out += label
    out.append(0)
    return bytes(out)


def target(question: Question) -> tuple[str, int] | None:
    """The name and RR type that a question asks for; None if it cannot be asked (a PTR of no address)."""
    match question:
        case TxtQuestion(name=name):
            return name, dns.rdatatype.TXT
        case AddressQuestion(name=name, family=family):
            return name, dns.rdatatype.A if family == 4 else dns.rdatatype.AAAA
        case MxQuestion(name=name):
            return name, dns.rdatatype.MX
        case PtrQuestion(ip=ip):
            try:
                return ipaddress.ip_address(ip.partition("%")[0]).reverse_pointer, dns.rdatatype.PTR
            except ValueError:
                return None
        case TlsaQuestion(name=name):
            return name, dns.rdatatype.TLSA
        case _:
            assert_never(question)


def make_query(wire: bytes, rdtype: int, *, edns: bool = True, dnssec_ok: bool = False) -> Query:
    """A recursive query of class IN for a name in wire form."""
    question = wire + _TYPE_CLASS.pack(rdtype, _CLASS_IN)
    octets = _HEADER.pack(_RECURSION_DESIRED, 1, 0, 0, 1 if edns else 0) + question
    if edns:  # RFC 6891 §6.1.2
        flags = _DNSSEC_OK if dnssec_ok else 0
        octets += _OPT_SIZE.pack(0, dns.rdatatype.OPT, EDNS_PAYLOAD_OCTETS, flags, 0)
    return Query(octets, question)


def mix_case(wire: bytes, bits: int) -> bytes:
    """The name in wire form with the case of its letters chosen by `bits`, which a response then repeats."""
    out = bytearray(wire)
    for at, octet in enumerate(wire):  # at most 255 octets; a length octet (0 to 63) is never a letter
        if 0x61 <= octet | 0x20 <= 0x7A and octet > MAX_LABEL_OCTETS:
            out[at] = octet | 0x20 if bits & 1 else octet & 0xDF
            bits >>= 1
    return bytes(out)


def answers(octets: bytes, question: bytes, *, exact_case: bool) -> bool:
    """Whether the octets are a response that repeats `question`: the cheap check made before any parsing."""
    if len(octets) < 12 or not octets[2] & 0x80 or octets[4:6] != b"\0\1":
        return False
    repeated = octets[12 : 12 + len(question)]
    if repeated == question:
        return True
    # Case is kept by all servers we know; a forger must guess it, so it counts only where we chose it.
    return (
        not exact_case and repeated[-4:] == question[-4:] and repeated[:-4].lower() == question[:-4].lower()
    )


def read_response(octets: bytes, question: bytes) -> Response:
    """The response to `question`; raises MalformedResponseError on anything dnspython or we cannot read."""
    try:
        if question[-4:-2] == _TLSA:
            return _read(*read_sets(octets), question)
        return _read(dns.message.from_wire(octets, ignore_trailing=True), {}, question)
    except (dns.exception.DNSException, ValueError, struct.error, LookupError, TypeError) as error:
        # dnspython raises its own family; the builtin ones have been seen from rdata constructors
        raise MalformedResponseError(f"{type(error).__name__}: {error}") from error


def without_authentication(response: Response) -> Response:
    """The response as it counts when it came from a server that is not trusted."""
    return msgspec.structs.replace(response, authenticated=False)


def _read(message: dns.message.Message, tlsa: dict[dns.name.Name, TlsaSet], question: bytes) -> Response:
    rdtype, rdclass = _TYPE_CLASS.unpack(question[-4:])
    owner = message.question[0].name  # the same as in `question`: `answers` has seen to it
    rcode = int(message.rcode())
    truncated = bool(message.flags & dns.flags.TC)
    authenticated = bool(message.flags & dns.flags.AD)
    if rcode not in {0, 3}:
        status = Status.SERVFAIL if rcode == 2 else Status.REFUSED
        return Response(status, _text(owner), rcode=rcode, truncated=truncated)
    if rdclass != _CLASS_IN:
        raise MalformedResponseError("the question is not of class IN")
    ttl_s: int | None = None
    wanted = {rdtype, dns.rdatatype.CNAME}
    sets = [rrset for rrset in message.answer if rrset.rdtype in wanted and rrset.rdclass == rdclass]
    for _ in range(MAX_ALIASES + 1):
        if rdtype == dns.rdatatype.TLSA and owner in tlsa:
            some = tlsa[owner]
            ttl_s = some.ttl_s if ttl_s is None else min(ttl_s, some.ttl_s)
            values = tuple(some.records[:MAX_RECORDS])
            return Response(Status.FOUND, _text(owner), values, ttl_s, authenticated, truncated)
        found = next((one for one in sets if one.rdtype == rdtype and one.name == owner), None)
        if found is not None:
            ttl_s = found.ttl if ttl_s is None else min(ttl_s, found.ttl)
            records = tuple(_value(rdata) for rdata in list(found)[:MAX_RECORDS])
            return Response(Status.FOUND, _text(owner), records, ttl_s, authenticated, truncated)
        alias = next((one for one in sets if one.rdtype == dns.rdatatype.CNAME and one.name == owner), None)
        if alias is None:
            break
        ttl_s = alias.ttl if ttl_s is None else min(ttl_s, alias.ttl)
        owner = alias[0].target
    else:
        raise MalformedResponseError(f"more than {MAX_ALIASES} aliases")
    soa = next((rrset for rrset in message.authority if rrset.rdtype == dns.rdatatype.SOA), None)
    if ttl_s is not None and rcode == 0 and soa is None:
        # RFC 1034 §3.6.2: an alias whose target is elsewhere
        return Response(
            Status.NODATA, _text(owner), (), ttl_s, authenticated, truncated=truncated, alias=_text(owner)
        )
    negative_s = None if soa is None else min(soa.ttl, soa[0].minimum)  # RFC 2308 §5
    if ttl_s is not None and negative_s is not None:
        negative_s = min(ttl_s, negative_s)
    status = Status.NXDOMAIN if rcode == 3 else Status.NODATA
    return Response(status, _text(owner), (), negative_s, authenticated, truncated, rcode=rcode)


def _text(name: dns.name.Name) -> str:
    """A name as the rest of Postier writes it: lower case, no final dot; the root is "."."""
    return name.to_text(omit_final_dot=True).lower()


def _value(rdata: Any) -> Any:
    """The value that `mailauth.questions` declares for a record of this type."""
    match rdata.rdtype:
        case dns.rdatatype.A | dns.rdatatype.AAAA:
            return rdata.address
        case dns.rdatatype.TXT:
            return b"".join(rdata.strings)
        case dns.rdatatype.MX:
            return Mx(rdata.preference, _text(rdata.exchange))
        case dns.rdatatype.PTR:
            return _text(rdata.target)
        case _:
            raise MalformedResponseError(f"record of type {rdata.rdtype}")
