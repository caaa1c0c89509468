"""Reading and writing aggregate reports; what is written is held against the schema of RFC 9990 appendix A."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from tests.mailauth.reports.conftest import OLD_XML, full_report

from postier.mailauth.dmarc.record import Policy
from postier.mailauth.outcome import Outcome
from postier.mailauth.reports import aggregate_reading
from postier.mailauth.reports.aggregate import (
    AggregateReport,
    Handling,
    Override,
    OverrideKind,
    Published,
    Seen,
    SignatureSeen,
    SpfSeen,
)
from postier.mailauth.reports.aggregate_reading import read_aggregate
from postier.mailauth.reports.aggregate_writing import write_aggregate
from postier.mailauth.reports.elements import MAX_DEPTH, MAX_ELEMENT_TEXT, MAX_ELEMENTS
from postier.mailauth.reports.fault import ReportError

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).with_name("dmarc-2.0.xsd")))

SAMPLE = b"""<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0" xmlns:ext="urn:x">
<version>1.0</version><report_metadata><org_name>Sample Reporter</org_name><email>r@example.com</email>
<report_id>3v98</report_id><date_range><begin>302832000</begin><end>302918399</end></date_range></report_metadata>
<policy_published><domain>example.com</domain><p>quarantine</p><testing>n</testing>
<discovery_method>treewalk</discovery_method></policy_published>
<extension><ext:arc-override>never</ext:arc-override></extension>
<record><row><source_ip>192.0.2.123</source_ip><count>123</count><policy_evaluated><disposition>pass</disposition>
<dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><envelope_from>example.com</envelope_from>
<header_from>example.com</header_from></identifiers><auth_results><dkim><domain>example.com</domain>
<result>pass</result><selector>abc123</selector></dkim></auth_results>
<ext:row><source_ip>9.9.9.9</source_ip></ext:row></record></feedback>"""


def document(*, metadata="", policy="<domain>a.test</domain><p>none</p>", rest="", doctype=""):
    metadata = metadata or (
        "<org_name>o</org_name><email>e</email><report_id>1</report_id>"
        "<date_range><begin>1</begin><end>2</end></date_range>"
    )
    return (
        f"{doctype}<feedback><report_metadata>{metadata}</report_metadata>"
        f"<policy_published>{policy}</policy_published>{rest}</feedback>"
    ).encode()


def record(*, source="192.0.2.1", count="1", author="a.test", more=""):
    return (
        f"<record><row><source_ip>{source}</source_ip><count>{count}</count></row>"
        f"<identifiers><header_from>{author}</header_from></identifiers>{more}</record>"
    )


def test_a_report_of_today():
    report = read_aggregate(SAMPLE)
    assert (report.organisation, report.report_id, report.begin_s) == ("Sample Reporter", "3v98", 302832000)
    assert report.published == Published(
        "example.com", Policy.QUARANTINE, is_testing=False, discovery="treewalk"
    )
    (seen,) = report.records
    assert (seen.source_ip, seen.count, seen.handling) == ("192.0.2.123", 123, Handling.PASS)
    assert (seen.is_dkim_aligned, seen.is_spf_aligned) == (True, False)
    assert seen.dkim == (SignatureSeen("example.com", "abc123", Outcome.PASS),)


def test_a_report_of_rfc_7489s_time():
    report = read_aggregate(OLD_XML)
    assert report.published.domain == "beta.test"
    assert report.published.subdomains is None
    forwarded, failed = report.records
    assert forwarded.overrides == (Override(OverrideKind.TRUSTED_FORWARDER),)
    assert forwarded.spf == SpfSeen("forwarder.example", Outcome.FAIL)
    assert forwarded.envelope_from is None
    assert failed.source_ip == "2001:db8::1"
    assert failed.envelope_from == ""


def test_what_we_write_is_valid_and_reads_back():
    report = full_report()
    written = write_aggregate(report)
    SCHEMA.assertValid(etree.fromstring(written))
    assert read_aggregate(written) == report


_words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20)
_domains = st.from_regex(r"[a-z]{1,9}(\.[a-z0-9]{1,9}){1,3}", fullmatch=True)
_seen = st.builds(
    Seen,
    st.ip_addresses().filter(lambda a: a.version == 4 or a.ipv4_mapped is None).map(str),
    st.integers(1, 10**9),
    st.sampled_from(Handling),
    st.booleans(),
    st.booleans(),
    _domains,
    st.none() | st.just("") | _domains,
    st.just("") | _domains,
    st.lists(st.builds(Override, st.sampled_from(OverrideKind), st.just("") | _words), max_size=3).map(tuple),
    st.lists(
        st.builds(
            SignatureSeen, _domains, _words, st.sampled_from(sorted(set(Outcome) - {Outcome.SOFTFAIL}))
        ),
        max_size=3,
    ).map(tuple),
    st.none() | st.builds(SpfSeen, _domains, st.sampled_from(Outcome)),
)
_reports = st.builds(
    AggregateReport,
    _words,
    _words,
    _words,
    st.just(1),
    st.integers(1, 86_400),
    st.builds(
        Published,
        _domains,
        st.sampled_from(Policy),
        st.none() | st.sampled_from(Policy),
        st.none() | st.sampled_from(Policy),
        st.none() | st.booleans(),
        st.none() | st.booleans(),
        st.sampled_from(["", "0", "1:d:s"]),
        st.none() | st.booleans(),
        st.sampled_from(["", "psl", "treewalk"]),
    ),
    st.lists(_seen, min_size=1, max_size=4).map(tuple),
    st.just("") | _words,
    st.just("") | _words,
    st.just("") | _words,
)


@settings(max_examples=50, deadline=None)
@given(_reports)
def test_any_report_is_valid_and_reads_back(report):
    written = write_aggregate(report)
    SCHEMA.assertValid(etree.fromstring(written))
    assert read_aggregate(written) == report


def test_characters_that_xml_forbids_are_replaced():
    report = AggregateReport("a\x00\x0b\ufffe", "e", "1", 1, 2, Published("a.test"), full_report().records)
    etree.fromstring(write_aggregate(report))


def test_records_that_make_no_sense_are_left_out_and_counted():
    rest = "".join(
        [
            record(),
            record(source="localhost"),
            record(source="fe80::1%eth0"),
            record(count="-1"),
            record(count="0"),
            record(count="1" * 13),
            record(author=""),
            "<record/>",
        ]
    )
    report = read_aggregate(document(rest=rest))
    assert (len(report.records), report.left_out) == (1, 7)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<feedback>",
        b"<feedback/>",
        b"<other/>",
        b"not xml",
        b"\xff\xfe<",
        b'<?xml version="1.0" encoding="no-such"?><feedback/>',
        b'<?xml version="1.0" encoding="base64"?><feedback/>',
        document(policy="<p>none</p>"),
        document(metadata="<report_id>1</report_id>"),
        document(metadata="<date_range><begin>1</begin><end>2</end></date_range>"),
        document(metadata="<report_id>1</report_id><date_range><begin>2</begin><end>1</end></date_range>"),
        document(
            metadata="<report_id>1</report_id><date_range><begin>1</begin><end>1704067200000</end></date_range>"
        ),
    ],
)
def test_no_report(data):
    with pytest.raises(ReportError):
        read_aggregate(data)


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE feedback [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE feedback SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE feedback [<!ENTITY x SYSTEM "http://127.0.0.1/">]>',
        "<!DOCTYPE feedback>",
    ],
)
def test_no_document_type_is_read(doctype):
    with pytest.raises(ReportError, match="document type"):
        read_aggregate(document(doctype=doctype, rest=record()))


def test_depth_is_bounded():
    inner = MAX_DEPTH - 2
    read_aggregate(document(rest="<x>" * inner + "</x>" * inner))
    inner = MAX_DEPTH
    with pytest.raises(ReportError, match="nested"):
        read_aggregate(document(rest="<x>" * inner + "</x>" * inner))
    with pytest.raises(ReportError, match="nested"):
        read_aggregate(b"<feedback>" * 100_000)


def test_elements_of_a_record_are_bounded():
    fits = record(more="<x/>" * (MAX_ELEMENTS - 6))
    assert len(read_aggregate(document(rest=fits * 2)).records) == 2
    with pytest.raises(ReportError, match="elements"):
        read_aggregate(document(rest=record(more="<x/>" * (MAX_ELEMENTS - 5))))


def test_records_are_bounded(monkeypatch):
    monkeypatch.setattr(aggregate_reading, "MAX_RECORDS", 3)
    assert len(read_aggregate(document(rest=record() * 3)).records) == 3
    with pytest.raises(ReportError, match="records"):
        read_aggregate(document(rest=record() * 4))


def test_text_is_bounded():
    metadata = (
        f"<org_name>{'o ' * MAX_ELEMENT_TEXT}</org_name><email>e\x1b[1m</email><report_id>1</report_id>"
        "<date_range><begin>1</begin><end>2</end></date_range>"
    ).replace("\x1b", "&#133;")
    report = read_aggregate(document(metadata=metadata))
    assert len(report.organisation) == 255
    assert report.email.isprintable()


@settings(max_examples=200, deadline=1000)
@given(st.binary(max_size=300), st.integers(0, len(SAMPLE)), st.integers(0, 40))
def test_any_bytes_give_a_report_or_the_error(data, at, cut):
    for text in (data, SAMPLE[:at] + data + SAMPLE[at + cut :]):
        with contextlib.suppress(ReportError):
            read_aggregate(text)
