"""Reports from the letter to the sums, on both engines."""

import asyncio
import gzip

import msgspec
import pytest

from postier.accounts.accounts import add_account
from postier.accounts.domains import add_domain
from postier.accounts.resolution import LocalRecipient
from postier.defence.verdict import CLEAN, Disposition, Treatment, Verdict
from postier.mailauth import dkim, dmarc, spf
from postier.mailauth.outcome import Outcome
from postier.mailauth.reports import report_of
from postier.mailbox.folders import default_mailboxes
from postier.mime.address import Address
from postier.mta.acceptance import Acceptance, accept
from postier.mta.authenticate import Authentication
from postier.mta.letter_id import letter_id_text
from postier.mta.reports import received_rows
from postier.mta.reports.arrivals import MAX_ATTEMPTS, Submitter, has_letters, submitter_of, take_letter
from postier.mta.reports.reading import read_letters
from postier.mta.reports.received_rows import Kept, ReportKind, Source, forget_reports, store_report
from postier.mta.reports.summaries import Choice, dmarc_sources, failures_of, reports_of, tls_results
from postier.mta.trace_rows import events_of
from postier.smtp.parameters import NO_MAIL_PARAMETERS
from tests.mailauth.reports.conftest import FAILURE_LETTER, OLD_XML, TLS_JSON, letter
from tests.servers.smtp_server import secret

DAY_US = received_rows.DAY_US
JANUARY_US = 1704067200 * 1_000_000
BIGMAIL = Submitter("bigmail.example", is_signed=True)
FROM_BIGMAIL = Source("bigmail.example", JANUARY_US + DAY_US, is_verified=True)


def domains(tx):
    add_domain(tx, "beta.test")
    add_account(tx, Address("carole", "beta.test"), secret(), default_mailboxes)


async def receive(store, content, number=1, submitter=BIGMAIL):
    await accept(
        store,
        Acceptance(
            letter_id=number,
            peer="192.0.2.1",
            reverse_path="reports@bigmail.example",
            parameters=NO_MAIL_PARAMETERS,
            content=content,
            local=(LocalRecipient(1, Address("carole", "beta.test"), ""),),
            verdict=CLEAN,
            report_from=submitter,
            received_at=JANUARY_US,
        ),
        "",
    )


async def test_a_letter_is_noted_read_and_summed(store):
    await store.write(domains)
    await receive(store, letter(gzip.compress(OLD_XML)))
    assert await store.read(has_letters)
    assert await read_letters(store, asyncio.Event()) == 1
    assert not await store.read(has_letters)
    forwarded, failed = await store.read(dmarc_sources, Choice())
    assert forwarded == {
        "source_ip": "203.0.113.7",
        "letters": 12,
        "passed": 12,
        "dkim_passed": 12,
        "spf_passed": 0,
        "quarantined": 0,
        "rejected": 0,
        "overridden": 12,
        "reports": 1,
        "first_us": JANUARY_US,
        "last_us": JANUARY_US,
        "header_from": "beta.test",
        "spf_domain": "",
        "dkim_domains": ["beta.test"],
    }
    assert (failed["source_ip"], failed["letters"], failed["passed"]) == ("2001:db8::1", 3, 0)
    (report,) = await store.read(reports_of, ReportKind.DMARC, Choice())
    assert report["count"] == 15
    assert report["submitter"] == "bigmail.example"
    assert report["is_verified"] is True
    assert [each.event for each in await store.read(events_of, letter_id_text(1))] == ["report"]


async def test_a_letter_that_holds_no_report_is_left_alone(store):
    await store.write(domains)
    await receive(store, b"From: a@bigmail.example\r\n\r\nDear postmaster,\r\n")
    assert await read_letters(store, asyncio.Event()) == 1
    assert not await store.read(has_letters)
    assert await store.read(lambda tx: tx.value("SELECT count(*) FROM entry")) == 1


async def test_a_letter_that_ended_the_process_is_given_up(store):
    await store.write(domains)
    await receive(store, letter(OLD_XML, "text/xml"))
    for _ in range(MAX_ATTEMPTS):
        assert await store.write(take_letter) is not None
    assert await store.write(take_letter) is None
    assert not await store.read(has_letters)


async def test_a_letter_whose_content_is_gone_is_forgotten(store):
    await store.write(domains)
    await receive(store, letter(OLD_XML, "text/xml"))
    await store.write(lambda tx: tx.run("DELETE FROM blob"))
    assert await read_letters(store, asyncio.Event()) == 0
    assert not await store.read(has_letters)


