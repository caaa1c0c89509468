"""The outgoing way against real peers: which host, what each reply comes to, when it is tried again, who is told."""

import asyncio

import pytest

from postier.mta.schedule import Pace
from tests.mta.post_office import LETTER, SCHEDULE, eventually, post_office
from tests.mta.remote_server import EXTENSIONS, HANG_UP, Remote
from tests.servers.smtp_server import letters

ONE, TWO, BACK = "127.0.0.2", "127.0.0.3", "127.0.0.4"
DAY_S = 86_400


async def reports(store):
    """Reports in alice's mailbox."""
    return await letters(store, "alice@alpha.test")


# Routes


async def test_it_arrives_as_it_is(store):
    async with post_office(store, {ONE: (one := Remote()), TWO: (two := Remote())}) as office:
        await office.send("b@beta.test", "c@beta.test")
        await office.quiet()
        assert await office.rows() == []
        assert [event for event, _ in await office.events()] == ["delivered", "delivered"]
    (taken,) = one.letters
    assert (taken.reverse_path, taken.recipients) == ("alice@alpha.test", ("b@beta.test", "c@beta.test"))
    assert taken.content == LETTER
    assert not two.connections
    assert await reports(store) == []


@pytest.mark.parametrize(
    "replies",
    [
        None,
        {"": "421 4.7.0 busy"},
        {"": "554 5.7.1 go away"},
        {"": HANG_UP},
        {"EHLO": HANG_UP},
        {"EHLO": "421 4.7.0 busy"},
    ],
    ids=["down", "421", "554", "silent", "ehlo-closes", "ehlo-421"],
)
async def test_the_next_host_is_tried(sqlite_store, replies):
    two = Remote()
    remotes = {TWO: two} if replies is None else {ONE: Remote(replies), TWO: two}
    async with post_office(sqlite_store, remotes) as office:
        await office.send("b@beta.test")
        await office.quiet()
        assert await office.rows() == []
    assert len(two.letters) == 1


async def test_a_domain_without_mx_is_its_own_host(sqlite_store):
    async with post_office(sqlite_store, {ONE: (one := Remote())}) as office:
        await office.send("b@gamma.test")
        await office.quiet()
    assert len(one.letters) == 1


@pytest.mark.parametrize(
    ("recipient", "status"),
    [("b@null.test", b"5.1.10"), ("b@nowhere.test", b"5.1.2"), ("b@home.test", b"5.4.6")],
)
async def test_no_way_is_told_at_once(store, recipient, status):
    """SECURITY 38."""
    async with post_office(store) as office:
        await office.send(recipient)
        await office.quiet()
        assert await office.rows() == []
    (report,) = await reports(store)
    assert b"Return-Path: <>\r\n" in report
    assert b"Status: " + status + b"\r\n" in report
    assert b"Final-Recipient: rfc822; " + recipient.encode() in report.replace(b"rfc822;b", b"rfc822; b")
    assert b"Action: failed" in report


# Later


async def test_all_hosts_down(store):
    async with post_office(store) as office:
        await office.send("b@beta.test")
        await office.quiet()
        ((_, state, attempts, reply),) = await office.rows()
        assert (state, attempts) == ("waiting", 1)
        assert reply.startswith("451 4.4.1 ")
        (wait_s,) = await office.waits_s()
        assert 235 < wait_s < 361
        async with (two := Remote()).at(TWO, office.port):
            await office.pass_time(361)
            await office.quiet()
            assert await office.rows() == []
        assert len(two.letters) == 1
    assert await reports(store) == []


async def test_the_waits_grow(sqlite_store):
    async with post_office(sqlite_store) as office:
        await office.send("b@beta.test")
        for count, (low, high) in enumerate(((235, 361), (475, 721), (955, 1441)), 1):
            await office.quiet()
            ((_, _, attempts, _),) = await office.rows()
            assert attempts == count
            (wait_s,) = await office.waits_s()
            assert low < wait_s < high
            await office.pass_time(wait_s + 1)


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize(
    "word", ["421 4.3.2 stopping", "451 4.3.0 later", HANG_UP], ids=["421", "451", "closes"]
)
async def test_a_failure_that_passes(sqlite_store, stage, word):
    one = Remote({stage: word})
    async with post_office(sqlite_store, {ONE: one}) as office:
        await office.send("b@beta.test")
        await office.quiet()
        ((_, state, attempts, reply),) = await office.rows()
        assert (state, attempts) == ("waiting", 1)
        assert reply.startswith("4")
        one.replies = {}
        one.letters.clear()
        await office.pass_time(361)
        await office.quiet()
        assert await office.rows() == []
    assert [taken.content for taken in one.letters] == [LETTER]
    assert await reports(sqlite_store) == []


