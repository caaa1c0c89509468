"""Scripts at IMAP events (RFC 6785): what was appended, copied, moved and flagged."""

import pytest

from postier.accounts.resolution import LocalRecipient
from postier.accounts.scripts import delete_script, put_script, rename_script
from postier.mailbox.folders import mailbox_id_of
from postier.mailbox.verify import check_account
from postier.mime.address import Address
from postier.mta.sieving.events import Cause, Happened
from postier.mta.sieving.memory import CPU_BUDGET_US, charge_cpu
from postier.mta.sieving.pending_events import (
    MAX_TRIES,
    PORTION,
    has_pending,
    lease_pending,
    release_pending,
)
from tests.mta.sieving.scripted import queued, read
from tests.servers.imap.served import letter
from tests.servers.imap.transcript import play

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


CHOOSING = """
S: * OK [CAPABILITY <...>] mx.alpha.test is ready
C: a LOGIN alice@alpha.test "correct horse"
S: a OK [CAPABILITY <...> METADATA <...> IMAPSIEVE=sieve://mx.alpha.test] Logged in
C: b SETMETADATA Drafts (/shared/imapsieve/script "none")
S: b NO [CANNOT] There is no script none; store it by ManageSieve first
C: c SETMETADATA Drafts (/shared/comment "x" /shared/imapsieve/script "../etc")
S: c NO [CANNOT] The value of /shared/imapsieve/script can't be the name of a script
C: d GETMETADATA Drafts (/shared/comment)
S: * METADATA Drafts (/shared/comment NIL)
S: d OK GETMETADATA completed
C: e SETMETADATA Drafts (/SHARED/imapsieve/Script "flag it")
S: e OK SETMETADATA completed
C: f GETMETADATA Drafts /shared/imapsieve/script
S: * METADATA Drafts (/shared/imapsieve/script "flag it")
S: f OK GETMETADATA completed
C: g APPEND Drafts {22+}
C: Subject: A
C:
C: Hello.
C:
S: g OK [APPENDUID <...> 1] APPEND completed
C: h SELECT Drafts
S: ...
S: h OK [READ-WRITE] <...>
C: i FETCH 1 FLAGS
S: * 1 FETCH (FLAGS (<...>seen-here))
S: i OK FETCH completed
C: j SETMETADATA "" (/shared/imapsieve/script "flag it")
S: j NO [NOPERM] /shared/imapsieve/script can't be changed
"""


async def test_a_client_chooses_the_script_of_a_mailbox(served):
    await give(served, 'addflag "seen-here";', "flag it")
    await play(await served.connect_silently(), CHOOSING)


async def test_the_script_of_the_mailbox_then_the_servers_then_the_configured_one(served, client):
    """RFC 6785 §2.3.1."""
    for name in ("imapsieve", "of mailbox", "of server"):
        await give(served, f'addflag "{name.replace(" ", "-")}";', name)
    await served.store.write(lambda tx: tx.run("UPDATE account SET is_admin = 1 WHERE account_id = 2"))
    admin = await served.login(1)

    async def runs(number):
        await client.append(letter(number), "Drafts")
        return (await flags_in(client, "Drafts"))[-1]

    assert await runs(1) == {"imapsieve"}
    await admin.ok('SETMETADATA "" (/shared/imapsieve/script "of server")')
    assert await runs(2) == {"of-server"}
    await client.ok('SETMETADATA Drafts (/shared/imapsieve/script "of mailbox")')
    assert await runs(3) == {"of-mailbox"}
    await client.append(letter(4), "Archive")
    assert await flags_in(client, "Archive") == [{"of-server"}]
    await client.ok('SETMETADATA Drafts (/shared/imapsieve/script "")')
    assert await runs(5) == set()  # empty is no script, and the server's is no second choice
    await client.ok("SETMETADATA Drafts (/shared/imapsieve/script NIL)")
    assert await runs(6) == {"of-server"}
    await admin.ok('SETMETADATA "" (/shared/imapsieve/script "")')
    assert await runs(7) == set()
    await admin.ok('SETMETADATA "" (/shared/imapsieve/script "nobody has it")')
    assert await runs(8) == set()
    assert b"[CANNOT]" in await admin.refused('SETMETADATA "" (/shared/imapsieve/script "a/b")')
    await admin.ok('SETMETADATA "" (/shared/imapsieve/script NIL)')
    assert await runs(9) == {"imapsieve"}


