import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mailauth.reports.conftest import TLS_JSON

from postier.mailauth.reports import tls
from postier.mailauth.reports.fault import ReportError
from postier.mailauth.reports.tls import (
    PolicyType,
    TlsFailure,
    TlsPolicyReport,
    TlsReport,
    read_tls,
    write_tls,
)


def with_policies(policies):
    return (
        b'{"date-range":{"start-datetime":"2024-01-01T00:00:00Z","end-datetime":"2024-01-02T00:00:00+00:00"},'
        b'"report-id":7,"policies":[' + policies + b"]}"
    )


def policy(details=b"", domain=b"a.test"):
    return (
        b'{"policy":{"policy-type":"sts","policy-domain":"' + domain + b'"},"summary":'
        b'{"total-successful-session-count":"1","total-failure-session-count":0}'
        + (b',"failure-details":[' + details + b"]" if details else b"")
        + b"}"
    )


def test_a_report():
    report = read_tls(TLS_JSON)
    assert (report.organisation, report.begin_s, report.end_s) == ("Bigmail", 1704067200, 1704153599)
    (seen,) = report.policies
    assert (seen.policy_type, seen.domain, seen.succeeded, seen.failed) == (PolicyType.STS, "beta.test", 5, 2)
    assert seen.mx_hosts == ("mx.beta.test",)
    assert seen.failures == (
        TlsFailure(
            "certificate-expired",
            2,
            "203.0.113.7",
            "mx.beta.test",
            "192.0.2.1",
            "X509_V_ERR_CERT_HAS_EXPIRED",
        ),
    )
    assert read_tls(write_tls(report)) == report


def test_what_deployed_reporters_write_is_taken():
    report = read_tls(
        b"\xef\xbb\xbf"
        b'{"organization-name":null,"date-range":{"start-datetime":"2024-01-01T00:00:00","end-datetime":'
        b'"2024-01-01t23:59:59z"},"report-id":"x","new":[1],"policies":[{"policy":{"policy-type":"new-kind",'
        b'"policy-string":"a","policy-domain":"A.Test","mx-host":"mx"},"summary":{"total-successful-session-count":"5",'
        b'"total-failure-session-count":0},"failure-details":[{"result-type":"NEW","failure-reason-code":7}]}]}'
    )
    (seen,) = report.policies
    assert seen == TlsPolicyReport(
        PolicyType.NONE, "a.test", 5, 0, ("a",), ("mx",), (TlsFailure("new", 0, reason="7"),)
    )


def test_both_counts_are_always_written():
    report = TlsReport("o", "c", "1", 0, 1, (TlsPolicyReport(PolicyType.NONE, "a.test", 0, 0),))
    assert b'"total-failure-session-count":0' in write_tls(report)
    assert read_tls(write_tls(report)) == report


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        with_policies(b"{}"),
        with_policies(policy(domain=b"")),
        with_policies(policy()).replace(b"2024-01-02", b"2023-01-02"),
        with_policies(policy()).replace(b"2024-01-02", b"x"),
        with_policies(policy()).replace(b"2024-01-02T00:00:00+00:00", b"9999-12-31T23:59:59-23:00"),
        with_policies(policy()).replace(b":7,", b":null,"),
        with_policies(policy()).replace(b'"1"', b"-1"),
        with_policies(policy()).replace(b'"1"', b"1e30"),
        b" " * (tls.MAX_JSON_OCTETS + 1),
    ],
)
def test_no_report(data):
    with pytest.raises(ReportError):
        read_tls(data)


def test_lists_are_bounded():
    many = b",".join([policy()] * tls.MAX_POLICIES)
    assert len(read_tls(with_policies(many)).policies) == tls.MAX_POLICIES
    with pytest.raises(ReportError, match="policies"):
        read_tls(with_policies(many + b"," + policy()))
    details = b",".join([b'{"result-type":"x"}'] * tls.MAX_FAILURES)
    assert len(read_tls(with_policies(policy(details))).policies[0].failures) == tls.MAX_FAILURES
    with pytest.raises(ReportError, match="failures"):
        read_tls(with_policies(policy(details + b',{"result-type":"x"}')))


@settings(max_examples=200, deadline=1000)
@given(st.binary(max_size=200), st.integers(0, len(TLS_JSON)), st.integers(0, 40))
def test_any_bytes_give_a_report_or_the_error(data, at, cut):
    for text in (data, TLS_JSON[:at] + data + TLS_JSON[at + cut :]):
        with contextlib.suppress(ReportError):
            read_tls(text)
