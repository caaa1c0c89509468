"""A report from the letters it is about to its listing: one server receives and reports, the other is reported to."""

import asyncio

import pytest

from postier.dns.authoritative import AuthoritativeServer
from postier.mailauth.reports import report_in
from postier.mta.reports.arrivals import has_letters
from postier.mta.reports.reading import read_letters
from postier.mta.reports.received_rows import ReportKind
from postier.mta.reports.summaries import Choice, dmarc_sources, reports_of, tls_results
from postier.store.packs import PackStore
from postier.store.sqlite import SqliteStore
from tests.mta.post_office import eventually
from tests.mta.remote_server import shared_port
from tests.mta.reports.servers import found_domain, mail_server, zones
from tests.servers.mail_client import MailClient
from tests.servers.smtp_server import letters

LETTER = b"From: Bea <bea@beta.test>\r\nTo: admin@alpha.test\r\nSubject: Hello\r\nMessage-ID: <%d@beta.test>\r\n\r\nHi.\r\n"
ALPHA = '@ IN MX 10 mx\nmx IN A 127.0.0.2\n@ IN TXT "v=spf1 a:mx.alpha.test -all"\n_dmarc IN TXT "v=DMARC1; p=reject"\n'
BETA = (
    '@ IN MX 10 mx\nmx IN A 127.0.0.3\n@ IN TXT "v=spf1 ip4:127.0.0.1 -all"\n'
    '_dmarc IN TXT "v=DMARC1; p=quarantine; rua=mailto:postmaster@beta.test"\n'
    '_smtp._tls IN TXT "v=TLSRPTv1; rua=mailto:postmaster@beta.test"\n'
)


@pytest.fixture
async def other_store(tmp_path):
    folder = tmp_path / "beta"
    folder.mkdir()
    store = SqliteStore(folder, PackStore(folder / "packs"))
    yield store
    await store.close()


async def deliver(server, number):
    client = await MailClient.dial(server.port, host="127.0.0.2")
    await client.greet()
    assert (await client.mail("bea@beta.test", "admin@alpha.test", letter=LETTER % number)).startswith("250 ")
    await client.close()


async def test_a_report_is_sent_received_and_listed(store, other_store, tmp_path):
    port = shared_port()
    keys = await found_domain(store, "alpha.test")
    await found_domain(other_store, "beta.test")
    stopping = asyncio.Event()
    async with (
        AuthoritativeServer(zones(alpha_test=ALPHA + keys, beta_test=BETA)) as dns,
        mail_server("alpha.test", "127.0.0.2", store, tmp_path / "a", dns, port) as alpha,
        mail_server("beta.test", "127.0.0.3", other_store, tmp_path / "b", dns, port) as beta,
    ):
        await deliver(alpha, 1)
        await deliver(alpha, 2)
        await alpha.sightings.fold()
        assert await alpha.sender.send_due(stopping) == 0  # the day is not over
        assert await alpha.tomorrow.send_due(stopping) == 1
        assert await alpha.tomorrow.send_due(stopping) == 0
        await eventually(lambda: other_store.read(has_letters))
        assert await read_letters(other_store, stopping) == 1
        await alpha.sightings.fold()  # how TLS fared on the way of that report
        assert await alpha.tomorrow.send_due(stopping) == 1
        await eventually(lambda: other_store.read(has_letters))
        assert await read_letters(other_store, stopping) == 1
        await alpha.sightings.fold()
        assert await store.read(lambda tx: tx.value("SELECT count(*) FROM tls_sighting")) == 0

    (result,) = await other_store.read(tls_results, Choice("beta.test"))
    assert (result["policy"], result["result"], result["sessions"]) == (
        "no-policy-found",
        "starttls-not-supported",
        1,
    )
    (source,) = await other_store.read(dmarc_sources, Choice("beta.test"))
    assert (source["source_ip"], source["letters"], source["passed"], source["spf_passed"]) == (
        "127.0.0.1",
        2,
        2,
        2,
    )
    (report,) = await other_store.read(reports_of, ReportKind.DMARC, Choice())
    assert (report["submitter"], report["organisation"]) == ("alpha.test", "mx.alpha.test")
    content, tls_content = await letters(other_store, "admin@beta.test")
    header = content.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ")
    day = report["begin_us"] // 1_000_000
    assert (
        b"Subject: Report Domain: beta.test Submitter: alpha.test Report-ID: <dmarc-%d-beta.test@alpha.test>"
        % day
        in header
    )
    assert b"dmarc=pass" in header
    assert b'filename="alpha.test!beta.test!%d!%d.xml.gz"' % (day, day + 86_399) in content.replace(
        b"\r\n ", b" "
    )
    assert report_in(content).report_id == f"dmarc-{day}-beta.test@alpha.test"
    assert beta.domain == "beta.test"
    assert b"TLS-Report-Domain: beta.test\r\nTLS-Report-Submitter: alpha.test\r\n" in tls_content
    assert b"TLS-Report-Submitter; bh=" in tls_content.replace(b"\r\n ", b"").replace(b"\r\n\t", b"").replace(
        b" ", b""
    ).replace(b";bh=", b"; bh=")
