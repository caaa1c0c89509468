"""Who is told what becomes of a queued letter: RFC 3461 §5.2, RFC 2852 §4.1; and what the next server is asked."""

import pytest

from postier.accounts.aliases import add_alias
from postier.mime.address import Address
from postier.mta.bounce import MAX_RETURNED_OCTETS
from tests.mta.post_office import LETTER, post_office
from tests.mta.remote_server import EXTENSIONS, Remote
from tests.servers.smtp_server import letters

ONE = "127.0.0.2"
WITH_DSN = (*EXTENSIONS, "DSN")
WITH_BY = (*EXTENSIONS, "DELIVERBY 30")
WITH_BOTH = (*EXTENSIONS, "DSN", "DELIVERBY")
HOUR_S = 3_600
REFUSES = {"RCPT": "550 5.1.1 nobody"}


async def told(store):
    """The action, the status and the whole of each report in alice's mailbox."""
    found = []
    for report in await letters(store, "alice@alpha.test"):
        fields = dict(
            line.split(b": ", 1) for line in report.split(b"\r\n") if line.startswith((b"Action", b"Status"))
        )
        found.append((fields[b"Action"].decode(), fields[b"Status"].decode(), report))
    return found


async def sent(store, remote, *recipients, **facts):
    """What alice is told after one attempt."""
    async with post_office(store, {ONE: remote}) as office:
        await office.send(*(recipients or ("b@beta.test",)), **facts)
        await office.quiet()
        rows = await office.rows()
    return [(action, status) for action, status, _ in await told(store)], rows


async def test_requests_are_passed_on(store):
    remote = Remote(extensions=WITH_DSN)
    reports, rows = await sent(
        store, remote, envid="QQ+2B31", ret="HDRS", notify="SUCCESS,DELAY", orcpt="rfc822;Bob+2BX@Beta.Test"
    )
    assert (reports, rows) == ([], [])
    mail, rcpt = (next(line for line in remote.lines if line.startswith(verb)) for verb in ("MAIL", "RCPT"))
    assert mail.endswith(" RET=HDRS ENVID=QQ+2B31")
    assert rcpt == "RCPT TO:<b@beta.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+2BX@Beta.Test"


async def test_nothing_is_added_where_nothing_was_asked(sqlite_store):
    remote = Remote(extensions=WITH_DSN)
    assert await sent(sqlite_store, remote) == ([], [])
    assert "RCPT TO:<b@beta.test>" in remote.lines
    assert not any(word in line for line in remote.lines for word in ("RET=", "ENVID=", "NOTIFY=", "ORCPT="))


async def test_a_host_without_dsn_is_asked_nothing_and_success_is_told_as_relayed(store):
    remote = Remote()
    reports, _ = await sent(
        store, remote, envid="QQ+2B31", ret="FULL", notify="SUCCESS", orcpt="rfc822;Bob@x.test"
    )
    assert reports == [("relayed", "2.0.0")]
    assert "RCPT TO:<b@beta.test>" in remote.lines
    assert not any("RET=" in line or "ENVID=" in line for line in remote.lines)
    ((_, _, report),) = await told(store)
    assert b"\r\nOriginal-Envelope-Id: QQ+31\r\n" in report
    assert b"\r\nOriginal-Recipient: rfc822; Bob@x.test\r\nFinal-Recipient: rfc822; b@beta.test\r\n" in report
    assert b"\r\nRemote-MTA: dns; one.beta.test\r\nDiagnostic-Code: smtp; 250 2.0.0 taken\r\n" in report
    assert b"Subject: Your message was passed on\r\n" in report
    assert b"text/rfc822-headers" in report  # RFC 3461 §4.3: RET is for failures
    assert b"Return-Path: <>\r\n" in report


@pytest.mark.parametrize("notify", ["", "NEVER", "FAILURE", "DELAY", "FAILURE,DELAY"])
async def test_success_is_not_told_unasked(sqlite_store, notify):
    assert await sent(sqlite_store, Remote(), notify=notify) == ([], [])


