"""Sessions that look at one mailbox see what the others do, when the protocol lets them be told."""

from tests.servers.imap.served import letter


async def two(served):
    one = await served.login()
    for number in range(3):
        await one.append(letter(number))
    await one.ok("SELECT INBOX")  # the messages are \\Recent here
    return one, await served.login(mailbox="INBOX")


async def test_new_messages_flags_and_expunges_of_another_session_are_told(served):
    one, other = await two(served)
    await one.append(letter(4))
    assert await other.ok("NOOP") == [b"* 4 EXISTS", b"* 1 RECENT"]
    await one.ok("STORE 2 +FLAGS (\\Flagged \\Deleted)")
    assert await other.ok("NOOP") == [b"* 2 FETCH (UID 2 FLAGS (\\Flagged \\Deleted))"]
    await one.ok("EXPUNGE")
    assert await other.ok("NOOP") == [b"* 2 EXPUNGE"]
    assert await other.ok("NOOP") == []


async def test_expunges_are_withheld_while_numbers_are_in_use(served):
    one, other = await two(served)
    await one.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    await one.ok("EXPUNGE")
    assert await other.ok("SEARCH ALL") == [b"* SEARCH 2 3"]  # the client still counts three
    assert await other.command("FETCH 1:3 UID") == [
        b"* 2 FETCH (UID 2)",
        b"* 3 FETCH (UID 3)",
        b"NO [EXPUNGEISSUED] Some of the messages no longer exist",
    ]
    assert (await other.command("STORE 1:2 +FLAGS (\\Seen)"))[-1].startswith(b"NO [EXPUNGEISSUED]")
    assert await other.ok("UID FETCH 1:3 FLAGS") == [
        b"* 2 FETCH (UID 2 FLAGS (\\Seen))",
        b"* 3 FETCH (UID 3 FLAGS ())",
        b"* 1 EXPUNGE",
    ]
    assert await other.ok("FETCH 1 UID") == [b"* 1 FETCH (UID 2)"]


async def test_a_silent_store_is_not_told_to_its_own_session_but_others_changes_are(served):
    one, other = await two(served)
    await one.ok("STORE 1 +FLAGS.SILENT (\\Flagged)")
    assert await other.ok("STORE 1:2 +FLAGS.SILENT (\\Seen)") == [
        b"* 1 FETCH (UID 1 FLAGS (\\Seen \\Flagged))"  # both changes; number 2 changed silently
    ]
    assert await one.ok("NOOP") == [
        b"* 1 FETCH (UID 1 FLAGS (\\Recent \\Seen \\Flagged))",
        b"* 2 FETCH (UID 2 FLAGS (\\Recent \\Seen))",
    ]


async def test_messages_that_are_not_announced_are_not_answered_for(served):
    one, other = await two(served)
    await one.append(letter(4))
    assert await other.ok("FETCH 1:* UID") == [
        *(b"* %d FETCH (UID %d)" % (number, number) for number in (1, 2, 3)),
        b"* 4 EXISTS",
        b"* 1 RECENT",
    ]


async def test_a_search_and_a_fetch_by_uid_are_for_what_is_there_now(served):
    one, other = await two(served)
    await one.append(letter(4))
    assert await other.ok("UID SEARCH ALL") == [b"* 4 EXISTS", b"* 1 RECENT", b"* SEARCH 1 2 3 4"]
    await one.append(letter(5))
    assert (await other.ok("UID FETCH 5:* UID"))[-1] == b"* 5 FETCH (UID 5)"


async def test_keywords_of_another_session_are_told_before_flags_that_have_them(served):
    one, other = await two(served)
    await one.ok("STORE 1 +FLAGS ($Work)")
    lines = await other.ok("NOOP")
    assert lines[0] == b"* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $Work)"
    assert lines[1] == b"* 1 FETCH (UID 1 FLAGS ($Work))"
    await one.ok("STORE 2 +FLAGS ($Home)")
    assert (await other.ok("SEARCH KEYWORD $Home"))[-1] == b"* SEARCH 2"


