"""`dns.wire`: names and queries as octets, responses as values, any octets at all."""

import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.dns import wire
from postier.mailauth.questions import Mx, Status
from tests.dns_responder import reply

labels = st.text("abcXYZ019_-", min_size=1, max_size=63)


@given(st.lists(labels, max_size=4).map(".".join))
def test_a_name_in_wire_form_is_what_dnspython_writes(name):
    expected = dns.name.from_text(name or ".").to_wire()
    assert wire.wire_name(name) == expected


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_none(text):
    found = wire.wire_name(text)
    assert found is None or len(found) <= 255


@pytest.mark.parametrize(
    ("name", "fits"),
    [("a" * 63, True), ("a" * 64, False), ("a." * 126 + "a", True), ("a." * 126 + "aa", False)],
)
def test_limits_of_a_name(name, fits):
    assert (wire.wire_name(name) is not None) is fits


def test_a_u_label_is_written_as_its_a_label():
    assert wire.wire_name("bücher.test") == b"\x0dxn--bcher-kva\x04test\0"


@pytest.mark.parametrize("edns", [True, False])
def test_a_query_is_what_dnspython_reads(edns):
    query = wire.make_query(wire.wire_name("alpha.test"), 15, edns=edns, dnssec_ok=True)
    message = dns.message.from_wire(b"\x12\x34" + query.octets)
    assert str(message.question[0]) == "alpha.test. IN MX"
    assert message.flags & dns.flags.RD
    assert message.edns == (0 if edns else -1)
    assert message.payload == (wire.EDNS_PAYLOAD_OCTETS if edns else 0)
    assert bool(message.ednsflags & dns.flags.DO) is edns


@given(st.integers(0, 2**256 - 1))
def test_mixed_case_is_the_same_name(bits):
    name = wire.wire_name("mail-1.aZ.example.test")
    mixed = wire.mix_case(name, bits)
    assert mixed.lower() == name.lower()
    assert wire.mix_case(name, 0) == name.upper()


QUERY = wire.make_query(wire.wire_name("a.test"), 15)
ASKED = b"\x12\x34" + QUERY.octets
RESPONSE = reply(ASKED, "a.test. 60 MX 10 mail.a.test.", "a.test. 60 MX 20 backup.a.test.")


def test_a_response_is_read():
    found = wire.read_response(RESPONSE, QUERY.question)
    assert found.status is Status.FOUND
    assert set(found.records) == {Mx(10, "mail.a.test"), Mx(20, "backup.a.test")}
    assert (found.owner, found.ttl_s, found.alias, found.truncated) == ("a.test", 60, None, False)


def test_a_null_mx_is_a_dot():
    found = wire.read_response(reply(ASKED, "a.test. 60 MX 0 ."), QUERY.question)
    assert found.records == (Mx(0, "."),)


def test_records_of_other_names_and_types_are_left_out():
    octets = reply(ASKED, "b.test. 60 MX 10 evil.test.", "a.test. 60 TXT x", "a.test. 60 MX 5 mail.a.test.")
    assert wire.read_response(octets, QUERY.question).records == (Mx(5, "mail.a.test"),)


def test_the_shortest_ttl_of_the_chain_counts():
    octets = reply(ASKED, "a.test. 30 CNAME b.test.", "b.test. 60 MX 10 c.test.")
    assert wire.read_response(octets, QUERY.question).ttl_s == 30


def test_aliases_inside_one_response_are_bounded():
    chain = [f"n{n}.test. 60 CNAME n{n + 1}.test." for n in range(wire.MAX_ALIASES)]
    last = f"n{wire.MAX_ALIASES - 1}.test. 60 MX 10 c.test."
    good = reply(ASKED, "a.test. 60 CNAME n0.test.", *chain[: wire.MAX_ALIASES - 1], last)
    assert wire.read_response(good, QUERY.question).records
    with pytest.raises(wire.MalformedResponseError, match="aliases"):
        wire.read_response(reply(ASKED, "a.test. 60 CNAME a.test."), QUERY.question)
    with pytest.raises(wire.MalformedResponseError, match="aliases"):
        wire.read_response(reply(ASKED, "a.test. 60 CNAME n0.test.", *chain), QUERY.question)


def test_records_are_bounded():
    def read_many(count: int) -> int:
        query = dns.message.make_response(dns.message.from_wire(ASKED))
        records = [f"{n} m." for n in range(count)]
        query.answer.append(dns.rrset.from_text_list("a.test.", 60, "IN", "MX", records))
        return len(wire.read_response(query.to_wire(max_size=65_535), QUERY.question).records)

    assert read_many(wire.MAX_RECORDS) == wire.MAX_RECORDS
    assert read_many(wire.MAX_RECORDS + 1) == wire.MAX_RECORDS


def test_only_a_response_to_the_question_answers():
    assert wire.answers(RESPONSE, QUERY.question, exact_case=True)
    assert not wire.answers(ASKED, QUERY.question, exact_case=False)
    assert not wire.answers(RESPONSE[:11], QUERY.question, exact_case=False)
    other = wire.make_query(wire.wire_name("a.test"), 16)
    assert not wire.answers(RESPONSE, other.question, exact_case=False)
    upper = wire.make_query(wire.wire_name("A.TEST"), 15)
    assert wire.answers(RESPONSE, upper.question, exact_case=False)
    assert not wire.answers(RESPONSE, upper.question, exact_case=True)


@given(st.binary(max_size=300))
def test_any_octets_are_a_response_or_malformed(octets):
    read(octets)
    read(RESPONSE[: len(RESPONSE) // 2] + octets)


@given(st.data())
def test_a_damaged_response_is_a_response_or_malformed(data):
    octets = bytearray(RESPONSE)
    for _ in range(4):
        octets[data.draw(st.integers(2, len(octets) - 1))] = data.draw(st.integers(0, 255))
    read(bytes(octets))


def read(octets: bytes) -> None:
    wire.answers(octets, QUERY.question, exact_case=False)
    try:
        found = wire.read_response(octets, QUERY.question)
    except wire.MalformedResponseError:
        return
    assert all(isinstance(record, Mx) for record in found.records)
