"""What is counted of a letter, and how counts come into the store."""

import pytest

from postier.defence.verdict import CLEAN, Disposition, Treatment, Verdict
from postier.mailauth import dkim, dmarc, spf
from postier.mailauth.dmarc import Policy
from postier.mailauth.outcome import Outcome
from postier.mailauth.reports.aggregate import Handling, Override, OverrideKind, SpfSeen
from postier.mta.authenticate import Authentication
from postier.mta.reports import sighting_rows, sightings
from postier.mta.reports.sighting_rows import dmarc_sightings
from postier.mta.reports.sightings import DAY_US, Sightings, seen_of
from postier.store.transaction import StoreUnavailableError

JUNK = Verdict(Disposition.SPOOF, Treatment.JUNK, 8.0, ("x",))
REFUSED = Verdict(Disposition.SPOOF, Treatment.REFUSE, 15.0, ("x",))


def found(
    text="v=DMARC1; p=reject; rua=mailto:a@b.test",
    result=Outcome.FAIL,
    author="b.test",
    signatures=(),
    applied=None,
):
    record = dmarc.parse_record(text.encode())
    applied = applied or record.policy
    return Authentication(
        spf.SpfResult(Outcome.SOFTFAIL, "bounce.test", "mailfrom"),
        signatures,
        dmarc.DmarcResult(
            result,
            author,
            record.policy,
            applied,
            applied if result is Outcome.FAIL else Policy.NONE,
            domain="b.test",
            record=record,
        ),
        None,
        b"",
        b"",
    )


def seen(letter, verdict, path="a@bounce.test", *, is_list_mail=False):
    return seen_of(letter, verdict, "192.0.2.1", path, is_list_mail=is_list_mail)


@pytest.mark.parametrize(
    ("letter", "verdict", "is_list_mail", "handling", "overrides"),
    [
        (found(result=Outcome.PASS), CLEAN, False, Handling.PASS, ()),
        (found("v=DMARC1; p=none; rua=mailto:a@b.test", Outcome.PASS), CLEAN, False, Handling.NONE, ()),
        (found("v=DMARC1; p=none; rua=mailto:a@b.test"), CLEAN, False, Handling.NONE, ()),
        (found("v=DMARC1; p=none; rua=mailto:a@b.test"), JUNK, False, Handling.NONE, ()),
        (found(), REFUSED, False, Handling.REJECT, ()),
        (found(), JUNK, False, Handling.QUARANTINE, (Override(OverrideKind.LOCAL_POLICY),)),
        (
            found(applied=Policy.QUARANTINE),
            JUNK,
            False,
            Handling.QUARANTINE,
            (Override(OverrideKind.POLICY_TEST_MODE),),
        ),
        (
            found(),
            JUNK,
            True,
            Handling.QUARANTINE,
            (Override(OverrideKind.MAILING_LIST, "the message has a List-Id"),),
        ),
        (found(result=Outcome.TEMPERROR), CLEAN, False, Handling.NONE, ()),
    ],
)
def test_what_was_done_and_why(letter, verdict, is_list_mail, handling, overrides):
    record = seen(letter, verdict, is_list_mail=is_list_mail)
    assert (record.handling, record.overrides) == (handling, overrides)


def test_identities_and_results():
    signatures = tuple(
        dkim.DkimResult(result, domain, "s")
        for result, domain in (
            (Outcome.FAIL, "b.test"),
            (Outcome.PASS, "other.test"),
            (Outcome.PASS, "b.test"),
            (Outcome.PASS, "news.b.test"),
            (Outcome.PERMERROR, ""),
        )
    )
    record = seen(found(signatures=signatures, author="news.b.test"), CLEAN, "")
    assert (record.header_from, record.envelope_from) == ("news.b.test", "")
    assert [(each.domain, each.result) for each in record.dkim] == [
        ("news.b.test", Outcome.PASS),
        ("b.test", Outcome.PASS),
        ("other.test", Outcome.PASS),
        ("b.test", Outcome.FAIL),
    ]
    assert record.spf == SpfSeen("bounce.test", Outcome.SOFTFAIL)


def see(counts, letter):
    counts.letter(letter, CLEAN, "192.0.2.1", "a@b.test", is_list_mail=False)


async def test_counts_add_up_in_the_store(store):
    counts, others = Sightings(store, lambda: DAY_US * 7), Sightings(store, lambda: DAY_US * 7)
    for each in (counts, counts, others):
        see(each, found())
    await counts.fold()
    await others.fold()
    await others.fold()
    see(counts, found("v=DMARC1; p=none; rua=mailto:new@b.test"))
    await counts.fold()
    record, rows = await store.read(dmarc_sightings, "b.test", 7)
    assert record == "v=DMARC1; p=none; rua=mailto:new@b.test"
    assert sorted(count for _, count in rows) == [1, 3]
    assert await store.read(dmarc_sightings, "b.test", 8) == ("", [])


async def test_who_asks_for_nothing_is_not_counted(sqlite_store):
    counts = Sightings(sqlite_store, lambda: DAY_US)
    see(counts, found("v=DMARC1; p=reject"))
    see(counts, found(result=Outcome.NONE))
    assert not counts._dmarc


async def test_memory_and_rows_are_bounded(sqlite_store, monkeypatch):
    monkeypatch.setattr(sightings, "MAX_HELD", 3)
    monkeypatch.setattr(sighting_rows, "MAX_ROWS_A_DAY", 2)
    counts = Sightings(sqlite_store, lambda: DAY_US)
    for number in range(5):
        see(counts, found(author=f"n{number}.b.test"))
        see(counts, found(author="n0.b.test"))
    assert sorted(counts._dmarc.values()) == [1, 1, 6]
    await counts.fold()
    _, rows = await sqlite_store.read(dmarc_sightings, "b.test", 1)
    assert len(rows) == 2


class FailingStore:
    """A store that is away."""

    async def write(self, *_):
        raise StoreUnavailableError("away")


async def test_counts_wait_while_the_store_is_away():
    counts = Sightings(FailingStore(), lambda: DAY_US)
    see(counts, found())
    with pytest.raises(StoreUnavailableError):
        await counts.fold()
    see(counts, found())
    assert list(counts._dmarc.values()) == [2]
    assert counts._records == {("b.test", 1): "v=DMARC1; p=reject; rua=mailto:a@b.test"}
