import contextlib
import gzip
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mailauth.reports.conftest import FAILURE_LETTER, OLD_XML, TLS_JSON, letter

from postier.mailauth.reports import (
    AggregateReport,
    FailureReport,
    ReportError,
    TlsReport,
    packed,
    report_in,
    report_of,
)
from postier.mailauth.reports.letter import MAX_CANDIDATES
from postier.mailauth.reports.packed import gzipped, unpacked


def zipped(*files, method=zipfile.ZIP_DEFLATED):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (gzipped(OLD_XML), "application/gzip"),
        (gzipped(OLD_XML), "application/octet-stream"),
        (OLD_XML, "text/xml"),
        (zipped(("a.xml", OLD_XML)), "application/zip"),
        (zipped(("a.xml", OLD_XML), method=zipfile.ZIP_STORED), "application/x-zip-compressed"),
        (zipped(("x/", b""), ("x/a.xml", OLD_XML), ("__MACOSX/a.xml", b"?")), "application/zip"),
    ],
)
def test_an_aggregate_report_however_it_is_packed(data, media_type):
    for report in (report_in(letter(data, media_type)), report_of(data)):
        assert isinstance(report, AggregateReport)
        assert report.published.domain == "beta.test"


def test_a_letter_that_is_the_report_itself():
    report = report_of(
        b"Subject: Report Domain: beta.test\r\nContent-Type: application/gzip\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + letter(gzipped(OLD_XML)).split(b"\r\n\r\n")[3]
    )
    assert isinstance(report, AggregateReport)


def test_a_tls_report():
    for data in (TLS_JSON, gzip.compress(TLS_JSON)):
        assert isinstance(report_in(letter(data, "application/tlsrpt+gzip")), TlsReport)
        assert isinstance(report_of(data), TlsReport)


def test_a_failure_report():
    assert (
        report_in(FAILURE_LETTER)
        == report_of(FAILURE_LETTER)
        == FailureReport(
            domain="beta.test",
            failure="dmarc",
            source_ip="192.0.2.2",
            unaligned=("dkim", "spf"),
            delivery_result="reject",
            dkim_domain="beta.test",
            dkim_selector="epsilon",
            envelope_from="forwarder.example",
            header_from="beta.test",
            message_id="<1@beta.test>",
            reporter="mx.gen.example",
            incidents=4,
        )
    )


def test_a_report_of_abuse_is_not_ours():
    with pytest.raises(ReportError, match="authentication"):
        report_in(FAILURE_LETTER.replace(b"Feedback-Type: auth-failure", b"Feedback-Type: abuse"))


def test_a_failure_report_without_any_domain():
    changed = FAILURE_LETTER.replace(b"Reported-Domain: beta.test\r\n", b"").replace(
        b"Alice <alice@beta.test>", b"?"
    )
    with pytest.raises(ReportError, match="no domain"):
        report_in(changed)


def test_a_letter_without_a_report():
    for content in (b"", b"From: a@b.test\r\n\r\nHello\r\n", b"\xff" * 1000):
        with pytest.raises(ReportError, match="holds no report"):
            report_in(content)


def test_a_bomb_is_not_unpacked():
    bomb = gzipped(b" " * (packed.MAX_REPORT_OCTETS + 1))
    assert len(bomb) < 100_000
    with pytest.raises(ReportError, match="over"):
        unpacked(bomb)
    with pytest.raises(ReportError, match="over"):
        unpacked(zipped(("a", b" " * (packed.MAX_REPORT_OCTETS + 1))))


def test_the_limit_to_the_octet():
    for pack in (gzipped, lambda data: zipped(("a", data)), lambda data: data):
        assert unpacked(pack(b"x" * 100), 100) == b"x" * 100
        with pytest.raises(ReportError, match="over 100"):
            unpacked(pack(b"x" * 101), 100)


def test_packed_data_is_bounded(monkeypatch):
    data = gzipped(b"x" * 100)
    monkeypatch.setattr(packed, "MAX_PACKED_OCTETS", len(data))
    assert unpacked(data) == b"x" * 100
    monkeypatch.setattr(packed, "MAX_PACKED_OCTETS", len(data) - 1)
    with pytest.raises(ReportError, match="packed report"):
        unpacked(data)


def test_packed_twice_is_no_report():
    with pytest.raises(ReportError):
        report_of(gzipped(gzipped(OLD_XML)))


@pytest.mark.parametrize(
    "data",
    [
        gzipped(OLD_XML)[:-9],
        gzipped(OLD_XML)[:50] + b"\xff" * 50,
        zipped(("a", b"1"), ("b", b"2")),
        zipped(),
        zipped(("a", OLD_XML))[:-30],
        zipped(("a", OLD_XML))[:40],
        b"PK\x03\x04",
        zipped(*((str(number), b"") for number in range(packed.MAX_ARCHIVE_FILES + 1))),
    ],
    ids=range(8),  # an archive holds the time it was made, so its octets can't name the case
)
def test_damaged_archives(data):
    with pytest.raises(ReportError):
        report_of(data)


def test_the_archive_with_the_most_files():
    files = [(f"{number}/", b"") for number in range(packed.MAX_ARCHIVE_FILES - 1)]
    assert unpacked(zipped(*files, ("a", b"1"))) == b"1"


def test_few_parts_are_unpacked():
    def with_broken(count):
        parts = b"--x\r\nContent-Type: application/gzip\r\n\r\n\x1f\x8bbroken\r\n" * count
        good = letter(OLD_XML, "text/xml")
        return good.replace(b"--x\r\nContent-Type: text/plain", parts + b"--x\r\nContent-Type: text/plain")

    assert isinstance(report_in(with_broken(MAX_CANDIDATES - 1)), AggregateReport)
    with pytest.raises(ReportError, match="damaged"):
        report_in(with_broken(MAX_CANDIDATES))


def test_compressing_again_gives_the_same_file():
    assert gzipped(OLD_XML) == gzipped(OLD_XML)
    assert gzip.decompress(gzipped(OLD_XML)) == OLD_XML


_ZIP = zipped(("a.xml", OLD_XML))


@settings(max_examples=200, deadline=2000)
@given(st.binary(max_size=100), st.integers(0, len(_ZIP)), st.integers(0, 40))
def test_any_bytes_give_a_report_or_the_error(data, at, cut):
    for text in (
        data,
        _ZIP[:at] + data + _ZIP[at + cut :],
        FAILURE_LETTER[:at] + data + FAILURE_LETTER[at + cut :],
    ):
        for read in (report_of, report_in):
            with contextlib.suppress(ReportError):
                read(text)