async def test_what_may_have_arrived_is_not_sent_to_the_next_host_at_once(sqlite_store):
    two = Remote()
    async with post_office(sqlite_store, {ONE: Remote({".": HANG_UP}), TWO: two}) as office:
        await office.send("b@beta.test")
        await office.quiet()
        assert [row[1] for row in await office.rows()] == ["waiting"]
    assert not two.letters


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "."])
async def test_a_failure_for_good(sqlite_store, stage):
    async with post_office(sqlite_store, {ONE: Remote({stage: "550 5.7.1 never"})}) as office:
        await office.send("b@beta.test")
        await office.quiet()
        assert await office.rows() == []
    (report,) = await reports(sqlite_store)
    assert b"Status: 5.7.1\r\n" in report
    assert b"never" in report


async def test_each_recipient_has_a_fate_of_its_own(store):
    replies = {"RCPT TO:<no@": "550 5.1.1 nobody", "RCPT TO:<later@": "450 4.2.1 busy"}
    async with post_office(store, {ONE: (one := Remote(replies))}) as office:
        await office.send("b@beta.test", "no@beta.test", "later@beta.test", "c@beta.test")
        await office.quiet()
        states = {path: state for path, state, _, _ in await office.rows()}
        assert states == {
            "b@beta.test": "delivered",
            "no@beta.test": "failed",
            "later@beta.test": "waiting",
            "c@beta.test": "delivered",
        }
        one.replies = {}
        await office.pass_time(361)
        await office.quiet()
        assert await office.rows() == []
    assert [taken.recipients for taken in one.letters] == [
        ("b@beta.test", "c@beta.test"),
        ("later@beta.test",),
    ]
    (report,) = await reports(store)
    assert b"no@beta.test" in report
    assert b"later@" not in report
    assert b"c@beta.test" not in report


async def test_eight_bits_are_not_sent_to_who_cannot_take_them(sqlite_store):
    plain = tuple(each for each in EXTENSIONS if each != "8BITMIME")
    async with post_office(sqlite_store, {ONE: (one := Remote(extensions=plain))}) as office:
        await office.send("b@beta.test", content=LETTER + "Grüße\r\n".encode())
        await office.quiet()
        assert await office.rows() == []
    assert not one.letters
    assert b"5.6.3" in (await reports(sqlite_store))[0]


# Who is told


async def test_a_letter_is_given_up_after_its_lifetime(store):
    async with post_office(store, {ONE: Remote({"RCPT": "451 4.2.1 not today"})}) as office:
        await office.send("b@beta.test")
        await office.quiet()
        assert len(await office.rows()) == 1
        await office.pass_time(SCHEDULE.lifetime_us / 1e6 + 1)
        await office.quiet()
        assert await office.rows() == []
    (report,) = await reports(store)
    assert b"Action: failed" in report
    assert b"not today" in report


async def test_a_delay_is_told_once(sqlite_store):
    async with post_office(sqlite_store, {ONE: Remote({"RCPT": "451 4.2.1 not today"})}) as office:
        await office.send("b@beta.test")
        await office.quiet()
        assert await reports(sqlite_store) == []
        for _ in range(3):
            await office.pass_time(5 * 3_600)
            await office.quiet()
        assert len(await office.rows()) == 1
    (report,) = await reports(sqlite_store)
    assert b"Action: delayed" in report
    assert b"Will-Retry-Until: " in report


async def test_a_report_is_never_reported(sqlite_store):
    """SECURITY 32: the null reverse-path hears nothing."""
    async with post_office(sqlite_store, {ONE: Remote({"RCPT": "550 5.1.1 nobody"})}) as office:
        await office.send("b@beta.test", sender="")
        await office.quiet()
        assert await office.rows() == []
    assert await reports(sqlite_store) == []


async def test_a_report_to_another_server(store):
    remotes = {ONE: Remote({"RCPT": "550 5.1.1 nobody"}), BACK: (back := Remote())}
    async with post_office(store, remotes) as office:
        await office.send("b@beta.test", sender="zoe@sender.test")
        await office.quiet()
        assert await office.rows() == []
    (taken,) = back.letters
    assert (taken.reverse_path, taken.recipients) == ("", ("zoe@sender.test",))
    assert b"multipart/report" in taken.content


async def test_a_report_to_nobody_ends(sqlite_store):
    remotes = {ONE: Remote({"RCPT": "550 5.1.1 x"}), BACK: Remote({"RCPT": "550 5.1.1 nobody"})}
    async with post_office(sqlite_store, remotes) as office:
        await office.send("b@beta.test", sender="forged@sender.test")
        await office.send("b@beta.test", sender="ghost@alpha.test")
        await office.quiet()
        assert await office.rows() == []
        assert await reports(sqlite_store) == []


