"""A claim's files, fetched once for all workers and judged; a server that fails takes nothing back."""

import asyncio
import time

import msgspec
import pytest

from postier.mailauth.bimi import Assertion, Authority, claim_of_domain
from postier.mailauth.questions import Answer, Status, run
from postier.mta.logos.fetching import fetch_logo
from postier.mta.logos.rows import FAILED_KEPT_US, KEPT_US, find_logo
from postier.mta.logos.shelf import Wish
from tests.mailauth.bimi.marks import LOGO, NOW_S, OTHER_LOGO, authority
from tests.mailauth.bimi.test_assertion import RECORD, WITH_EVIDENCE, World

MARK = bytes(16)
GONE = Answer(("logo.alpha.test: gone",), Status.SERVFAIL)


def now_us():
    return time.time_ns() // 1000


class Files:
    """What an HTTPS server gives."""

    def __init__(self, **files):
        self.files = {"svg": LOGO, **files}
        self.asked = []

    async def query(self, question):
        self.asked.append(question.url.text)
        file = self.files[question.url.text.rpartition(".")[2]]
        return file if isinstance(file, Answer) else Answer((file,))


def wish(record=RECORD):
    return Wish(run(claim_of_domain("alpha.test"), World({"default._bimi.alpha.test": record})), MARK)


async def fetch(store, files, *, record=RECORD, roots=()):
    return await fetch_logo(store, wish(record), files, roots, now_us)


async def test_a_logo_is_kept(store):
    judged = await fetch(store, Files())
    assert (judged.result, judged.document, judged.title) == (Assertion.PASS, LOGO, "Alpha")
    assert now_us() < judged.renew_at < judged.expires_at <= now_us() + KEPT_US
    assert await store.read(find_logo, "alpha.test", MARK) == judged
    again = Files()
    assert await fetch(store, again) is None
    assert again.asked == []


async def test_two_workers_fetch_once(store):
    files = Files()
    async with asyncio.TaskGroup() as tasks:
        found = [tasks.create_task(fetch(store, files)) for _ in range(3)]
    assert [task.result() is not None for task in found].count(True) == 1
    assert len(files.asked) == 1


@pytest.mark.parametrize("svg", [GONE, b"<svg/>", b"\x1f\x8bjunk"])
async def test_what_fails_is_remembered_for_a_shorter_time(sqlite_store, svg):
    judged = await fetch(sqlite_store, Files(svg=svg))
    assert (judged.result, judged.document) == (Assertion.FAIL, b"")
    assert judged.problem
    assert judged.expires_at <= now_us() + FAILED_KEPT_US


async def renewed(store, files):
    """What is kept after a second fetch, which is due."""
    known = await store.read(find_logo, "alpha.test", MARK)
    due = msgspec.structs.replace(known, renew_at=1)
    await store.write(lambda tx: tx.run("UPDATE judged_logo SET verdict = ?", msgspec.msgpack.encode(due)))
    return await fetch(store, files)


async def test_a_server_that_is_away_takes_nothing_back(store):
    first = await fetch(store, Files())
    second = await renewed(store, Files(svg=GONE))
    assert (second.result, second.document, second.expires_at) == (Assertion.PASS, LOGO, first.expires_at)
    assert now_us() < second.renew_at <= now_us() + FAILED_KEPT_US


async def test_another_logo_takes_the_place_of_the_first_at_once(sqlite_store):
    await fetch(sqlite_store, Files())
    assert (await renewed(sqlite_store, Files(svg=OTHER_LOGO))).document == OTHER_LOGO
    assert (await renewed(sqlite_store, Files(svg=b"<svg/>"))).result is Assertion.FAIL


THEN_US = NOW_S * 1_000_000  # when the certificates were made


@pytest.mark.parametrize(("days", "expires_us"), [(365, THEN_US + KEPT_US), (0.5, THEN_US + KEPT_US // 2)])
async def test_evidence_counts_as_long_as_its_certificate(sqlite_store, days, expires_us):
    marks = authority()
    files = Files(pem=marks.mark("alpha.test", days=days))
    judged = await fetch_logo(sqlite_store, wish(WITH_EVIDENCE), files, (marks.root,), lambda: THEN_US)
    assert (judged.result, judged.authority, judged.expires_at) == (
        Assertion.PASS,
        Authority.PASS,
        expires_us,
    )
    assert files.asked == ["https://logo.alpha.test/a.svg", "https://logo.alpha.test/v.pem"]


async def test_evidence_of_nobody_we_trust(sqlite_store):
    files = Files(pem=authority("Others").mark("alpha.test"))
    judged = await fetch_logo(sqlite_store, wish(WITH_EVIDENCE), files, (authority().root,), lambda: THEN_US)
    assert (judged.result, judged.authority, judged.document) == (Assertion.FAIL, Authority.FAIL, b"")
