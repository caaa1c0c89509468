"""SECURITY 14: whatever carole does, alice's mailboxes are as if they did not exist, and stay as they were."""

from tests.servers.imap.served import letter

NAMES = (
    "Private",
    "alice@alpha.test/Private",
    "../1/Private",
    "user/alice@alpha.test/Private",
    "Other Users/alice",
    "#user/alice@alpha.test/Private",
    "#user/alice@alpha.test/INBOX",
    "#user/alice@alpha.test",
    "#user/nobody@alpha.test/INBOX",
    "#shared/alice@alpha.test/Private",
    "#user/",
)
COMMANDS = (
    "SELECT {}",
    "EXAMINE {}",
    "STATUS {} (MESSAGES)",
    "DELETE {}",
    "RENAME {} Mine",
    "COPY 1 {}",
    "UID MOVE 1 {}",
    "RESETKEY {}",
    "APPEND {} CATENATE (URL /INBOX/;UID=1)",
    "SETACL {} carole@beta.test lr",
    "DELETEACL {} carole@beta.test",
    "GETACL {}",
    "LISTRIGHTS {} carole@beta.test",
    "MYRIGHTS {}",
    "GETMETADATA {} /shared/comment",
    "SETMETADATA {} (/private/comment NIL)",
)


async def test_every_command_that_names_a_mailbox(served):
    alice = await served.login()
    await alice.ok("CREATE Private")
    await alice.append(letter(), "Private")
    carole = await served.login(1)
    await carole.append(letter())
    await carole.ok("SELECT INBOX")
    for command in COMMANDS:
        for name in NAMES:
            if (await carole.command("SELECT INBOX"))[-1].startswith(b"OK"):
                theirs = await carole.refused(command.format(f'"{name}"'))
                assert theirs == await carole.refused(command.format('"Nowhere at all"')), (command, name)
    for name in NAMES:
        for scope in ("mailboxes", "subtree", "subtree-one"):
            assert await carole.ok(f'ESEARCH IN ({scope} "{name}") ALL') == []
    assert all(b"INBOX" in line for line in await carole.ok("ESEARCH IN (personal subscribed) ALL"))
    assert (await carole.append(letter(), "Private")).startswith(b"NO [TRYCREATE]")
    assert not [line for line in await carole.ok('LIST "" *') if b"Private" in line]
    assert not [line for line in await carole.ok('LSUB "" *') if b"Private" in line]
    assert await alice.ok("STATUS Private (MESSAGES)") == [b"* STATUS Private (MESSAGES 1)"]


async def test_uids_of_another_account_name_nothing(served):
    alice = await served.login(mailbox="INBOX")
    for number in range(5):
        await alice.append(letter(number, subject="secret"))
    carole = await served.login(1)
    await carole.append(letter(subject="own"))
    await carole.ok("SELECT INBOX")
    lines = await carole.ok("UID FETCH 1:* (UID ENVELOPE BODY.PEEK[])")
    assert len(lines) == 1
    assert b"secret" not in lines[0]
    await carole.ok("UID STORE 1:9 +FLAGS.SILENT (\\Deleted)")
    await carole.ok("EXPUNGE")
    assert await alice.ok("STATUS INBOX (MESSAGES DELETED)") == [b"* STATUS INBOX (MESSAGES 5 DELETED 0)"]


async def test_another_accounts_changes_wake_and_tell_nobody(served):
    alice, carole = await served.login(mailbox="INBOX"), await served.login(1, "INBOX")
    await carole.start_idle()
    await alice.append(letter())
    assert await carole.done() == [b"a3 OK IDLE terminated"]


async def test_what_can_be_made_or_asked_below_another_tells_nothing(served):
    carole = await served.login(1)
    for command in ("CREATE {}/x", "RENAME Sent {}/x", "RENAME {} Mine", "GETMETADATA {} /shared/comment"):
        answers = {
            await carole.refused(command.format(f'"#user/{who}/{name}"'))
            for who in ("alice@alpha.test", "nobody@alpha.test")
            for name in ("INBOX", "Sent", "No such name")
        }
        assert len(answers) == 1, (command, answers)
    for who in ("alice@alpha.test", "nobody@alpha.test"):
        lines = await carole.ok(f'GETQUOTAROOT "#user/{who}/INBOX"')
        assert b"carole@beta.test" in lines[0]
        assert lines[1].startswith(b"* QUOTA carole@beta.test ")


async def test_an_identifier_tells_nothing_of_accounts(served):
    alice = await served.login()
    for who in ("carole@beta.test", "nobody@beta.test", "nobody@nowhere.test"):
        assert await alice.command(f"SETACL INBOX {who} lr") == [b"OK SETACL completed"]
        assert await alice.ok(f"LISTRIGHTS INBOX {who}") == [
            b'* LISTRIGHTS INBOX %b "" l r s w i p k x t e a c d' % who.encode()
        ]
