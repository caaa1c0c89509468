"""Searching with the index, without it and while it is built finds the same."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postier.app.indexing import index_account
from postier.imap.flags import SEEN
from postier.imap.search import All, And, AnyText, BodyText, Flags, HeaderText, Not, Nothing, Or, SubjectText
from postier.imap.search_algebra import simplify
from postier.mailbox import search as searching
from postier.mailbox.expunge import expunge_uids
from postier.mailbox.search import candidates, matching, search
from postier.mailbox.transfer import copy_messages, move_messages
from postier.mailbox.words import narrow as narrowing
from postier.mailbox.words import rows
from postier.mailbox.words.block import BLOCK, RUN
from tests.mailbox.letters import add_account, append, raw_letter

COUNT = 2 * RUN + 40  # two runs, and letters in no block
WORDS = ("budget", "report", "東京都", "Straße", "e-mail", "naïve", "x")


def letter(number):
    word, other = WORDS[number % len(WORDS)], WORDS[number % 5]
    html = f"<p>{other} {number}</p>" if number % 3 == 0 else f"{other} {number}"
    kind = "html" if number % 3 == 0 else "plain"
    return raw_letter(
        number,
        subject=f"About {word}",
        body=html,
        extra=f"X-Kind: {kind}\r\nMIME-Version: 1.0\r\nContent-Type: text/{kind}; charset=utf-8\r\n",
    )


async def filled(store, count=COUNT):
    box = (await store.write(add_account))["INBOX"]
    for start in range(0, count, 500):
        await append(store, 1, box, *map(letter, range(start, min(start + 500, count))), flags=0)
    return box


async def found(store, box, criterion):
    plan = await store.read_bulk(search, 1, box, criterion)
    messages = await store.read(candidates, 1, box, plan.undecided)
    contents = await store.read_blobs([one.blob_id for one in messages])
    return sorted([*plan.found.numbers(), *matching(plan.rest, messages, contents)])


async def plainly(store, box, criterion):
    messages = await store.read_bulk(candidates, 1, box, range(1, 5_000))
    return matching(criterion, messages, await store.read_blobs([one.blob_id for one in messages]))


CRITERIA = [
    SubjectText("budget"),
    SubjectText("udge"),
    SubjectText("about b"),
    SubjectText("none"),
    BodyText("report"),
    BodyText("東京"),
    BodyText("strasse"),
    BodyText("e-mail"),
    BodyText("mail 1"),
    BodyText("2"),
    BodyText("absent"),
    AnyText("budget"),
    AnyText("x-kind: html"),
    AnyText("kind: h"),
    AnyText("naïve 5"),
    AnyText("<12@alpha.test>"),
    AnyText("->"),
    AnyText(""),
    Not(AnyText("report")),
    And((AnyText("report"), Not(BodyText("1")))),
    Or((BodyText("report"), SubjectText("x"))),
    And((HeaderText("x-kind", "html"), BodyText("budget"))),
    HeaderText("x-kind", "tml"),
    HeaderText("x-kind", "plain text"),
    HeaderText("x-kind", ""),
    HeaderText("x-none", "html"),
    HeaderText("subject", "budget"),
    And((Flags(SEEN, 0), BodyText("budget"))),
    And((Flags(0, SEEN), BodyText("budget"), SubjectText("budget"))),
    And((BodyText("a"), BodyText("b"), BodyText("absent"))),
    Or((And((BodyText("x"), Not(BodyText("1")))), Not(Or((BodyText("report"), AnyText("東")))))),
]


async def test_with_and_without_the_index(store):
    box = await filled(store)
    expected = [await plainly(store, box, simplify(one)) for one in CRITERIA]
    assert [await found(store, box, simplify(one)) for one in CRITERIA] == expected
    await index_account(store, 1)
    assert await store.read(rows.indexed_to, 1) == 2 * RUN
    assert [await found(store, box, simplify(one)) for one in CRITERIA] == expected


async def test_a_whole_block_and_many_finds(store, monkeypatch):
    box = await filled(store, BLOCK + RUN + 5)
    await index_account(store, 1)
    assert [(one.first, one.size) for one in await store.read(rows.blocks_of, 1)] == [
        (0, BLOCK),
        (BLOCK, RUN),
    ]
    some = [BodyText("report"), AnyText("html"), AnyText("東京"), BodyText("e-m"), SubjectText("about")]
    expected = [await plainly(store, box, one) for one in some]
    assert len(expected[4]) == BLOCK + RUN + 5
    assert [await found(store, box, one) for one in some] == expected
    monkeypatch.setattr(searching, "MAX_LISTED", 0)
    monkeypatch.setattr(searching, "MAX_NAMED", 0)
    monkeypatch.setattr(searching, "ROWS_AT_ONCE", 100)
    assert [await found(store, box, one) for one in some] == expected
    await append(store, 1, box, *map(letter, range(3)))
    monkeypatch.setattr(searching, "MAX_NAMED", 20)  # fewer than find it, more than are in no block
    about = SubjectText("about")
    assert await found(store, box, about) == await plainly(store, box, about)


async def test_what_is_decided_without_reading(store):
    box = await filled(store)
    await index_account(store, 1)
    plan = await store.read_bulk(search, 1, box, BodyText("report"))
    assert plan.found.numbers()
    assert min(plan.undecided) >= 2 * RUN  # number 128 is UID 128: the letters in no block
    plan = await store.read_bulk(search, 1, box, BodyText("e-mail"))
    assert not plan.found.numbers()
    assert len(plan.undecided) < COUNT / 2
    plan = await store.read_bulk(search, 1, box, HeaderText("x-kind", "absent"))
    assert [*plan.undecided] == [*range(2 * RUN, COUNT + 1)]
    plan = await store.read_bulk(search, 1, box, BodyText("absent"))
    assert [*plan.undecided] == [*range(2 * RUN, COUNT + 1)]


leaf = st.one_of(
    st.builds(
        kind, st.sampled_from(["budget", "rep", "東京", "e-mail", "2", "ss", "html", " ", "", "\x00", "a.b"])
    )
    for kind in (AnyText, BodyText, SubjectText)
) | st.sampled_from([All(), Nothing(), Flags(0, SEEN), HeaderText("x-kind", "plain")])
criteria = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(lambda terms: And(tuple(terms)), st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda terms: Or(tuple(terms)), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(criteria)
async def test_any_criteria(sqlite_store, criterion):
    store = sqlite_store
    if await store.read(lambda tx: tx.value("SELECT count(*) FROM account")):
        box = await store.read(lambda tx: tx.value("SELECT mailbox_id FROM mailbox WHERE name = 'INBOX'"))
    else:
        box = await filled(store)
        await index_account(store, 1)
    criterion = simplify(criterion)
    assert await found(store, box, criterion) == await plainly(store, box, criterion)


async def test_copies_and_gone_messages(store):
    boxes = await store.write(add_account)
    box = boxes["INBOX"]
    await append(store, 1, box, *map(letter, range(RUN + 10)))
    await index_account(store, 1)
    await store.write(copy_messages, 1, box, [(1, RUN)], boxes["Archive"])
    await store.write(move_messages, 1, box, [(RUN - 3, RUN + 8)], boxes["Archive"])
    await store.write(expunge_uids, 1, box, [(1, 40)])
    for one in (BodyText("report"), AnyText("html"), Not(BodyText("budget"))):
        for place in (box, boxes["Archive"]):
            assert await found(store, place, one) == await plainly(store, place, one)


async def test_a_damaged_block_narrows_nothing(store):
    box = await filled(store)
    await index_account(store, 1)
    for change in (
        "UPDATE word_part SET data = ? WHERE kind = 4",
        "DELETE FROM word_part WHERE kind = 5 AND data <> ?",
    ):
        await store.write(lambda tx, sql=change: tx.run(sql, b"nonsense"))
        assert await found(store, box, BodyText("report")) == await plainly(store, box, BodyText("report"))


async def test_small_mailboxes_are_read(store):
    box = await filled(store, narrowing.MIN_OF_INTEREST - 1)
    plan = await store.read_bulk(search, 1, box, BodyText("absent"))
    assert len(plan.undecided) == narrowing.MIN_OF_INTEREST - 1


async def test_lookups_are_bounded(store):
    box = await filled(store)
    await index_account(store, 1)
    many = Or(tuple(BodyText(f"w{n}") for n in range(narrowing.MAX_LOOKUPS + 1)))
    plan = await store.read_bulk(search, 1, box, many)
    assert len(plan.undecided) == COUNT
    some = Or(tuple(BodyText(f"w{n}") for n in range(narrowing.MAX_LOOKUPS)))
    plan = await store.read_bulk(search, 1, box, some)
    assert len(plan.undecided) < COUNT


@pytest.mark.parametrize("text", ["x" * 600_000, "".join(chr(0x4E00 + n % 20_000) for n in range(50_000))])
async def test_long_words(sqlite_store, text):
    box = (await sqlite_store.write(add_account))["INBOX"]
    await append(sqlite_store, 1, box, *map(letter, range(RUN)), raw_letter(1, body=text))
    await append(sqlite_store, 1, box, *map(letter, range(RUN)))
    await index_account(sqlite_store, 1)
    assert await found(sqlite_store, box, BodyText(text[1_000:1_200])) == [RUN + 1]
