"""The numbers of several workers, gathered over their sockets."""

import asyncio

from postier.accounts.domains import add_domain
from postier.app.counting import Counting, read_along
from postier.app.metrics import Metrics
from postier.app.metrics_share import MetricsShare
from postier.dns.resolver import Resolver
from postier.mailauth.questions import TxtQuestion


async def test_what_all_workers_have_counted(sqlite_store, tmp_path):
    workers = [Metrics() for _ in range(3)]
    shares = [
        MetricsShare(counted, sqlite_store, tmp_path / "run", number)
        for number, counted in enumerate(workers)
    ]
    for number, counted in enumerate(workers):
        Counting(counted).opened("smtp")
        Counting(counted).letter("smtp", "accepted", 1000 * number, 0.01)
    Counting(workers[1]).unsigned("alpha.test")
    async with asyncio.TaskGroup() as tasks:
        for share in shares:
            await share.start(tasks)
        page = (await shares[2].page()).decode()
        assert page == (await shares[0].page()).decode()
        assert 'postier_connections_total{protocol="smtp"} 3.0' in page
        assert 'postier_messages_received_total{protocol="smtp",result="accepted"} 3.0' in page
        assert "postier_message_bytes_sum 3000.0" in page
        assert 'postier_unsigned_messages_total{domain="alpha.test"} 1.0' in page
        assert 'postier_queue_recipients{state="waiting"} 0.0' in page
        assert "postier_queue_oldest_seconds 0.0" in page

        shares[1].stop_accepting()  # a worker that ends is left out, as is what is no worker
        await shares[1].finish(0)
        (tmp_path / "run" / "9.metrics").touch()
        page = (await shares[0].page()).decode()
        assert 'postier_connections_total{protocol="smtp"} 2.0' in page
        successor = MetricsShare(Metrics(), sqlite_store, tmp_path / "run", 0)
        await successor.start(tasks)  # takes the name of one that was killed
        assert 'postier_connections_total{protocol="smtp"} 1.0' in (await shares[2].page()).decode()
        for share in (shares[0], shares[2], successor):
            share.stop_accepting()
            await share.finish(0)


async def test_what_is_counted_elsewhere_is_read(sqlite_store):
    counted = Metrics()
    resolver = Resolver([("127.0.0.1", 1)], timeout_s=0.2, try_timeout_s=0.1, attempts=1)
    read_along(counted, sqlite_store, resolver)
    counted.snapshot()
    await sqlite_store.write(add_domain, "x.test")
    await resolver.query(TxtQuestion("x.test"))
    before = sqlite_store.commits
    assert before >= 1
    for _ in range(2):  # a total, however often it is read
        samples = counted.snapshot()
    from postier.app.metrics import exposition

    page = exposition([samples]).decode()
    assert f"postier_store_commits_total {float(before)}" in page
    assert "postier_dns_questions_total{" in page