async def test_tls_reports_need_a_signature(store):
    await store.write(domains)
    await receive(store, letter(TLS_JSON), 1, Submitter("bigmail.example", is_signed=False))
    await read_letters(store, asyncio.Event())
    assert await store.read(tls_results, Choice()) == []
    await receive(store, letter(TLS_JSON), 2)
    await read_letters(store, asyncio.Event())
    well, expired = await store.read(tls_results, Choice())
    assert (well["result"], well["sessions"], well["mx_host"]) == ("", 5, "mx.beta.test")
    assert (expired["result"], expired["sessions"]) == ("certificate-expired", 2)
    assert expired["reason"] == "X509_V_ERR_CERT_HAS_EXPIRED"


async def test_tls_failures_without_details_are_counted(store):
    await store.write(domains)
    data = TLS_JSON.replace(b'"total-failure-session-count":2', b'"total-failure-session-count":7')
    assert await store.write(store_report, report_of(data), FROM_BIGMAIL) is Kept.STORED
    results = {row["result"]: row["sessions"] for row in await store.read(tls_results, Choice())}
    assert results == {"": 5, "certificate-expired": 2, "unexplained": 5}
    (report,) = await store.read(reports_of, ReportKind.TLS, Choice())
    assert report["organisation"] == "Bigmail"


async def test_failure_reports_are_listed(store):
    await store.write(domains)
    await receive(store, FAILURE_LETTER)
    await read_letters(store, asyncio.Event())
    (failure,) = await store.read(failures_of, Choice("beta.test"))
    assert failure["source_ip"] == "192.0.2.2"
    assert failure["unaligned"] == ("dkim", "spf")


async def test_a_report_is_kept_once_for_each_submitter(store):
    await store.write(domains)
    report = report_of(OLD_XML)
    other = Source("other.example", JANUARY_US, is_verified=True)
    assert await store.write(store_report, report, FROM_BIGMAIL) is Kept.STORED
    assert await store.write(store_report, report, FROM_BIGMAIL) is Kept.DUPLICATE
    assert await store.write(store_report, report, other) is Kept.STORED
    assert len(await store.read(reports_of, ReportKind.DMARC, Choice())) == 2


async def test_reports_on_strangers_are_not_kept(store):
    await store.write(domains)
    for domain, kept in (
        (b"gamma.test", Kept.NOT_OURS),
        (b"news.beta.test", Kept.STORED),
        (b"test", Kept.NOT_OURS),
    ):
        report = report_of(OLD_XML.replace(b"Beta.Test", domain))
        assert await store.write(store_report, report, FROM_BIGMAIL) is kept
        tls_report = report_of(
            TLS_JSON.replace(b'"policy-domain":"beta.test"', b'"policy-domain":"' + domain + b'"')
        )
        assert await store.write(store_report, tls_report, FROM_BIGMAIL) is kept
    assert (
        await store.write(store_report, report_of(TLS_JSON), Source("x", 0, is_verified=False)) is Kept.STORED
    )


async def test_tls_with_our_host_is_about_us(store):
    """RFC 8460 §1.1: of a DANE policy the TLSA base domain is named, which may be in nobody's domain here."""
    await store.write(domains)
    ours = msgspec.structs.replace(FROM_BIGMAIL, hostname="mx.hosting.test")
    for host, kept in ((b"mx.hosting.test", Kept.STORED), (b"hosting.test", Kept.NOT_OURS)):
        report = report_of(
            TLS_JSON.replace(b'"policy-domain":"beta.test"', b'"policy-domain":"' + host + b'"')
        )
        assert await store.write(store_report, report, ours) is kept
    xml = report_of(OLD_XML.replace(b"Beta.Test", b"mx.hosting.test"))
    assert await store.write(store_report, xml, ours) is Kept.NOT_OURS


async def test_a_submitter_cant_flood(store, monkeypatch):
    monkeypatch.setattr(received_rows, "MAX_REPORTS_A_DAY", 2)
    await store.write(domains)

    async def store_one(number, submitter="bigmail.example"):
        report = report_of(OLD_XML.replace(b"10439018233219180733", str(number).encode()))
        now_us = await store.write(lambda tx: tx.now_us)
        return await store.write(store_report, report, Source(submitter, now_us, is_verified=True))

    assert [await store_one(number) for number in range(3)] == [Kept.STORED, Kept.STORED, Kept.TOO_MANY]
    assert await store_one(3, "other.example") is Kept.STORED


