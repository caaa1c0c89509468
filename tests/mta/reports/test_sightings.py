"""What is counted of a letter, and how counts come into the store."""

from types import SimpleNamespace

import msgspec
import pytest

from postier.defence.verdict import Evidence, Treatment, judge
from postier.mailauth import arc, dkim, dmarc, spf
from postier.mailauth.dmarc import Policy
from postier.mailauth.outcome import Outcome
from postier.mailauth.reports.aggregate import Handling, OverrideKind, SpfSeen
from postier.mailauth.reports.tls import PolicyType
from postier.mta.authenticate import Authentication
from postier.mta.reports import sighting_rows, sightings
from postier.mta.reports.sighting_rows import TlsKey, dmarc_sightings
from postier.mta.reports.sightings import DAY_US, Sightings, seen_of
from postier.store.transaction import StoreUnavailableError


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


def seen(letter, verdict, path="a@bounce.test"):
    return seen_of(letter, verdict, "192.0.2.1", path)


def judged(letter, *, spf_result=Outcome.SOFTFAIL, is_list=False, chain=None, trusted=()):
    """The verdict as the defence gives it."""
    disowned = spf.SpfResult(spf_result, "bounce.test", "mailfrom")
    evidence = Evidence(disowned, letter.dkim, letter.dmarc, is_list, chain or letter.arc)
    return judge(evidence, trusted)


WISH = "v=DMARC1; p={}; rua=mailto:a@b.test"
SEALED = arc.ArcResult(
    Outcome.PASS,
    ("list.test",),
    (b"mx.list.test; dmarc=pass header.from=b.test",),
    ("from",),
    selectors=("s",),
)


@pytest.mark.parametrize(
    ("letter", "facts", "handling", "kinds"),
    [
        (found(result=Outcome.PASS), {}, Handling.PASS, []),
        (found(WISH.format("none"), Outcome.PASS), {}, Handling.NONE, []),
        (found(WISH.format("none")), {}, Handling.NONE, []),
        (found(WISH.format("quarantine")), {}, Handling.QUARANTINE, []),
        (found(), {"spf_result": Outcome.FAIL}, Handling.REJECT, []),
        (found(), {}, Handling.QUARANTINE, [OverrideKind.LOCAL_POLICY]),
        (found(applied=Policy.QUARANTINE), {}, Handling.QUARANTINE, [OverrideKind.POLICY_TEST_MODE]),
        (
            found(WISH.format("quarantine"), applied=Policy.NONE),
            {},
            Handling.NONE,
            [OverrideKind.POLICY_TEST_MODE],
        ),
        (found(), {"is_list": True}, Handling.QUARANTINE, [OverrideKind.MAILING_LIST]),
        (found(), {"chain": SEALED, "trusted": ("list.test",)}, Handling.NONE, [OverrideKind.LOCAL_POLICY]),
        (found(), {"chain": SEALED}, Handling.QUARANTINE, [OverrideKind.LOCAL_POLICY]),
        (found(result=Outcome.TEMPERROR), {}, Handling.NONE, []),
    ],
)
def test_what_was_done_and_why(letter, facts, handling, kinds):
    verdict = judged(letter, **facts)
    record = seen(letter, verdict)
    assert (record.handling, [each.kind for each in record.overrides]) == (handling, kinds)
    assert record.overrides == verdict.policy.overrides


def test_a_trusted_chain_is_told_as_the_rfc_has_it():
    """RFC 8617 §7.2.2: the comment names the chain."""
    (override,) = seen(found(), judged(found(), chain=SEALED, trusted=("list.test",))).overrides
    assert override.comment == "arc=pass as[1].d=list.test as[1].s=s"


def test_what_filters_do_for_other_reasons_is_not_told():
    """RFC 9990 §8.3."""
    letter = found(WISH.format("none"))
    record = seen(letter, msgspec.structs.replace(judged(letter), treatment=Treatment.JUNK))
    assert (record.handling, record.overrides) == (Handling.NONE, ())


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
    letter = found(signatures=signatures, author="news.b.test")
    record = seen(letter, judged(letter), "")
    assert (record.header_from, record.envelope_from) == ("news.b.test", "")
    assert [(each.domain, each.result) for each in record.dkim] == [
        ("news.b.test", Outcome.PASS),
        ("b.test", Outcome.PASS),
        ("other.test", Outcome.PASS),
        ("b.test", Outcome.FAIL),
    ]
    assert record.spf == SpfSeen("bounce.test", Outcome.SOFTFAIL)


def test_without_a_reverse_path_the_helo_name_is_told():
    """RFC 9990 §3.1.1.13 wants MAIL FROM, which is then postmaster there."""
    helo = spf.SpfResult(Outcome.PASS, "mx.b.test", "helo", is_null_sender=True)
    letter = msgspec.structs.replace(found(), spf=helo)
    assert seen(letter, judged(letter), "").spf == SpfSeen("mx.b.test", Outcome.PASS)
    separate = msgspec.structs.replace(helo, is_null_sender=False)
    letter = msgspec.structs.replace(found(), spf=separate)
    assert seen(letter, judged(letter), "").spf is None


def see(counts, letter):
    counts.letter(letter, judged(letter), "192.0.2.1", "a@b.test")


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


async def test_what_is_known_is_counted_though_the_day_is_full(store, monkeypatch):
    monkeypatch.setattr(sighting_rows, "MAX_ROWS_A_DAY", 2)
    counts = Sightings(store, lambda: DAY_US)
    for authors in (("n1", "n2"), ("n3", "n2", "n4"), ("n1", "n2")):
        for author in authors:
            see(counts, found(author=f"{author}.b.test"))
        await counts.fold()
    _, rows = await store.read(dmarc_sightings, "b.test", 1)
    assert {key.seen.header_from: count for key, count in rows} == {"n1.b.test": 2, "n2.b.test": 3}


@pytest.mark.parametrize("over", [0, 1])
async def test_a_record_that_is_too_long_brings_no_report(sqlite_store, over):
    head = "v=DMARC1; p=reject; rua=mailto:a@b.test; x="
    counts = Sightings(sqlite_store, lambda: DAY_US)
    see(counts, found(head + "y" * (sightings.MAX_RECORD - len(head) + over)))
    assert len(counts._dmarc) == 1 - over


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


async def test_however_long_it_is_away_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(sightings, "MAX_HELD", 3)
    counts = Sightings(FailingStore(), lambda: DAY_US)

    async def see_meanwhile(*_):
        for author in ("x", "y", "z"):
            see(counts, found(author=f"{author}{len(counts._dmarc)}.b.test"))
            counts.session(TlsKey(f"{author}{len(counts._tls)}.test", 1, PolicyType.NONE))
        raise StoreUnavailableError("away")

    monkeypatch.setattr(counts, "_store", SimpleNamespace(write=see_meanwhile))
    for _ in range(4):
        see(counts, found())
        counts.session(TlsKey("b.test", 1, PolicyType.NONE))
        with pytest.raises(StoreUnavailableError):
            await counts.fold()
        assert len(counts._dmarc) <= 3
        assert len(counts._tls) <= 3
        assert set(counts._records) == {("b.test", 1)}
