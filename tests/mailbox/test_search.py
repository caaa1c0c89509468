"""SEARCH: what SQL decides and what is decided on contents agree with the plain evaluation of every message."""

from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postier.imap.flags import FLAGGED, SEEN
from postier.imap.search import (
    AddressField,
    AddressText,
    All,
    And,
    AnyText,
    BodyText,
    Criterion,
    DateField,
    DateRange,
    Flags,
    HeaderText,
    Not,
    Nothing,
    Or,
    Size,
    SubjectText,
    Uids,
)
from postier.imap.search_algebra import simplify
from postier.mailbox.search import candidates, matching, search
from postier.mailbox.search_sql import MAX_PATTERN, MAX_SQL_LEAVES, MAX_SQL_RANGES, compile_criterion
from postier.mime.collation import search_fold
from postier.store.transaction import ReadTx, Store
from tests.mailbox.letters import NOON_US, add_account, append, raw_letter

DAY_US = 86_400_000_000

HTML = (
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n",
    (
        "--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "PHA+R3LDvMOfZTwvcD4=\r\n--b\r\nContent-Type: application/pdf; name=plan.pdf\r\n\r\nfigures\r\n--b--"
    ),
)
LETTERS = (
    raw_letter(1, subject="Plan 100%_\\x"),
    raw_letter(2, subject="=?utf-8?q?=C3=9Cber_GR=C3=9C=C3=9FE?=", sender="Bob <bob@gamma.test>"),
    raw_letter(3, subject="plan", body="nothing but FIGURES", extra="X-Spam: yes\r\nCc: bob@gamma.test\r\n"),
    raw_letter(4, extra=HTML[0], body=HTML[1]),
    raw_letter(5, extra="Date: Tue, 22 Sep 2026 00:30:00 +0300\r\n"),
    b"From: bob@gamma.test\r\n\r\nno date, no id, no subject\r\n",
    b"\r\n",
)


async def filled(store: Store) -> int:
    box = (await store.write(add_account))["INBOX"]
    for place, raw in enumerate(LETTERS):
        flags = (SEEN if place % 2 else 0) | (FLAGGED if place % 3 == 0 else 0)
        await append(store, 1, box, raw, flags=flags, received_at_us=NOON_US + place * DAY_US)
    return box


async def found(store: Store, box: int, criterion: Criterion) -> list[int]:
    plan = await store.read_bulk(search, 1, box, criterion)
    messages = await store.read(candidates, 1, box, plan.undecided)
    contents = await store.read_blobs([one.blob_id for one in messages]) if plan.needs_content else None
    return sorted([*plan.found.numbers(), *matching(plan.rest, messages, contents)])


async def plainly(store: Store, box: int, criterion: Criterion) -> list[int]:
    messages = await store.read(candidates, 1, box, range(1, len(LETTERS) + 1))
    return matching(criterion, messages, await store.read_blobs([one.blob_id for one in messages]))