async def test_a_script_that_is_gone_is_none(served, client):
    await give(served, 'addflag "here";', "one")
    await give(served, 'addflag "default";')
    await client.ok('SETMETADATA INBOX (/shared/imapsieve/script "one")')

    async def append(number):
        await client.append(letter(number))
        await client.ok("NOOP")  # after the script

    await append(1)
    await served.store.write(rename_script, served.ids[0], "one", "two")
    await append(2)
    await served.store.write(rename_script, served.ids[0], "two", "one")
    await append(3)
    await served.store.write(delete_script, served.ids[0], "one")
    await append(4)
    assert await flags_in(client, "INBOX") == [{"here"}, set(), {"here"}, set()]


async def test_a_renamed_inbox_takes_the_choice_along(served, client):
    await give(served, 'addflag "here";', "one")
    await client.ok('SETMETADATA INBOX (/shared/imapsieve/script "one")')
    await client.append(letter())
    await client.ok("RENAME INBOX Old")
    await client.append(letter(2), "Old")
    assert await flags_in(client, "Old") == [{"here"}, {"here"}]


async def test_only_mailboxes_that_chose_it_run_it(served, client):
    await give(served, 'if environment "imap.cause" "COPY" { addflag "copied"; }', "one")
    await client.ok('SETMETADATA Archive (/shared/imapsieve/script "one")')
    await client.append(letter(), "Drafts")
    await client.ok("SELECT Drafts")
    await client.ok("COPY 1 Trash")
    await client.ok("COPY 1 Archive")
    await client.ok("MOVE 1 Archive")
    assert await flags_in(client, "Trash") == [set()]
    assert await flags_in(client, "Archive") == [{"copied"}, {"copied"}]


BOX = "#user/alice@alpha.test/Archive"


async def test_what_another_does_in_a_mailbox_runs_its_owners_script(served, client):
    await give(
        served,
        'if environment :matches "imap.user" "*" { set "who" "${1}"; }\n'
        'if environment :matches "imap.mailbox" "*" { set "where" "${1}"; }\n'
        'if environment :matches "imap.changedflags" "?*" { set "what" "${2}"; }\n'
        'addflag "${who}-${where}-${what}"; redirect :copy "x@x.test";',
    )
    await served.store.write(put_script, served.ids[1], "imapsieve", (REQUIRE + "discard;").encode())
    carole = await served.login(1)
    await client.ok("SETACL Archive carole@beta.test lrswi")
    for value in ('"imapsieve"', '""', "NIL"):
        assert b"[NOPERM]" in await carole.refused(
            f"SETMETADATA {BOX} (/shared/imapsieve/script {value})"
        )  # it is no oracle either
    await carole.append(letter(extra="X-A: b\r\n").replace(b"alice@alpha", b"zoe@x", 1), BOX)
    await carole.ok("NOOP")
    assert [each[:2] for each in await queued(served.store)] == [("alice@alpha.test", "x@x.test")]
    await carole.append(letter(2), BOX)  # carole can't have it sent as from alice
    await carole.ok(f"SELECT {BOX}")
    await carole.ok("STORE 2 +FLAGS (\\Seen)")  # carole's own: no flag of the mailbox's owner
    await carole.ok("STORE 1 +FLAGS (\\Flagged)")
    await carole.ok("NOOP")
    assert len(await queued(served.store)) == 2
    who = "carole@beta.test-Archive-"
    assert await flags_in(client, "Archive") == [{who, f"{who}Flagged", "\\Flagged"}, {who}]
    await is_sound(served)


