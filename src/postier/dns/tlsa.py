"""TLSA records read leniently: a digest of the wrong length is a record that cannot be used, not a broken response.

dnspython refuses the whole message for it; RFC 7672 §2.2 wants such a record known, because its presence promises
TLS. Not here: which records are usable (`mailauth.dane`). Source: RFC 6698 §2.1. Invariant: a message that is broken in
any other way is refused.
"""

import dns.message
import dns.name
import dns.rdatatype
import dns.wire
import msgspec

from postier.mailauth.dane import Tlsa

_DIGEST_OCTETS = {1: 32, 2: 64}  # RFC 6698 §2.1.3


class TlsaSet(msgspec.Struct):
    """The TLSA records of one owner and the shortest time they may be kept."""

    ttl_s: int
    records: list[Tlsa]


def read_sets(octets: bytes) -> tuple[dns.message.Message, dict[dns.name.Name, TlsaSet]]:
    """The message without its TLSA records, and those by owner. Raises ValueError and what dnspython raises."""
    message = dns.message.from_wire(octets, ignore_trailing=True, continue_on_error=True)
    parser = dns.wire.Parser(octets)
    _, _, questions, answers, _, _ = parser.get_struct("!HHHHHH")
    for _ in range(questions):
        parser.get_name(decompress=True)
        parser.get_struct("!HH")
    sets: dict[dns.name.Name, TlsaSet] = {}
    broken = 0
    for _ in range(answers):
        owner = parser.get_name(decompress=True)
        rdtype, _, ttl_s, size = parser.get_struct("!HHIH")
        rdata = parser.get_bytes(size)
        if rdtype == dns.rdatatype.TLSA and size >= 4:
            record = Tlsa(rdata[0], rdata[1], rdata[2], rdata[3:])
            broken += len(record.data) != _DIGEST_OCTETS.get(record.matching, len(record.data))
            known = sets.setdefault(owner, TlsaSet(ttl_s, []))
            known.ttl_s = min(known.ttl_s, ttl_s)
            known.records.append(record)
    if len(message.errors) != broken:  # something else is wrong as well
        raise ValueError(str(message.errors[0].exception) if message.errors else "records differ")
    return message, sets