async def test_a_mailbox_that_another_session_deletes_ends_the_session(served):
    one = await served.login()
    await one.ok("CREATE Doomed")
    other = await served.login(mailbox="Doomed")
    await one.ok("DELETE Doomed")
    other.send("a NOOP\r\n")
    assert (await other.ended()).startswith(b"* BYE The selected mailbox was deleted")
    await one.ok("CREATE Doomed")
    await one.append(letter(), "Doomed")
    other = await served.login(mailbox="Doomed")
    await one.ok("DELETE Doomed")
    other.send("a FETCH 1 FLAGS\r\n")  # the first command that needs to know which messages there were
    assert (await other.ended()).startswith(b"* BYE The selected mailbox was deleted")
    await one.ok("CREATE Own")
    await one.ok("SELECT Own")
    await one.ok("DELETE Own")
    assert (await one.refused("CHECK")).startswith(b"BAD")


async def test_a_renamed_mailbox_stays_selected(served):
    one, other = await two(served)
    await other.ok("CREATE Old")
    await other.ok("SELECT Old")
    await one.ok("RENAME Old New")
    await one.append(letter(), "New")
    assert await other.ok("NOOP") == [b"* 1 EXISTS", b"* 1 RECENT"]


async def test_recent_is_told_to_one_session_only(served):
    one = await served.login()
    await one.append(letter())
    assert b"* 1 RECENT" in await one.ok("SELECT INBOX")
    other = await served.login()
    assert b"* 0 RECENT" in await other.ok("SELECT INBOX")
    await one.append(letter(2))
    assert b"* 1 RECENT" in await other.ok("EXAMINE INBOX")
    await one.ok("UNSELECT")
    assert b"* 1 RECENT" in await one.ok("SELECT INBOX")  # EXAMINE took nothing away


async def test_body_sets_seen_once_and_peek_and_examine_do_not(served):
    one, other = await two(served)
    await one.ok("FETCH 1 BODY.PEEK[]")
    await one.ok("EXAMINE INBOX")
    await one.ok("FETCH 1 BODY[]")
    assert await other.ok("NOOP") == []
    await one.ok("SELECT INBOX")
    lines = await one.ok("FETCH 1:2 BODY[TEXT]")
    assert [b"\\Seen" in line for line in lines] == [True, True]
    assert b"FLAGS" not in (await one.ok("FETCH 1 BODY[TEXT]"))[0]
    assert len(await other.ok("NOOP")) == 2


async def test_many_messages_come_in_portions_and_gaps_are_right(served):
    one = await served.login(mailbox="INBOX")
    message = letter()
    for _ in range(5):
        head = b"APPEND INBOX" + b"".join(b" {%d+}\r\n%b" % (len(message), message) for _ in range(900))
        await one.ok(head)
    await one.ok("STORE 2:4,1000,4500 +FLAGS.SILENT (\\Deleted)")
    assert await one.ok("EXPUNGE") == [b"* %d EXPUNGE" % number for number in (4500, 1000, 4, 3, 2)]
    uids = [*range(1, 2), *range(5, 1000), *range(1001, 4500)]
    for client in (one, await served.login(mailbox="INBOX")):
        lines = await client.ok("FETCH 1:* UID")
        assert lines == [b"* %d FETCH (UID %d)" % pair for pair in enumerate(uids, 1)]
    lines = await one.ok("FETCH 1,3:5,4400:* (UID RFC822.SIZE)")
    assert [int(line.split()[1]) for line in lines] == [1, 3, 4, 5, *range(4400, 4496)]
    assert len(await one.ok("UID STORE 1:4499 +FLAGS (\\Seen)")) == 4495
    assert len(await one.ok("FETCH 1:300 BODY.PEEK[]")) == 300
    assert len(await one.ok("COPY 1:* Archive")) == 0
    assert len(await one.ok("MOVE 1:* Archive")) == 4496
    assert (await one.ok("STATUS Archive (MESSAGES UNSEEN)"))[0].endswith(b"(MESSAGES 8990 UNSEEN 0)")
