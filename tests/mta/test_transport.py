"""Connections to servers that break off, fall silent or say goodbye at the wrong time; one letter over many."""

import asyncio

import pytest

from postier.mta.transport import ATTEMPT_S, MAX_RECIPIENTS
from tests.mta.post_office import LETTER, PostOffice, eventually, post_office
from tests.mta.remote_server import HANG_UP, Remote

ONE_HOST = {".": "", "beta.test": "@ IN MX 1 mx\nmx IN A 127.0.0.2\n"}
A_DAY_S = 86_400


async def outcomes(post: PostOffice) -> list[str]:
    """What became of each recipient, attempt by attempt."""
    return [
        f"{event} {detail}"
        for event, detail in await post.events()
        if event in {"delivered", "deferred", "failed"}
    ]


@pytest.mark.parametrize(
    "replies",
    [{"EHLO": HANG_UP}, {"MAIL": HANG_UP}, {"MAIL": "421 4.7.0 busy"}, {"RCPT": HANG_UP}, {"DATA": HANG_UP}],
    ids=lambda replies: "-".join(map(repr, *replies.items())),
)
async def test_a_host_that_breaks_off_before_the_letter_is_passed_over(sqlite_store, replies):
    first, second = Remote(replies), Remote()
    async with post_office(sqlite_store, {"127.0.0.2": first, "127.0.0.3": second}) as post:
        await post.send("b@beta.test")
        await post.quiet()
        assert await outcomes(post) == ["delivered b@beta.test: 250 2.0.0 taken"]
    assert (first.connections, len(second.letters)) == (1, 1)


async def test_a_refusal_stands_though_the_server_hangs_up_after_it(sqlite_store):
    first, second = Remote({"RCPT TO:<b@": "550 5.1.1 nobody", "RCPT TO:<c@": HANG_UP}), Remote()
    async with post_office(sqlite_store, {"127.0.0.2": first, "127.0.0.3": second}) as post:
        await post.send("b@beta.test", "c@beta.test")
        await post.quiet()
        assert await outcomes(post) == [
            "failed b@beta.test: 550 5.1.1 nobody",
            "deferred c@beta.test: 451 4.4.2 Connection lost",
        ]


@pytest.mark.parametrize("closes", [True, False], ids=["closes", "stays"])
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "."])
async def test_421_ends_the_connection_whoever_closes_it(sqlite_store, stage, closes):
    """RFC 5321 §4.2.3. The next letter, and the goodbye, must not be said on what has ended."""
    remote = Remote(
        {stage: ["421 4.3.2 shutting down", "354 go" if stage == "DATA" else "250 ok"]}, closes_on_421=closes
    )
    async with post_office(sqlite_store, {"127.0.0.2": remote}, zones=ONE_HOST) as post:
        await post.send("b@beta.test")
        await post.quiet()
        (said,) = await outcomes(post)
        assert said.startswith("deferred b@beta.test: 4")
        assert "421 4.3.2 shutting down" in said
        await post.send("c@beta.test")
        await post.pass_time(A_DAY_S)
        await post.quiet()
        assert sorted(each.split(":")[0] for each in await outcomes(post)) == [
            "deferred b@beta.test",
            "delivered b@beta.test",
            "delivered c@beta.test",
        ]


@pytest.mark.parametrize("answer", [HANG_UP, "421 4.7.0 enough for today"], ids=repr)
@pytest.mark.parametrize("closes", [True, False], ids=["closes", "stays"])
async def test_a_kept_connection_that_has_ended(sqlite_store, answer, closes):
    """Nothing was said of the letter yet: it goes over a new connection at once."""
    remote = Remote({"MAIL": ["250 ok", answer, "250 ok"]}, closes_on_421=closes)
    async with post_office(sqlite_store, {"127.0.0.2": remote}, zones=ONE_HOST) as post:
        await post.send_all([("b@beta.test",), ("c@beta.test",), ("d@beta.test",)])
        await post.quiet()
        assert [each.split()[0] for each in await outcomes(post)] == ["delivered"] * 3
    assert len(remote.letters) == 3


