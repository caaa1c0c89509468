"""`postier report` on a store that no server has open."""

import gzip
import json

import pytest

from tests.mailauth.reports.conftest import FAILURE_LETTER, OLD_XML, TLS_JSON, letter


@pytest.fixture
def config(tmp_path, postier):
    path = tmp_path / "postier.toml"
    path.write_text('hostname = "mx.beta.test"\n[dns]\nresolvers = ["127.0.0.1:9"]\n')
    assert postier("domain", "add", "beta.test", "--config", path)[0] == 0
    return path


@pytest.fixture
def imported(tmp_path, postier, config):
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "a.xml.gz").write_bytes(gzip.compress(OLD_XML))
    (folder / "b.json").write_bytes(TLS_JSON)
    (folder / "c.eml").write_bytes(FAILURE_LETTER)
    code, out, _ = postier("report", "import", folder, "--config", config)
    assert (code, out) == (0, "3 of 3 reports stored\n")
    return config


def test_sources_are_listed(postier, imported):
    code, out, _ = postier("report", "dmarc", "--no-names", "--json", "--config", imported)
    assert code == 0
    first, second = json.loads(out)
    assert (first["source_ip"], first["letters"], first["pass_percent"]) == ("203.0.113.7", 12, 100)
    assert (second["letters"], second["pass_percent"], second["first_day"]) == (3, 0, "2024-01-01")
    code, out, _ = postier("report", "dmarc", "--no-names", "--config", imported)
    assert "203.0.113.7" in out


def test_dates_and_domains_narrow_the_listing(postier, imported):
    def count(*options):
        return len(
            json.loads(postier("report", "dmarc", "--no-names", "--json", "--config", imported, *options)[1])
        )

    assert count("--domain", "beta.test", "--since", "2024-01-01", "--until", "2024-01-02") == 2
    assert count("--since", "2024-01-02") == 0
    assert count("--until", "2024-01-01") == 0
    assert count("--domain", "gamma.test") == 0
    assert postier("report", "dmarc", "--since", "yesterday", "--config", imported)[0] == 2


def test_each_report_is_listed(postier, imported):
    code, out, _ = postier("report", "dmarc", "--each", "--json", "--config", imported)
    (report,) = json.loads(out)
    assert (code, report["organisation"], report["count"]) == (0, "bigmail.example", 15)
    assert (report["begin"], report["is_verified"]) == ("2024-01-01T00:00:00Z", False)
    (report,) = json.loads(postier("report", "tls", "--each", "--json", "--config", imported)[1])
    assert (report["organisation"], report["count"]) == ("Bigmail", 7)


def test_tls_results_are_listed(postier, imported):
    rows = json.loads(postier("report", "tls", "--json", "--config", imported)[1])
    assert [(row["result"], row["sessions"]) for row in rows] == [("success", 5), ("certificate-expired", 2)]


def test_failures_are_listed(postier, imported):
    (row,) = json.loads(postier("report", "failures", "--json", "--config", imported)[1])
    assert (row["domain"], row["failure"], row["delivery_result"]) == ("beta.test", "dmarc", "reject")


def test_files_without_reports_are_told(postier, config, tmp_path):
    (tmp_path / "good.eml").write_bytes(letter(gzip.compress(OLD_XML)))
    (tmp_path / "bad.xml").write_bytes(b"<?xml version='1.0'?><!DOCTYPE x []><feedback/>")
    (tmp_path / "other.json").write_bytes(TLS_JSON.replace(b"beta.test", b"other.test"))
    files = [tmp_path / name for name in ("good.eml", "good.eml", "bad.xml", "other.json")]
    code, out, _ = postier("report", "import", "--json", "--config", config, *files)
    assert code == 1
    assert [row["outcome"] for row in json.loads(out)] == [
        "stored",
        "known already",
        "the document has a document type declaration",
        "about no domain of ours",
    ]
    code, out, _ = postier("report", "import", "--config", config, files[0])
    assert code == 0
    assert "known already" in out
    assert postier("report", "import", "--config", config, tmp_path / "none")[0] == 2


def test_names_that_dns_does_not_tell_are_left_out(postier, imported):
    code, out, _ = postier("report", "dmarc", "--json", "--config", imported)
    assert code == 0
    assert json.loads(out)[0]["name"] == ""


def test_known_services_are_named():
    from postier.cli.report import _name_source

    row = {"spf_domain": "", "dkim_domains": ["beta.test", "amazonses.com"]}
    _name_source(row, "a.b.example")
    assert row["name"] == "Amazon SES (a.b.example)"
    row = {"spf_domain": "bounce.sendgrid.net", "dkim_domains": []}
    _name_source(row, "")
    assert row["name"] == "SendGrid"
