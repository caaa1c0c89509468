"""Mailboxes of others over IMAP: as far as the rights go and no further, at once when they are taken back."""

import pytest

from tests.servers.imap.served import letter

BOX = "#user/alice@alpha.test/Team"


async def shared(served, rights, *, messages=3):
    """Alice, whose mailbox Team has some messages, and carole, who has rights to it."""
    alice, carole = await served.login(), await served.login(1)
    await alice.ok("CREATE Team")
    for number in range(messages):
        await alice.append(letter(number), "Team")
    await alice.ok(f"SETACL Team carole@beta.test {rights}")
    return alice, carole


async def test_a_list_is_kept(served):
    alice, carole = await shared(served, "lrs")
    assert await alice.ok("GETACL Team") == [
        b"* ACL Team alice@alpha.test lrswipkxteacd carole@beta.test lrs"
    ]
    await alice.ok("SETACL Team carole@beta.test +d")
    await alice.ok("SETACL Team CAROLE@beta.test -s")
    assert await carole.ok(f"MYRIGHTS {BOX}") == [b"* MYRIGHTS %b lrted" % BOX.encode()]
    assert (await carole.refused(f"GETACL {BOX}")).startswith(b"NO [NOPERM]")
    assert (await alice.refused("SETACL Team alice lr")).startswith(b"NO [CANNOT]")
    assert await alice.ok("LISTRIGHTS Team alice") == [b"* LISTRIGHTS Team alice lrswipkxteacd"]
    await alice.ok("DELETEACL Team carole@beta.test")
    assert (await carole.refused(f"MYRIGHTS {BOX}")).startswith(b"NO [NONEXISTENT]")


async def test_namespaces_and_listings(served):
    alice, carole = await shared(served, "lr")
    assert await carole.ok("NAMESPACE") == [b'* NAMESPACE (("" "/")) (("#user/" "/")) (("#shared/" "/"))']
    assert await carole.ok('LIST "" "#user/%/%"') == [b'* LIST (\\HasNoChildren) "/" %b' % BOX.encode()]
    assert await carole.ok('LIST "" "#user/*" RETURN (MYRIGHTS STATUS (MESSAGES UNSEEN MAILBOXID))') == [
        b'* LIST (\\NonExistent \\Noselect \\HasChildren) "/" #user/alice@alpha.test',
        b'* LIST (\\HasNoChildren) "/" %b' % BOX.encode(),
        b"* STATUS %b (MESSAGES 3 UNSEEN 3 MAILBOXID (F1-7))" % BOX.encode(),
        b"* MYRIGHTS %b lr" % BOX.encode(),
    ]
    await carole.ok(f"SUBSCRIBE {BOX}")
    assert [line for line in await carole.ok('LIST (SUBSCRIBED) "" *') if b"#user" in line] == [
        b'* LIST (\\HasNoChildren \\Subscribed) "/" %b' % BOX.encode()
    ]
    await carole.ok(f"UNSUBSCRIBE {BOX}")
    assert not [line for line in await alice.ok('LIST "" *') if b"#" in line]


async def test_who_may_read_reads_and_no_more(served):
    _, carole = await shared(served, "lr")
    lines = await carole.command(f"SELECT {BOX}")
    assert b"* OK [PERMANENTFLAGS ()] Flags that can be stored" in lines
    assert lines[-1].startswith(b"OK [READ-ONLY]")
    assert len(await carole.ok("FETCH 1:* BODY[]")) == 3
    assert await carole.ok("FETCH 1 FLAGS") == [b"* 1 FETCH (FLAGS ())"]  # not set without the right
    for command in ("STORE 1 +FLAGS (\\Seen)", "EXPUNGE", "MOVE 1 INBOX", "UID EXPUNGE 1"):
        assert (await carole.refused(command)).startswith(b"NO [NOPERM]"), command
    assert (await carole.append(letter(), BOX)).startswith(b"NO [NOPERM]")
    assert (await carole.refused(f"COPY 1 {BOX}")).startswith(b"NO [NOPERM]")
    assert (await carole.refused(f"DELETE {BOX}")).startswith(b"NO [NOPERM]")
    assert (await carole.refused(f"CREATE {BOX}/x")).startswith(b"NO [NOPERM]")
    assert (await carole.refused(f"RENAME {BOX} Mine")).startswith(b"NO")
    await carole.ok("CLOSE")