async def test_flags_that_are_as_they_were_are_no_change(served, client):
    await give(served, 'addflag "ran";')
    await client.append(letter(), "Drafts")
    await client.ok("NOOP")
    drafts = await served.store.read(mailbox_id_of, served.ids[0], "Drafts")
    await client.ok("SELECT Drafts")
    await give(served, 'addflag "again";')
    bits = await served.store.read(lambda tx: tx.value("SELECT flags FROM entry"))
    await served.events.happened(
        LocalRecipient(served.ids[0], Address.parse("alice@alpha.test"), ""),
        Happened(Cause.FLAG, served.ids[0], drafts, [1], {1: bits}),
    )
    assert await flags_in(client, "Drafts") == [{"ran"}]


# What is redirected


async def test_a_redirected_draft_is_made_whole(served, client):
    """RFC 6785 §3.4, RFC 6409 §8."""
    await give(served, 'redirect "a@x.test"; redirect "a@x.test";')
    await client.append(b"Subject: Draft\r\nBcc: secret@x.test\r\n\r\nHello.\r\n")
    await client.ok("NOOP")
    ((sender, recipient, octets),) = await queued(served.store)
    assert (sender, recipient) == ("alice@alpha.test", "a@x.test")
    sent = read(octets)
    assert sent["From"] == "alice@alpha.test"
    assert sent["Bcc"] is None
    assert sent["Date"]
    assert sent["Message-ID"].endswith("@mx.alpha.test>")
    assert sent["Delivered-To"] == "alice@alpha.test"


async def test_nothing_in_a_mailbox_speaks_in_our_name(served, client):
    """SECURITY 31: the owner can put any message there."""
    await give(served, 'redirect "a@x.test";')
    forged = "Authentication-Results: mx.alpha.test; dmarc=pass header.from=bank.test\r\n"
    await client.append(letter(extra=forged).replace(b"alice@alpha.test>", b"boss@bank.test>", 1))
    await client.ok("NOOP")
    ((_, _, octets),) = await queued(served.store)
    names = [name.lower() for name in read(octets)]
    assert "from" in names
    assert not {"authentication-results", "arc-seal", "dkim-signature"} & {*names}


@pytest.mark.parametrize(
    "field",
    [
        b"From: carole@beta.test",
        b"From: alice@alpha.test\r\nSender: ceo@alpha.test",
        b"From: alice@alpha.test, ceo@alpha.test",
        b"From: a@x.test\r\nFrom: b@x.test",
        b"From: nobody",
    ],
)
async def test_nobody_redirects_under_the_address_of_another(served, client, field):
    """SECURITY 31."""
    await give(served, 'redirect "a@x.test";')
    await client.append(field + b"\r\nSubject: A\r\n\r\nHello.\r\n")
    assert await flags_in(client, "INBOX") == [set()]  # and it stays
    assert await queued(served.store) == []


# What was written down


class CrashError(Exception):
    """The process ends here."""


def pending(tx):
    return tx.value("SELECT count(*) FROM sieve_event")


async def crashed(served, monkeypatch, act):
    """Do it in a process that ends between the command and its script; the lease has run out."""

    async def end(*_):
        raise CrashError

    with monkeypatch.context() as patch:
        patch.setattr(served.events, "happened", end)
        await act()
    await served.store.write(lambda tx: tx.run("UPDATE sieve_event SET lease_until = 1"))


async def test_what_a_crash_kept_from_running_is_run_once(served, client, monkeypatch):
    await give(served, 'fileinto :copy "Archive"; redirect :copy "a@x.test"; addflag "ran";')
    await client.append(letter(1), "Drafts")
    await client.ok("SELECT Drafts")
    assert await served.store.read(pending) == 0
    ran = len(await queued(served.store))

    async def act():
        client.send(b"x APPEND Drafts {%d+}\r\n%s\r\ny NOOP\r\n" % (len(letter(2)), letter(2)))
        await client.ended()

    await crashed(served, monkeypatch, act)
    other = await served.login(mailbox="Drafts")

    async def move_and_flag():
        other.send(b"x UID STORE 1 +FLAGS (\\Flagged)\r\ny NOOP\r\n")
        await other.ended()

    await crashed(served, monkeypatch, move_and_flag)
    assert await served.store.read(pending) == 2
    assert len(await queued(served.store)) == ran
    assert await served.events.resume() is True
    assert await served.events.resume() is False
    assert await served.store.read(pending) == 0
    assert len(await queued(served.store)) == ran + 2
    last = await served.login()
    assert await flags_in(last, "Drafts") == [{"ran", "\\Flagged"}, {"ran"}]
    assert len(await flags_in(last, "Archive")) == 3
    await is_sound(served)