# Many letters, many workers


async def test_one_connection_carries_several_letters(sqlite_store):
    async with post_office(sqlite_store, {ONE: (one := Remote())}, pace=Pace(10, 1)) as office:
        await office.send_all([(f"b{number}@beta.test",) for number in range(20)])
        await office.quiet()
    assert len(one.letters) == 20
    assert one.connections == 1
    assert one.lines.count("QUIT") == 1


async def test_a_kept_connection_that_died_costs_nothing(sqlite_store):
    one = Remote({"MAIL FROM:<second": HANG_UP})
    async with post_office(sqlite_store, {ONE: one}, pace=Pace(10, 1)) as office:
        await office.send_all([("b@beta.test",), ("c@beta.test",)], sender="first@alpha.test")
        await office.quiet()
        assert await office.rows() == []
    assert len(one.letters) == 2


async def test_two_workers_never_send_twice(store):
    one, sent = Remote(), [(f"b{number}@beta.test",) for number in range(30)]
    async with (
        post_office(store, {ONE: one}, owner="node/1/0") as office,
        post_office(store, {}, owner="node/1/1", port=office.port) as other,
    ):
        await office.send_all(sent)
        await office.quiet()
        await other.quiet()
        assert await office.rows() == []
    assert sorted(taken.recipients for taken in one.letters) == sorted(sent)


async def test_what_a_predecessor_held_is_taken_up(sqlite_store):
    """The crash rule: the same node's earlier start has ended."""
    async with post_office(sqlite_store) as office:
        await office.send("b@beta.test")
        await office.quiet()
    await sqlite_store.write(
        lambda tx: tx.run(
            "UPDATE queue_recipient SET due_at = 0, lease_until = ?, lease_owner = 'node/0/3'", 1 << 60
        )
    )
    async with post_office(sqlite_store, {ONE: (one := Remote())}) as office:
        await office.quiet()
        assert await office.rows() == []
    assert len(one.letters) == 1


async def test_another_nodes_lease_is_left_alone_until_it_runs_out(sqlite_store):
    async with post_office(sqlite_store) as office:
        await office.send("b@beta.test")
        await office.quiet()
    await sqlite_store.write(
        lambda tx: tx.run(
            "UPDATE queue_recipient SET due_at = 0, lease_until = ?, lease_owner = 'other/0/3'",
            tx.now_us + 10**8,
        )
    )
    async with post_office(sqlite_store, {ONE: (one := Remote())}) as office:
        await office.send("c@beta.test")
        await eventually(lambda: _is_sent(one, 1))
        assert [taken.recipients for taken in one.letters] == [("c@beta.test",)]
        await office.pass_time(101)
        await office.quiet()
        assert len(one.letters) == 2


async def _is_sent(remote, count):
    return len(remote.letters) >= count


async def test_what_was_not_begun_is_handed_back(sqlite_store):
    one = Remote()
    one.gate = asyncio.Event()
    async with post_office(sqlite_store, {ONE: one}, pace=Pace(1, 1)) as office:
        await office.send_all([("b@beta.test",), ("c@beta.test",), ("d@beta.test",)])
        await eventually(lambda: _has_line(one, "MAIL"))
        office.scheduler.stop_accepting()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(office.scheduler.finish(asyncio.get_running_loop().time() + 5))
            await asyncio.sleep(0)
            one.gate.set()
        states = {path: state for path, state, _, _ in await office.rows()}
        leased = await sqlite_store.read(
            lambda tx: tx.value("SELECT count(*) FROM queue_recipient WHERE lease_owner <> ''")
        )
    assert len(one.letters) == 1
    assert sorted(states.values()) == ["waiting", "waiting"]
    assert leased == 0


async def _has_line(remote, verb):
    return any(line.startswith(verb) for line in remote.lines)


async def test_a_busy_destination_does_not_keep_others_waiting(sqlite_store):
    slow, fast = Remote(), Remote()
    slow.gate = asyncio.Event()
    zones = {".": "", "slow.test": "@ IN A 127.0.0.2\n", "fast.test": "@ IN A 127.0.0.3\n"}
    async with post_office(sqlite_store, {ONE: slow, TWO: fast}, zones=zones, pace=Pace(5, 2)) as office:
        await office.send_all([(f"b{number}@slow.test",) for number in range(300)])
        await eventually(lambda: _has_line(slow, "MAIL"))
        await office.send("c@fast.test")
        await eventually(lambda: _is_sent(fast, 1))
        assert not slow.letters
        slow.gate.set()
        await office.quiet()
    assert len(slow.letters) == 300
