"""NOTIFY: what happens is told to a client that says nothing."""

from tests.servers.imap.served import letter


async def told(client, count):
    return [await client.line() for _ in range(count)]


async def quiet(client):
    """Nothing was told but what a command says."""
    return await client.command("NOOP") == [b"OK NOOP completed"]


async def test_the_selected_mailbox_is_told_of_at_once(served):
    one, other = await served.login(mailbox="INBOX"), await served.login(mailbox="INBOX")
    await other.ok(
        "NOTIFY SET (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))"
    )
    await one.append(letter(subject="Now"))
    assert await told(other, 3) == [
        b"* 1 EXISTS",
        b"* 1 RECENT",
        b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {16}\r\nSubject: Now\r\n\r\n)",
    ]
    await one.ok("STORE 1 +FLAGS (\\Deleted)")
    assert await told(other, 1) == [b"* 1 FETCH (UID 1 FLAGS (\\Recent \\Deleted))"]
    await one.ok("EXPUNGE")
    assert await told(other, 1) == [b"* 1 EXPUNGE"]
    assert await quiet(other)


async def test_selected_delayed_keeps_the_numbers(served):
    one, other = await served.login(mailbox="INBOX"), await served.login(mailbox="INBOX")
    for number in range(2):
        await one.append(letter(number))
    assert len(await other.ok("NOTIFY SET (selected-delayed (MessageNew (UID FLAGS) MessageExpunge))")) == 2
    await one.ok("STORE 1 +FLAGS (\\Deleted)")
    await one.ok("EXPUNGE")
    await one.append(letter(3))
    assert await told(other, 3) == [b"* 3 EXISTS", b"* 3 RECENT", b"* 3 FETCH (UID 3 FLAGS (\\Recent))"]
    assert await other.ok("FETCH 2 UID") == [b"* 2 FETCH (UID 2)"]
    assert await other.ok("NOOP") == [b"* 1 EXPUNGE"]


async def test_without_selected_the_mailbox_stands_still(served):
    one, other = await served.login(mailbox="INBOX"), await served.login(mailbox="INBOX")
    await other.ok("NOTIFY SET (mailboxes Sent (MessageNew MessageExpunge))")
    await one.append(letter(1))
    assert await quiet(other)
    assert await other.ok("UID SEARCH ALL") == [b"* SEARCH"]
    await one.append(letter(2), "Sent")
    assert await told(other, 1) == [b"* STATUS Sent (MESSAGES 1 UIDNEXT 2)"]
    await other.ok("SELECT INBOX")
    assert await other.ok("UID SEARCH ALL") == [b"* SEARCH 1"]
    await other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    assert await other.ok("EXPUNGE") == [b"* 1 EXPUNGE"]  # asked for
    await other.ok("NOTIFY NONE")
    await one.append(letter(3), "Sent")
    assert await quiet(other)


async def test_other_mailboxes_are_told_of_by_status(served):
    one, other = await served.login(), await served.login(mailbox="INBOX")
    await one.append(letter(1), "Sent")
    lines = await other.ok(
        "NOTIFY SET STATUS (selected (MessageNew MessageExpunge)) (mailboxes (Sent INBOX Nowhere)"
        " (MessageNew MessageExpunge FlagChange))"
    )
    assert [line.split(b" (")[0] for line in lines] == [b"* STATUS Sent"]
    for item in (b"MESSAGES 1", b"UIDNEXT 2", b"UIDVALIDITY ", b"HIGHESTMODSEQ "):
        assert item in lines[0]
    await one.ok("SELECT Sent")
    await one.ok("STORE 1 +FLAGS (\\Seen)")
    (line,) = await told(other, 1)
    assert line.startswith(b"* STATUS Sent (UIDVALIDITY ")
    assert line.endswith(b" UNSEEN 0)")
    await other.ok("ENABLE CONDSTORE")
    await one.append(letter(2), "Sent")
    (line,) = await told(other, 1)
    assert line.startswith(b"* STATUS Sent (MESSAGES 2 UIDNEXT 3 HIGHESTMODSEQ ")
    await one.append(letter(2), "Archive")
    assert await quiet(other)