@pytest.mark.parametrize(
    ("notify", "is_told"),
    [
        ("", True),
        ("FAILURE", True),
        ("SUCCESS,FAILURE,DELAY", True),
        ("NEVER", False),
        ("SUCCESS", False),
        ("DELAY", False),
    ],
)
async def test_failures(sqlite_store, notify, is_told):
    reports, rows = await sent(sqlite_store, Remote(REFUSES), notify=notify)
    assert rows == []
    assert reports == [("failed", "5.1.1")] * is_told


@pytest.mark.parametrize(
    ("notify", "is_told"), [("", True), ("DELAY", True), ("FAILURE", False), ("NEVER", False)]
)
async def test_delays(sqlite_store, notify, is_told):
    async with post_office(sqlite_store) as office:
        await office.send("b@beta.test", notify=notify)
        await office.quiet()
        await office.pass_time(5 * HOUR_S)
        await office.quiet()
    assert [action for action, _, _ in await told(sqlite_store)] == ["delayed"] * is_told


async def test_a_letter_without_a_sender_is_never_reported(sqlite_store):
    assert await sent(sqlite_store, Remote(), sender="", notify="SUCCESS,FAILURE") == ([], [])


@pytest.mark.parametrize(
    ("ret", "size", "is_full"),
    [
        ("FULL", len(LETTER), True),
        ("FULL", MAX_RETURNED_OCTETS, True),
        ("FULL", MAX_RETURNED_OCTETS + 1, False),
        ("HDRS", len(LETTER), False),
        ("", len(LETTER), False),
    ],
)
async def test_how_much_is_returned(sqlite_store, ret, size, is_full):
    content = LETTER + b"x" * 70 + b"\r\n" if size > len(LETTER) else LETTER
    content += b"".join([b"y" * 98 + b"\r\n"] * ((size - len(content)) // 100))
    content += b"z" * (size - len(content) - 2) + b"\r\n" if size > len(content) else b""
    assert len(content) == size
    async with post_office(sqlite_store, {ONE: Remote(REFUSES)}) as office:
        await office.send("b@beta.test", ret=ret, content=content)
        await office.quiet()
    ((_, _, report),) = await told(sqlite_store)
    assert (b"message/rfc822" in report, b"text/rfc822-headers" in report) == (is_full, not is_full)
    assert (b"\r\n.dot\r\n" in report) is is_full


# Home again


async def test_what_comes_home_is_confirmed_with_its_filing(store):
    async with post_office(store) as office:
        await office.send("alice@alpha.test", notify="SUCCESS", envid="e1", account_id=1)
        await office.quiet()
    copy, report = await letters(store, "alice@alpha.test")
    assert copy.endswith(LETTER)
    assert b"\r\nAction: delivered\r\n" in report
    assert b"\r\nOriginal-Envelope-Id: e1\r\n" in report


async def test_not_for_those_who_are_not_ours(sqlite_store):
    back = Remote()
    async with post_office(sqlite_store, {"127.0.0.4": back}) as office:
        await office.send("alice@alpha.test", notify="SUCCESS", sender="zoe@sender.test")
        await office.quiet()
        assert await office.rows() == []
    assert not back.letters


async def test_through_an_alias_at_home(sqlite_store):
    """One address elsewhere: who delivers it reports (RFC 3461 §5.2.7.2); several: expanded (§5.2.7.3)."""
    remote = Remote(extensions=WITH_DSN)
    async with post_office(sqlite_store, {ONE: remote}) as office:
        for alias, *targets in (("one", "b@beta.test"), ("two", "c@beta.test", "d@beta.test")):
            await sqlite_store.write(
                add_alias, Address(alias, "alpha.test"), [Address.parse(each) for each in targets]
            )
        for alias in ("one", "two"):
            await office.send(
                f"{alias}@alpha.test",
                notify="SUCCESS,FAILURE",
                ret="HDRS",
                envid="e",
                orcpt="rfc822;x@y.test",
                account_id=1,
            )
        await office.quiet()
    rest = " ORCPT=rfc822;x@y.test"
    assert {line for line in remote.lines if line.startswith("RCPT")} == {
        "RCPT TO:<b@beta.test> NOTIFY=SUCCESS,FAILURE" + rest,
        "RCPT TO:<c@beta.test> NOTIFY=FAILURE" + rest,
        "RCPT TO:<d@beta.test> NOTIFY=FAILURE" + rest,
    }
    assert {line.partition(">")[2] for line in remote.lines if line.startswith("MAIL")} == {
        f" SIZE={len(taken.content)} RET=HDRS ENVID=e" for taken in remote.letters
    }
    ((action, _, report),) = await told(sqlite_store)
    assert action == "expanded"
    assert b"\r\nFinal-Recipient: rfc822; two@alpha.test\r\n" in report


# By a time (RFC 2852)


@pytest.mark.parametrize("mode", ["R", "N", "RT"])
async def test_what_is_left_of_the_time_is_passed_on(sqlite_store, mode):
    remote = Remote(extensions=WITH_BOTH)
    reports, _ = await sent(sqlite_store, remote, by_s=100, by_mode=mode)
    (mail,) = (line for line in remote.lines if line.startswith("MAIL"))
    name, _, value = mail.rpartition(" BY=")
    seconds, _, letters_of_mode = value.partition(";")
    assert name
    assert 80 < int(seconds) <= 100
    assert letters_of_mode == mode
    assert reports == [("relayed", "2.0.0")] * ("T" in mode)


@pytest.mark.parametrize(
    ("extensions", "by_s"), [(EXTENSIONS, 3_600), (WITH_BY, 20)], ids=["without", "needs-longer"]
)
async def test_a_host_that_undertakes_nothing_does_not_get_it(sqlite_store, extensions, by_s):
    remote = Remote(extensions=extensions)
    assert await sent(sqlite_store, remote, by_s=by_s, by_mode="R") == ([("failed", "5.3.3")], [])
    assert not any(line.startswith("MAIL") for line in remote.lines)


async def test_a_host_that_undertakes_enough_does(sqlite_store):
    remote = Remote(extensions=WITH_BY)
    assert await sent(sqlite_store, remote, by_s=60, by_mode="R") == ([], [])
    assert len(remote.letters) == 1


async def test_it_is_returned_when_the_time_has_passed(store):
    async with post_office(store) as office:
        await office.send("b@beta.test", by_s=100, by_mode="R")
        await office.quiet()
        (wait_s,) = await office.waits_s()
        assert wait_s <= 100  # it is not tried later than that
        await office.pass_time(101)
        await office.quiet()
        assert await office.rows() == []
    ((action, status, report),) = await told(store)
    assert (action, status) == ("failed", "5.4.7")
    assert b"\r\nDeliver-By-Date: " in report
    assert b"\r\nArrival-Date: " in report


@pytest.mark.parametrize("notify", ["NEVER", "DELAY"])
async def test_without_a_word_if_so_wished(sqlite_store, notify):
    assert await sent(sqlite_store, Remote(), by_s=-5, by_mode="R", notify=notify) == ([], [])


@pytest.mark.parametrize(
    ("notify", "is_told"), [("", True), ("DELAY", True), ("FAILURE", False), ("NEVER", False)]
)
async def test_it_is_told_and_tried_on(sqlite_store, notify, is_told):
    async with post_office(sqlite_store) as office:
        await office.send("b@beta.test", by_s=100, by_mode="N", notify=notify)
        await office.quiet()
        await office.pass_time(101)
        await office.quiet()
        await office.pass_time(5 * HOUR_S)  # told once
        await office.quiet()
        assert len(await office.rows()) == 1
    assert [report[:2] for report in await told(sqlite_store)] == [("delayed", "4.4.7")] * is_told


@pytest.mark.parametrize(
    ("by_s", "notify", "asked", "is_told"),
    [
        (100, "", "FAILURE,DELAY", True),
        (100, "SUCCESS", "SUCCESS,DELAY", True),
        (100, "NEVER", "NEVER", False),
        (-100, "FAILURE", "FAILURE", False),
    ],
)
async def test_a_host_that_does_not_know_of_times(sqlite_store, by_s, notify, asked, is_told):
    """RFC 2852 §4.1.4.2."""
    remote = Remote(extensions=WITH_DSN)
    reports, _ = await sent(sqlite_store, remote, by_s=by_s, by_mode="N", notify=notify)
    assert f"RCPT TO:<b@beta.test> NOTIFY={asked}" in remote.lines
    assert reports == [("relayed", "2.0.0")] * is_told