CASES: tuple[tuple[Criterion, list[int]], ...] = (
    (All(), [1, 2, 3, 4, 5, 6, 7]),
    (Nothing(), []),
    (Flags(SEEN), [2, 4, 6]),
    (Flags(FLAGGED, SEEN), [1, 7]),
    (Not(Flags(FLAGGED, SEEN)), [2, 3, 4, 5, 6]),
    (Uids(((2, 3), (6, 9))), [2, 3, 6, 7]),
    (SubjectText("plan"), [1, 3, 4, 5]),
    (SubjectText("100%_\\x"), [1]),
    (SubjectText("100_"), []),
    (SubjectText("%"), [1]),
    (SubjectText(search_fold("über grüsse")), [2]),
    (SubjectText("uber gru"), []),
    (SubjectText("u"), [2]),
    (SubjectText(""), [1, 2, 3, 4, 5, 6, 7]),
    (SubjectText("a\x00"), []),
    (AddressText(AddressField.FROM, "bob"), [2, 6]),
    (AddressText(AddressField.TO, "carole@"), [1, 2, 3, 4, 5]),
    (AddressText(AddressField.CC, "gamma"), [3]),
    (AddressText(AddressField.BCC, "x"), []),
    (HeaderText("subject", "plan"), [1, 3, 4, 5]),
    (HeaderText("subject", ""), [1, 2, 3, 4, 5]),
    (HeaderText("x-spam", "ye"), [3]),
    (HeaderText("message-id", "<2@alpha.test>"), [2]),
    (HeaderText("message-id", "@alpha"), [1, 2, 3, 4, 5]),
    (HeaderText("message-id", "% "), []),
    (BodyText("figures"), [3]),
    (BodyText(search_fold("grüsse")), [4]),
    (AnyText("plan.pdf"), [4]),
    (AnyText("figures"), [3]),
    (Size(above=150, below=170), [3]),
    (DateRange(DateField.INTERNAL, start_s=NOON_US // 10**6 + 86_400), [2, 3, 4, 5, 6, 7]),
    (DateRange(DateField.INTERNAL, end_s=NOON_US // 10**6 + 86_400), [1]),
    (DateRange(DateField.SENT, start_s=1_789_948_800, end_s=1_790_035_200), [1, 2, 3, 4, 5]),
    (Not(DateRange(DateField.SENT, start_s=0)), [6, 7]),
    (Or((SubjectText(search_fold("über")), HeaderText("x-spam", "yes"))), [2, 3]),
    (And((Flags(0, SEEN), SubjectText("plan"), BodyText("hello"))), [1, 5]),
    (Uids(tuple((n, n) for n in range(3, 900, 2))), [3, 5, 7]),
    (Or(tuple(SubjectText(f"plan{'' if n == 7 else n}") for n in range(300))), [1, 3, 4, 5]),
    (SubjectText("p" * (MAX_PATTERN + 1)), []),
)


async def test_keys_find_what_they_say(store: Store) -> None:
    box = await filled(store)
    for criterion, expected in CASES:
        if isinstance(criterion, Size):
            sizes = [uid for uid, raw in enumerate(LETTERS, 1) if 150 < len(raw) < 170]
            assert await found(store, box, criterion) == sizes
            continue
        assert await found(store, box, criterion) == expected, criterion
        assert await plainly(store, box, criterion) == expected, criterion


def simple_leaves() -> Iterable[st.SearchStrategy[Criterion]]:
    text = st.sampled_from(["plan", "b", "%", "x-y", search_fold("ü"), search_fold("grüsse"), ""])
    bits = st.sampled_from([0, SEEN, FLAGGED])
    second = st.one_of(st.none(), st.integers(-2, 9).map(lambda n: NOON_US // 10**6 + n * 43_200))
    yield st.builds(Flags, bits, st.just(0))
    yield st.builds(SubjectText, text)
    yield st.builds(AddressText, st.sampled_from(AddressField), text)
    yield st.builds(HeaderText, st.sampled_from(["from", "x-spam", "subject", "message-id"]), text)
    yield st.builds(AnyText, text)
    yield st.builds(DateRange, st.sampled_from(DateField), second, second)
    yield st.builds(
        Size, st.one_of(st.none(), st.integers(0, 400)), st.one_of(st.none(), st.integers(0, 400))
    )
    yield st.builds(
        lambda uids: Uids(tuple((uid, uid) for uid in sorted(uids))), st.sets(st.sampled_from([1, 3, 5, 7]))
    )


def many(kind: type[And] | type[Or], inner: st.SearchStrategy[Criterion]) -> st.SearchStrategy[Criterion]:
    return st.lists(inner, min_size=2, max_size=3).map(lambda terms: kind(tuple(terms)))


criteria = st.recursive(
    st.one_of(*simple_leaves()),
    lambda inner: st.one_of(st.builds(Not, inner), many(And, inner), many(Or, inner)),
    max_leaves=6,
).map(simplify)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(criterion=criteria)
async def test_sql_and_plain_evaluation_agree(store: Store, criterion: Criterion) -> None:
    box = await store.read(inbox_of)
    if box is None:
        box = await filled(store)
    assert await found(store, box, criterion) == await plainly(store, box, criterion)


def inbox_of(tx: ReadTx) -> int | None:
    found: int | None = tx.value("SELECT mailbox_id FROM mailbox WHERE name = 'INBOX'")
    return found


@pytest.mark.parametrize(
    ("criterion", "is_decided"),
    [
        (Or((SubjectText("a"),) * MAX_SQL_LEAVES), True),
        (Or((SubjectText("a"),) * (MAX_SQL_LEAVES + 1)), False),
        (Uids(tuple((n, n) for n in range(1, 2 * MAX_SQL_RANGES, 2))), True),
        (Uids(tuple((n, n) for n in range(1, 2 * MAX_SQL_RANGES + 2, 2))), False),
        (SubjectText("a" * MAX_PATTERN), True),
        (SubjectText("a" * (MAX_PATTERN + 1)), False),
        (HeaderText("message-id", "<a@b>"), False),
        (BodyText("x"), False),
    ],
)
def test_what_sql_decides_is_bounded(criterion: Criterion, *, is_decided: bool) -> None:
    _, rest = compile_criterion(criterion)
    assert isinstance(rest, All) is is_decided


async def test_a_message_id_narrows_to_one(store: Store) -> None:
    box = await filled(store)
    plan = await store.read(search, 1, box, HeaderText("message-id", "<3@alpha.test>"))
    assert [*plan.undecided] == [3, 6, 7]  # those without an id are looked at
    assert plan.needs_content


async def test_a_lost_content_matches_nothing(store: Store) -> None:
    box = await filled(store)
    messages = await store.read(candidates, 1, box, [3])
    assert matching(BodyText("figures"), messages, [None]) == []