async def test_names_and_subscriptions(served):
    one, other = await served.login(), await served.login()
    await other.ok("NOTIFY SET (personal (MailboxName SubscriptionChange))")
    await one.ok("CREATE A")
    assert await told(other, 1) == [b'* LIST (\\HasNoChildren) "/" A']
    await one.ok("CREATE A/B")
    assert await told(other, 2) == [b'* LIST (\\HasNoChildren) "/" A/B', b'* LIST (\\HasChildren) "/" A']
    await one.ok("RENAME A C")
    assert await told(other, 1) == [b'* LIST (\\HasChildren) "/" C ("OLDNAME" (A))']
    await one.ok("SUBSCRIBE C/B")
    assert await told(other, 1) == [b'* LIST (\\HasNoChildren \\Subscribed) "/" C/B']
    await one.ok("UNSUBSCRIBE C/B")
    assert await told(other, 1) == [b'* LIST (\\HasNoChildren) "/" C/B']
    await one.ok("DELETE C/B")
    assert await told(other, 2) == [
        b'* LIST (\\NonExistent \\Noselect \\HasNoChildren) "/" C/B',
        b'* LIST (\\HasNoChildren) "/" C',
    ]
    assert await quiet(other)


async def test_metadata(served):
    one, other = await served.login(), await served.login()
    await other.ok("NOTIFY SET (subtree Sent (MailboxMetadataChange)) (inboxes (ServerMetadataChange))")
    await one.ok('SETMETADATA Sent (/private/comment "x")')
    assert await told(other, 1) == [b"* METADATA Sent /private/comment"]
    await one.ok('SETMETADATA INBOX (/private/comment "x")')
    await one.ok('SETMETADATA "" (/private/vendor/x/y "x")')
    assert await told(other, 1) == [b'* METADATA "" /private/vendor/x/y']


async def test_in_idle_the_same_is_told(served):
    one, other = await served.login(), await served.login(mailbox="INBOX")
    await other.ok(
        "NOTIFY SET (selected-delayed (MessageNew MessageExpunge)) (mailboxes Sent (MessageNew MessageExpunge))"
    )
    await other.start_idle()
    await one.append(letter(1))
    assert await told(other, 2) == [b"* 1 EXISTS", b"* 1 RECENT"]
    await one.append(letter(1), "Sent")
    assert await told(other, 1) == [b"* STATUS Sent (MESSAGES 1 UIDNEXT 2)"]
    assert await other.done() == [b"a4 OK IDLE terminated"]
    await one.append(letter(2), "Sent")
    assert await told(other, 1) == [b"* STATUS Sent (MESSAGES 2 UIDNEXT 3)"]


async def test_mailboxes_of_others(served):
    alice, carole = await served.login(), await served.login(1)
    await alice.ok("CREATE Team")
    await carole.ok("NOTIFY SET (subtree #user (MailboxName MessageNew MessageExpunge))")
    await alice.ok("SETACL Team carole@beta.test lr")
    assert b'* LIST (\\HasNoChildren) "/" #user/alice@alpha.test/Team' in await told(carole, 2)
    await alice.append(letter(), "Team")
    assert await told(carole, 1) == [b"* STATUS #user/alice@alpha.test/Team (MESSAGES 1 UIDNEXT 2)"]
    await alice.ok("SETACL Team carole@beta.test l")
    await alice.append(letter(), "Team")
    assert await quiet(carole)  # it may be listed, not read
    assert await carole.ok("NOTIFY SET (subtree #user (MessageNew MessageExpunge))") == [
        b'* LIST (\\NoAccess) "/" #user/alice@alpha.test/Team'
    ]
    await carole.ok("NOTIFY SET (subtree #user (MailboxName))")
    await alice.ok("DELETEACL Team carole@beta.test")
    assert b'* LIST (\\NonExistent \\Noselect \\HasNoChildren) "/" #user/alice@alpha.test/Team' in await told(
        carole, 2
    )


async def test_a_connection_that_goes_is_forgotten(embedded):
    client = await embedded.login(mailbox="INBOX")
    await client.ok("NOTIFY SET (selected (MessageNew MessageExpunge))")
    assert len(embedded.conversation.idlers.waiting) == 1
    await client.ok("NOTIFY SET (personal (MailboxName))")
    assert len(embedded.conversation.idlers.waiting) == 1
    await client.command("UNAUTHENTICATE")
    assert not embedded.conversation.idlers.waiting


async def test_a_kept_result_may_have_what_to_tell_of_new_messages(served):
    one, other = await served.login(), await served.login(mailbox="INBOX")
    await other.ok("SEARCH RETURN (COUNT UPDATE (UID RFC822.SIZE)) SUBJECT lunch")
    await one.append(letter(1))
    await one.append(letter(2, subject="Dinner"))
    assert await other.ok("NOOP") == [
        b"* 2 EXISTS",
        b"* 2 RECENT",
        b"* 1 FETCH (UID 1 RFC822.SIZE %d)" % len(letter(1)),
        b'* ESEARCH (TAG "a3") ADDTO (0 1)',
    ]
