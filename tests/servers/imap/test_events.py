"""Scripts at IMAP events (RFC 6785): what was appended, copied, moved and flagged."""

import pytest

from postier.accounts.scripts import put_script
from postier.mailbox.verify import check_account
from postier.mta.sieving.events import PORTION
from postier.mta.sieving.memory import CPU_BUDGET_US, charge_cpu
from tests.mta.sieving.scripted import queued
from tests.servers.imap.served import letter

REQUIRE = 'require ["imapsieve", "environment", "imap4flags", "fileinto", "copy", "mailbox", "variables", "editheader"];\n'


@pytest.fixture
async def client(served):
    return await served.login()


async def give(served, script, name="imapsieve"):
    await served.store.write(put_script, served.ids[0], name, (REQUIRE + script).encode())


async def flags_in(client, mailbox):
    """The flags of each message, \\Recent left out."""
    await client.ok(f"SELECT {mailbox}")
    lines = await client.ok("UID FETCH 1:* (FLAGS)")
    found = [line.partition(b"FLAGS (")[2].rstrip(b")").decode().split() for line in lines]
    return [{flag for flag in each if flag != "\\Recent"} for each in found]


async def is_sound(served):
    assert await served.store.read_bulk(check_account, served.ids[0]) == []


async def test_what_is_appended_meets_the_script(served, client):
    await give(
        served,
        'if environment "imap.cause" "APPEND" { if header "subject" "Lunch" { addflag "$noon"; keep; } }',
    )
    assert (await client.append(letter(), "INBOX", "(\\Seen) ")).startswith(b"OK")
    assert (await client.append(letter(2, subject="Dinner"))).startswith(b"OK")
    assert await flags_in(client, "INBOX") == [{"\\Seen", "$noon"}, set()]
    await is_sound(served)


@pytest.mark.parametrize(
    ("script", "here", "there"),
    [
        ("keep;", 0, None),
        ("discard;", 1, None),
        ('fileinto "Archive";', 1, 1),
        ('fileinto :copy "Archive";', 0, 1),
        ('fileinto "Archive"; keep;', 0, 1),
        ('fileinto "Archive"; addheader "X-A" "b";', 1, 1),
        ('addheader "X-A" "b"; fileinto "Archive";', 1, 1),
        ('fileinto :flags "\\\\Flagged" :create "Archive";', 1, 1),
        ('redirect "a@x.test";', 1, None),
        ('redirect :copy "a@x.test";', 0, None),
    ],
)
async def test_what_is_not_kept_is_marked_as_deleted(served, client, script, here, there):
    await give(served, script)
    await client.append(letter())
    (flags,) = await flags_in(client, "INBOX")
    assert ("\\Deleted" in flags) is bool(here)
    assert len(await flags_in(client, "Archive")) == (there or 0)
    sent = await queued(served.store)
    assert [each[:2] for each in sent] == [("alice@alpha.test", "a@x.test")] * ("redirect" in script)
    assert len(served.jobs) == len(sent)
    if there and "addheader" in script:
        (line,) = await client.ok("FETCH 1 (BODY.PEEK[HEADER.FIELDS (X-A)])")
        assert (b"X-A: b" in line) is script.startswith("addheader")
    await is_sound(served)


async def test_copies_and_moves(served, client):
    await give(
        served,
        'if environment :matches "imap.cause" "*" { set "cause" "${1}"; }\n'
        'if environment :matches "imap.mailbox" "*" { addflag "${cause}-${1}"; keep; }',
    )
    await client.append(letter(), "Drafts")
    await client.ok("SELECT Drafts")
    await client.ok("COPY 1 Archive")
    await client.ok("MOVE 1 Trash")
    assert await flags_in(client, "Archive") == [{"APPEND-Drafts", "COPY-Archive"}]
    assert await flags_in(client, "Trash") == [{"APPEND-Drafts", "COPY-Trash"}]