@pytest.mark.parametrize("command", [b"UID COPY 1 Archive", b"UID MOVE 1 Archive"])
async def test_copies_are_written_down(served, client, monkeypatch, command):
    await client.append(letter(1))
    await give(served, 'if environment "imap.cause" "COPY" { addflag "ran"; }')
    await client.ok("SELECT INBOX")

    async def act():
        client.send(b"x %s\r\ny NOOP\r\n" % command)
        await client.ended()

    await crashed(served, monkeypatch, act)
    await served.events.resume()
    assert await flags_in(await served.login(), "Archive") == [{"ran"}]


async def test_a_run_that_another_worker_did_is_not_done_again(served, client, monkeypatch):
    await give(served, 'fileinto :copy "Archive";')

    async def act():
        client.send(b"x APPEND INBOX {%d+}\r\n%s\r\ny NOOP\r\n" % (len(letter()), letter()))
        await client.ended()

    await crashed(served, monkeypatch, act)
    (leased,) = await served.store.write(lease_pending, "node/2/0")
    assert await served.events.resume() is False  # it has a lease
    event = Happened(Cause.APPEND, leased.account_id, leased.mailbox_id, leased.uids, {}, leased.modseq)
    actor = LocalRecipient(leased.actor_id, Address.parse(leased.actor), "")
    for _ in range(2):
        await served.events.happened(actor, event)
    assert len(await flags_in(await served.login(), "Archive")) == 1


async def test_runs_that_can_not_be_are_struck_out(served, client, monkeypatch):
    await give(served, 'addflag "ran";', "one")
    await client.ok('SETMETADATA INBOX (/shared/imapsieve/script "one")')

    async def act():
        client.send(b"x APPEND INBOX {%d+}\r\n%s\r\ny NOOP\r\n" % (len(letter()), letter()))
        await client.ended()

    await crashed(served, monkeypatch, act)
    await served.store.write(delete_script, served.ids[0], "one")
    assert await served.events.resume() is True
    assert await served.store.read(pending) == 0


async def test_a_run_that_fails_again_and_again_is_given_up(served, client, monkeypatch):
    await give(served, 'addflag "ran";')

    async def act():
        client.send(b"x APPEND INBOX {%d+}\r\n%s\r\ny NOOP\r\n" % (len(letter()), letter()))
        await client.ended()

    await crashed(served, monkeypatch, act)
    for _ in range(MAX_TRIES):
        await crashed(served, monkeypatch, lambda: served.store.write(lease_pending, "node/1/0"))
        assert await served.store.read(pending) == 1
    assert await served.events.resume() is False
    assert await served.store.read(pending) == 0


async def test_leases_of_a_node_that_began_anew_are_given_back(served, client, monkeypatch):
    await give(served, 'addflag "ran";')

    async def act():
        client.send(b"x APPEND INBOX {%d+}\r\n%s\r\ny NOOP\r\n" % (len(letter()), letter()))
        await client.ended()

    await crashed(served, monkeypatch, act)
    assert await served.store.read(has_pending, 1)
    await served.store.write(lease_pending, "node/1/0")
    for node, but_not, is_free in (
        ("other", "other/2", False),
        ("node", "node/1", False),
        ("node", "node/2", True),
    ):
        await served.store.write(release_pending, node, but_not)
        assert await served.store.read(has_pending, 1) is is_free


async def test_without_scripts_nothing_is_written_down(served, client):
    assert await served.events.watch(LocalRecipient(served.ids[0], Address.parse("a@x.test"), ""), 1) is None
    await client.append(letter())
    assert await served.store.read(pending) == 0