async def test_domains_and_days_choose(store):
    await store.write(domains)
    await store.write(add_domain, "gamma.test")
    await store.write(store_report, report_of(OLD_XML), FROM_BIGMAIL)
    below = OLD_XML.replace(b"Beta.Test", b"news.beta.test").replace(b"203.0.113.7", b"203.0.113.8")
    await store.write(store_report, report_of(below), FROM_BIGMAIL)
    other = OLD_XML.replace(b"Beta.Test", b"gamma.test").replace(b"1704067200", b"1704153599")
    await store.write(store_report, report_of(other), FROM_BIGMAIL)

    async def letters(choice):
        return {row["source_ip"]: row["letters"] for row in await store.read(dmarc_sources, choice)}

    assert await letters(Choice()) == {"203.0.113.7": 24, "203.0.113.8": 12, "2001:db8::1": 9}
    assert await letters(Choice("beta.test")) == {"203.0.113.7": 12, "203.0.113.8": 12, "2001:db8::1": 6}
    assert await letters(Choice("gamma.test")) == {"203.0.113.7": 12, "2001:db8::1": 3}
    assert await letters(Choice("b_ta.test")) == {}
    assert sum((await letters(Choice(since_us=JANUARY_US + 1))).values()) == 15
    assert sum((await letters(Choice(until_us=JANUARY_US))).values()) == 0
    shared = [row for row in await store.read(dmarc_sources, Choice()) if row["source_ip"] == "2001:db8::1"]
    assert shared[0]["reports"] == 3


async def test_old_reports_go(store):
    await store.write(domains)
    await store.write(store_report, report_of(OLD_XML), FROM_BIGMAIL)
    await store.write(store_report, report_of(TLS_JSON), FROM_BIGMAIL)
    assert not await store.write(forget_reports, FROM_BIGMAIL.received_at)
    assert len(await store.read(reports_of, ReportKind.DMARC, Choice())) == 1
    assert not await store.write(forget_reports, FROM_BIGMAIL.received_at + 1)
    for table in ("report", "dmarc_seen", "tls_seen"):
        assert await store.read(lambda tx, table=table: tx.value(f"SELECT count(*) FROM {table}")) == 0


POSTMASTER = (Address("PostMaster+reports", "beta.test"),)


def found(*, dmarc_result=Outcome.NONE, author="reports.big.example", signed=(), spf_result=Outcome.NONE):
    return Authentication(
        spf.SpfResult(spf_result, "bounce.big.example", "mailfrom"),
        tuple(dkim.DkimResult(Outcome.PASS, each) for each in signed),
        dmarc.DmarcResult(dmarc_result, author),
        None,
        b"",
        b"",
    )


@pytest.mark.parametrize(
    ("facts", "submitter"),
    [
        ({"dmarc_result": Outcome.PASS}, Submitter("reports.big.example", False)),
        ({"dmarc_result": Outcome.PASS, "signed": ("x.test",)}, Submitter("reports.big.example", True)),
        ({"signed": ("x.test", "big.example")}, Submitter("big.example", True)),
        ({"signed": ("x.test",)}, Submitter("x.test", True)),
        ({"spf_result": Outcome.PASS}, Submitter("bounce.big.example", False)),
        ({"spf_result": Outcome.SOFTFAIL}, None),
        ({}, None),
    ],
)
def test_who_submits(facts, submitter):
    assert submitter_of(POSTMASTER, found(**facts), CLEAN) == submitter


def test_a_key_for_tls_reports_alone_submits():  # RFC 8460 §3
    signature = dkim.DkimResult(
        Outcome.PERMERROR, "big.example", problem=dkim.Problem.OTHER_SERVICE, services=("tlsrpt",)
    )
    facts = msgspec.structs.replace(found(), dkim=(signature,))
    assert submitter_of(POSTMASTER, facts, CLEAN) == Submitter("big.example", is_signed=True)


def test_only_good_letters_for_a_postmaster_are_noted():
    proved = found(dmarc_result=Outcome.PASS)
    assert submitter_of((Address("alice", "beta.test"),), proved, CLEAN) is None
    junk = Verdict(Disposition.SPOOF, Treatment.JUNK, 8.0, ("x",))
    assert submitter_of(POSTMASTER, proved, junk) is None