async def test_flag_changes_name_the_flags(served, client):
    await client.append(letter(), "INBOX", "(\\Answered) ")
    await client.append(letter(2))
    await client.ok("SELECT INBOX")
    await give(
        served,
        'if not environment "imap.cause" "FLAG" { stop; }\n'
        'if allof (environment :contains "imap.changedflags" "\\\\Flagged", hasflag "\\\\Flagged") { addflag "starred"; }\n'
        'if allof (environment :contains "imap.changedflags" "\\\\Answered", not hasflag "\\\\Answered") {'
        ' addflag "unanswered"; }',
    )
    await client.ok("STORE 1:2 +FLAGS (\\Flagged)")
    news = await client.ok("NOOP")
    assert [line.split(b" ", 2)[1] for line in news[-2:]] == [b"1", b"2"]
    await client.ok("STORE 1 FLAGS (\\Flagged starred)")
    await client.ok("STORE 1 +FLAGS.SILENT (\\Flagged)")  # changes nothing
    assert await flags_in(client, "INBOX") == [
        {"\\Flagged", "starred", "unanswered"},
        {"\\Flagged", "starred"},
    ]


async def test_reading_is_a_change_of_flags(served, client):
    await client.append(letter())
    await give(served, 'if hasflag "\\\\Seen" { fileinto :copy :create "Read"; }')
    await client.ok("SELECT INBOX")
    await client.ok("FETCH 1 BODY[]")
    assert len(await flags_in(client, "Read")) == 1  # and what the script filed ran no script
    await is_sound(served)


async def test_what_is_for_deliveries_only_fails_and_is_told(served, client):
    await served.store.write(
        put_script, served.ids[0], "imapsieve", b'require ["envelope", "fileinto"]; if envelope "from" "x" {}'
    )
    for script in (b'require "vacation"; vacation "x";', b'require ["ihave", "fileinto"]; error "no";'):
        await served.store.write(put_script, served.ids[0], "imapsieve", script)
        await client.append(letter(), "Drafts")
    assert await flags_in(client, "Drafts") == [set(), set()]
    (line,) = await client.ok("STATUS INBOX (MESSAGES)")
    assert b"MESSAGES 1" in line  # one notice a day


async def test_without_such_a_script_nothing_happens(served, client):
    await give(served, "discard;", "other")
    await client.append(letter())
    assert await flags_in(client, "INBOX") == [set()]


async def test_a_client_that_leaves_at_once(served, client):
    await give(served, 'fileinto :create "Kept";')
    message = letter()
    client.send(b"b1 APPEND INBOX {%d+}\r\n" % len(message) + message + b"\r\nb2 LOGOUT\r\n")
    await client.until(b"b2 ")
    other = await served.login()
    assert len(await flags_in(other, "Kept")) == 1


async def test_many_at_once(served, client):
    await give(served, 'if header :contains "subject" "odd" { fileinto :create "Odd"; }')
    for number in range(PORTION + 10):
        await client.append(letter(number, subject="odd" if number % 2 else "even"), "Drafts")
    await client.ok("SELECT Drafts")
    await give(served, "discard;")
    await client.ok(f"COPY 1:{PORTION + 10} INBOX")
    assert sum("\\Deleted" in flags for flags in await flags_in(client, "INBOX")) == PORTION + 10
    assert len(await flags_in(client, "Odd")) == (PORTION + 10) // 2


async def test_an_account_that_took_too_much_time_rests(served, client):
    await give(served, "discard;")
    await served.store.write(charge_cpu, served.ids[0], CPU_BUDGET_US)
    await client.append(letter(), "Drafts")  # it goes over with this one
    await client.ok("NOOP")
    await served.store.write(charge_cpu, served.ids[0], 1)
    await client.append(letter(2), "Drafts")
    assert await flags_in(client, "Drafts") == [{"\\Deleted"}, set()]
    await client.ok("SELECT INBOX")
    (notice,) = await client.ok("FETCH 1 (ENVELOPE)")
    assert b"Your mail filter imapsieve rests" in notice


async def test_a_copy_without_room_keeps_the_original(served, client):
    await give(served, 'fileinto "Archive";')
    await client.append(letter(), "Drafts")
    await client.ok("NOOP")  # after the script
    size = await served.store.read(
        lambda tx: tx.value("SELECT used_bytes FROM account WHERE account_id = ?", served.ids[0])
    )
    await served.store.write(
        lambda tx: tx.run(
            "UPDATE account SET quota_bytes = ? WHERE account_id = ?", size + len(letter()) + 5, served.ids[0]
        )
    )
    assert (await client.append(letter(2), "Drafts")).startswith(b"OK")
    assert ["\\Deleted" in flags for flags in await flags_in(client, "Drafts")] == [True, False]
    await is_sound(served)