async def test_seen_is_ones_own(served):
    alice, carole = await shared(served, "lrs")
    other = await served.login(1)
    await alice.ok("SELECT Team")
    await alice.ok("STORE 1 +FLAGS.SILENT (\\Seen)")
    lines = await carole.command(f"SELECT {BOX}")
    assert b"* OK [PERMANENTFLAGS (\\Seen)] Flags that can be stored" in lines
    await other.ok(f"SELECT {BOX}")
    assert await carole.ok("SEARCH UNSEEN") == [b"* SEARCH 1 2 3"]
    assert await carole.ok("STORE 2 +FLAGS (\\Seen \\Flagged)") == [b"* 2 FETCH (FLAGS (\\Seen))"]
    (line,) = await carole.ok("FETCH 3 BODY[TEXT]")
    assert line.startswith(b"* 3 FETCH (FLAGS (\\Seen) BODY[TEXT]")
    assert await other.ok("NOOP") == [
        b"* 2 FETCH (UID 2 FLAGS (\\Seen))",
        b"* 3 FETCH (UID 3 FLAGS (\\Seen))",
    ]
    assert await carole.ok("SEARCH SEEN") == [b"* SEARCH 2 3"]
    assert await carole.ok("SEARCH NOT SEEN") == [b"* SEARCH 1"]
    assert await carole.ok("SEARCH UNSEEN UNFLAGGED TEXT Hello") == [b"* SEARCH 1"]
    assert await carole.ok(f"STATUS {BOX} (UNSEEN)") == [b"* STATUS %b (UNSEEN 1)" % BOX.encode()]
    assert (await alice.ok("FETCH 1:* FLAGS"))[:3] == [
        b"* 1 FETCH (FLAGS (\\Recent \\Seen))",
        b"* 2 FETCH (FLAGS (\\Recent))",
        b"* 3 FETCH (FLAGS (\\Recent))",
    ]
    assert await alice.ok("STATUS Team (UNSEEN)") == [b"* STATUS Team (UNSEEN 2)"]


async def test_idle_in_a_mailbox_of_another(served):
    alice, carole = await shared(served, "lr", messages=1)
    await carole.ok(f"SELECT {BOX}")
    await carole.start_idle()
    await alice.append(letter(9), "Team")
    assert await carole.line() == b"* 2 EXISTS"
    assert await carole.line() == b"* 1 RECENT"
    await alice.ok("DELETEACL Team carole@beta.test")
    assert await carole.ended() == b"* BYE The selected mailbox was deleted\r\n"


async def test_rights_that_are_taken_back_are_gone_at_once(served):
    alice, carole = await shared(served, "lrswite")
    await carole.ok(f"SELECT {BOX}")
    await carole.ok("STORE 1 +FLAGS (\\Flagged)")
    await alice.ok("SETACL Team carole@beta.test lrs")
    lines = await carole.command("STORE 1 +FLAGS (\\Deleted)")
    assert lines[0] == b"* OK [PERMANENTFLAGS (\\Seen)] Flags that can be stored"
    assert lines[-1].startswith(b"NO [NOPERM]")
    await alice.ok("SETACL Team carole@beta.test l")
    carole.send("x FETCH 1 FLAGS\r\n")
    assert await carole.ended() == b"* BYE The selected mailbox was deleted\r\n"


@pytest.mark.parametrize("verb", ["COPY", "MOVE"])
async def test_messages_go_from_one_account_to_another_and_back(served, verb):
    alice, carole = await shared(served, "lrswite")
    await alice.ok("SELECT Team")
    await alice.ok("STORE 2 +FLAGS ($Work \\Seen \\Flagged)")
    await carole.ok(f"SELECT {BOX}")
    await carole.ok("STORE 1 +FLAGS.SILENT (\\Seen)")
    lines = await carole.ok(f"UID {verb} 1:2 INBOX")
    if verb == "MOVE":
        assert [line for line in lines if b"EXPUNGE" in line] == [b"* 2 EXPUNGE", b"* 1 EXPUNGE"]
    await carole.ok("SELECT INBOX")
    assert await carole.ok("FETCH 1:2 (FLAGS RFC822.SIZE)") == [
        b"* 1 FETCH (FLAGS (\\Recent \\Seen) RFC822.SIZE %d)" % len(letter(0)),
        b"* 2 FETCH (FLAGS (\\Recent \\Flagged $Work) RFC822.SIZE %d)" % len(letter(1)),
    ]
    (line,) = await carole.ok("FETCH 2 BODY.PEEK[]")
    assert letter(1) in line
    await carole.ok(f"UID {verb} 1:2 {BOX}")
    await carole.ok(f"SELECT {BOX}")
    assert (await carole.ok("FETCH 1:* FLAGS"))[-2:] == [
        b"* %d FETCH (FLAGS (\\Seen))" % (2 if verb == "MOVE" else 4),
        b"* %d FETCH (FLAGS (\\Flagged $Work))" % (3 if verb == "MOVE" else 5),
    ]
    await alice.ok("SELECT Team")
    assert b"\\Seen" not in (await alice.ok("FETCH * FLAGS"))[-1]