async def test_552_for_too_many_recipients_is_tried_again(sqlite_store):
    """RFC 5321 §4.5.3.1.10: old servers say 552 where 452 is meant."""
    remote = Remote({"RCPT TO:<c@": ["552 too many recipients", "250 ok"]}, extensions=())
    async with post_office(sqlite_store, {"127.0.0.2": remote}, zones=ONE_HOST) as post:
        await post.send("b@beta.test", "c@beta.test")
        await post.quiet()
        assert await outcomes(post) == [
            "delivered b@beta.test: 250 2.0.0 taken",
            "deferred c@beta.test: 552 too many recipients",
        ]
        await post.pass_time(A_DAY_S)
        await post.quiet()
        assert (await outcomes(post))[2:] == ["delivered c@beta.test: 250 2.0.0 taken"]


async def test_many_recipients_go_in_portions_over_one_connection(sqlite_store):
    remote = Remote()
    async with post_office(sqlite_store, {"127.0.0.2": remote}, zones=ONE_HOST) as post:
        await post.send(*(f"b{number}@beta.test" for number in range(MAX_RECIPIENTS + 1)))
        await post.quiet()
    assert [len(each.recipients) for each in remote.letters] == [MAX_RECIPIENTS, 1]
    assert remote.connections == 1


@pytest.mark.parametrize("octets", [b"a\n.\n", b"a\r.\r", b"a\r\n.\n", b"a\0b\r\n", b"a\r"], ids=repr)
async def test_what_is_not_canonical_never_goes_out_and_is_told(sqlite_store, octets):
    """SECURITY 2: whatever way it came into the queue; it does not stay there for ever either."""
    remote = Remote()
    async with post_office(sqlite_store, {"127.0.0.2": remote}, zones=ONE_HOST) as post:
        await post.send("b@beta.test", content=LETTER + octets)
        await post.quiet()
        (said,) = await outcomes(post)
        assert said.startswith("failed b@beta.test: 55")
        assert await post.rows() == []
    assert remote.letters == []


@pytest.mark.parametrize("stage", ["connect", "body"])
async def test_a_server_that_is_silent_for_too_long(sqlite_store, stage):
    remote = Remote()
    zones = ONE_HOST
    async with post_office(sqlite_store, {"127.0.0.2": remote}, zones=zones, attempt_s=0.2) as post:
        if stage == "body":
            remote.is_deaf = True
        else:
            remote.gate = asyncio.Event()  # MAIL is never answered
        await post.send("b@beta.test", content=LETTER + b"0123456789abcdef\r\n" * 200_000)
        await post.quiet()
        assert await outcomes(post) == [
            "deferred b@beta.test: 451 4.4.2 The hosts of beta.test took too long"
        ]
    assert ATTEMPT_S > 600  # RFC 5321 §4.5.3.2.6: what the reply to the final dot may take


async def test_goodbye_is_said(sqlite_store):
    remote = Remote()
    async with post_office(sqlite_store, {"127.0.0.2": remote}, zones=ONE_HOST) as post:
        await post.send("b@beta.test")

        async def has_quit() -> bool:
            return "QUIT" in remote.lines

        await eventually(has_quit)


async def test_a_bug_of_ours_defers_and_ends_with_the_letters_lifetime(sqlite_store, monkeypatch):
    async def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("postier.mta.deliver.mail_hosts", broken)
    async with post_office(sqlite_store, {}) as post:
        await post.send("b@beta.test")
        await post.quiet()
        assert await outcomes(post) == ["deferred b@beta.test: 451 4.3.0 Local error in processing"]
        await post.pass_time(6 * A_DAY_S)
        await post.quiet()
        assert await post.rows() == []
