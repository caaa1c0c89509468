"""Giving a queued letter up by hand: its sender is told, under an id that no other letter has."""

from postier.accounts.directory import Directory
from postier.mta.administer import GIVEN_UP, fail_letter
from postier.mta.letter_id import letter_id_text
from postier.mta.trace_rows import record_beginning
from tests.mta.post_office import HOSTNAME, post_office
from tests.mta.remote_server import Remote
from tests.servers.smtp_server import letters

NOW_US = 1_790_000_000_000_000


async def test_the_report_gets_an_id_of_its_own(store):
    remote = Remote({"RCPT": "450 4.2.1 later"})
    async with post_office(store, {"127.0.0.2": remote}) as office:
        queue_id = await office.send("b@beta.test", "c@beta.test")
        await office.quiet()
        taken, free = (letter_id_text(NOW_US << 10 | draw) for draw in (5, 6))
        await store.write(record_beginning, taken, "submitted", "somebody else's")
        draws = iter((5, 5, 6))
        directory = Directory(store, hostname=HOSTNAME)
        failed = await fail_letter(
            store, directory, HOSTNAME, queue_id, now_us=NOW_US, random_bits=lambda _: next(draws)
        )
        assert failed == 2
        assert await office.rows() == []
        assert await fail_letter(store, directory, HOSTNAME, queue_id, now_us=NOW_US, random_bits=int) == 0
        directory.close()
    (report,) = await letters(store, "alice@alpha.test")
    assert f"Message-ID: <{free}@{HOSTNAME}>\r\n".encode() in report
    assert GIVEN_UP.encode() in report


async def test_a_letter_whose_content_is_gone_can_be_given_up(sqlite_store):
    async with post_office(sqlite_store) as office:
        queue_id = await office.send("b@beta.test")
        await office.quiet()
        await sqlite_store.write(lambda tx: tx.run("UPDATE queue_message SET blob_id = ?", bytes(32)))
        directory = Directory(sqlite_store, hostname=HOSTNAME)
        failed = await fail_letter(
            sqlite_store, directory, HOSTNAME, queue_id, now_us=NOW_US, random_bits=lambda _: 1
        )
        assert failed == 1
        assert await office.rows() == []
        directory.close()
    (report,) = await letters(sqlite_store, "alice@alpha.test")
    assert GIVEN_UP.encode() in report