async def test_appending_to_another(served):
    alice, carole = await shared(served, "lrsi")
    assert (await carole.append(letter(7), BOX, "(\\Seen \\Flagged \\Deleted $x) ")).startswith(
        b"OK [APPENDUID "
    )
    await carole.ok(f"SELECT {BOX}")
    assert await carole.ok("FETCH 4 FLAGS") == [b"* 4 FETCH (FLAGS (\\Seen))"]  # RFC 4314 §4
    await alice.ok("SELECT Team")
    assert await alice.ok("FETCH 4 FLAGS") == [b"* 4 FETCH (FLAGS (\\Recent))"]
    (_, line) = await carole.ok(f"GETQUOTAROOT {BOX}")
    assert line.startswith(b"* QUOTA alice@alpha.test ")


async def test_copies_within_the_mailboxes_of_another(served):
    alice, carole = await shared(served, "lrswite")
    await alice.ok("CREATE Team/Old")  # inherits
    await alice.ok("SETACL Team/Old carole@beta.test lrsi")
    await alice.ok("SELECT Team")
    await alice.ok("STORE 1:2 +FLAGS (\\Seen \\Flagged)")
    await carole.ok(f"SELECT {BOX}")
    await carole.ok("STORE 2 +FLAGS (\\Seen)")
    await carole.ok(f"COPY 1:2 {BOX}/Old")
    await carole.ok(f"SELECT {BOX}/Old")
    assert await carole.ok("FETCH 1:* FLAGS") == [b"* 1 FETCH (FLAGS ())", b"* 2 FETCH (FLAGS (\\Seen))"]


async def test_annotations_of_a_shared_mailbox(served):
    alice, carole = await shared(served, "lr")
    await alice.ok('SETMETADATA Team (/private/comment "mine" /shared/comment "ours")')
    assert await carole.ok(f"GETMETADATA {BOX} (/private/comment /shared/comment)") == [
        b'* METADATA %b (/private/comment NIL /shared/comment "ours")' % BOX.encode()
    ]
    await carole.ok(f'SETMETADATA {BOX} (/private/comment "carole\'s")')
    assert await alice.ok("GETMETADATA Team /private/comment") == [
        b'* METADATA Team (/private/comment "mine")'
    ]
    assert (await carole.refused(f'SETMETADATA {BOX} (/shared/comment "x")')).startswith(b"NO [NOPERM]")


async def test_a_client_that_comes_back_to_a_shared_mailbox(served):
    alice, carole = await shared(served, "lrs")
    await carole.ok("ENABLE QRESYNC")
    lines = await carole.ok(f"SELECT {BOX}")
    validity = next(line for line in lines if b"UIDVALIDITY" in line).split()[3].rstrip(b"]").decode()
    modseq = next(line for line in lines if b"HIGHESTMODSEQ" in line).split()[3].rstrip(b"]").decode()
    other = await served.login(1)
    await other.ok(f"SELECT {BOX}")
    await other.ok("STORE 2 +FLAGS.SILENT (\\Seen)")
    await alice.ok("SELECT Team")
    await alice.ok("STORE 3 +FLAGS.SILENT (\\Deleted)")
    await alice.ok("EXPUNGE")
    lines = await carole.ok(f"SELECT {BOX} (QRESYNC ({validity} {modseq}))")
    assert b"* VANISHED (EARLIER) 3" in lines
    assert next(line for line in lines if b"FETCH" in line).startswith(
        b"* 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ"
    )
