"""NOTIFY: what happens is told to a client that says nothing."""

from postier.servers.imap import notify
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
    assert await told(carole, 1) == [b'* LIST (\\NoAccess) "/" #user/alice@alpha.test/Team']
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


SELECTED = (
    "NOTIFY SET (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))"
)


async def test_new_messages_are_told_of_at_the_end_of_commands_too(served):
    one, other = await served.login(mailbox="INBOX"), await served.login(mailbox="INBOX")
    await other.ok(SELECTED)
    await one.append(letter(1, subject="A"))
    lines = await other.ok("CHECK")
    lines += await told(other, 3 - len(lines))
    assert lines == [
        b"* 1 EXISTS",
        b"* 1 RECENT",
        b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {14}\r\nSubject: A\r\n\r\n)",
    ]
    assert await quiet(other)


async def test_what_the_client_files_itself_is_not_fetched_for_it(served):
    one, other = await served.login(mailbox="INBOX"), await served.login(mailbox="INBOX")
    await other.ok(SELECTED)
    await other.append(letter(1))
    assert [line for line in await other.ok("NOOP") if b"FETCH" in line] == []
    await other.ok("COPY 1 INBOX")
    assert [line for line in await other.ok("NOOP") if b"FETCH" in line] == []
    await one.append(letter(3))
    (line,) = [line for line in await told(other, 3) if b"FETCH" in line]
    assert line.startswith(b"* 3 FETCH (UID 3 ")
    await other.ok("SELECT INBOX")
    await one.append(letter(4))
    (line,) = [line for line in await told(other, 3) if b"FETCH" in line]
    assert line.startswith(b"* 4 FETCH (UID 4 ")


async def test_what_a_kept_result_and_notify_want_is_one_fetch(served):
    one, other = await served.login(), await served.login(mailbox="INBOX")
    await other.ok("SEARCH RETURN (COUNT UPDATE (UID RFC822.SIZE)) SUBJECT lunch")
    await other.ok("NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge))")
    await one.append(letter(1))
    assert await told(other, 4) == [
        b"* 1 EXISTS",
        b"* 1 RECENT",
        b"* 1 FETCH (UID 1 FLAGS (\\Recent) RFC822.SIZE %d)" % len(letter(1)),
        b'* ESEARCH (TAG "a3") ADDTO (0 1)',
    ]
    await one.append(letter(2, subject="Dinner"))
    assert (await told(other, 3))[-1] == b"* 2 FETCH (UID 2 FLAGS (\\Recent))"
    assert await quiet(other)


async def test_too_many_accounts(served, monkeypatch):
    alice, carole = await served.login(), await served.login(1)
    await alice.ok("CREATE Team")
    monkeypatch.setattr(notify, "MAX_ACCOUNTS", 1)
    await carole.ok("NOTIFY SET (subtree #user (MailboxName)) (personal (MailboxName))")
    await alice.ok("SETACL Team carole@beta.test lr")
    assert await told(carole, 1) == [b"* OK [NOTIFICATIONOVERFLOW] Mailboxes of too many accounts"]
    await carole.ok("CREATE Mine")
    assert await quiet(carole)  # as after NOTIFY NONE
    text = await carole.refused("NOTIFY SET (subtree #user (MailboxName))")
    assert text.startswith(b"NO [NOTIFICATIONOVERFLOW] ")
    await carole.ok("NOTIFY SET (personal (MailboxName))")
    other = await served.login(1)
    await other.ok("CREATE More")
    assert await told(carole, 1) == [b'* LIST (\\HasNoChildren) "/" More']


async def test_another_mailbox_under_the_old_name_is_told_by_its_uidvalidity(served):
    one, other = await served.login(), await served.login()
    await one.ok("CREATE A")
    await other.ok("NOTIFY SET (mailboxes A (MessageNew MessageExpunge FlagChange))")
    await one.ok("DELETE A")
    await one.ok("CREATE A")
    (line,) = [line for line in await told(other, 1) if line.startswith(b"* STATUS A ")]
    assert b"UIDVALIDITY" in line


async def test_access_lost_and_given_again(served):
    alice, carole = await served.login(), await served.login(1)
    await alice.ok("CREATE Team")
    await alice.ok("SETACL Team carole@beta.test lr")
    await carole.ok("NOTIFY SET (subtree #user (MessageNew MessageExpunge))")
    await alice.ok("SETACL Team carole@beta.test l")
    assert await told(carole, 1) == [b'* LIST (\\NoAccess) "/" #user/alice@alpha.test/Team']
    await alice.append(letter(), "Team")
    assert await quiet(carole)
    await alice.ok("SETACL Team carole@beta.test lr")
    assert await told(carole, 1) == [b'* LIST (\\HasNoChildren) "/" #user/alice@alpha.test/Team']
    await alice.append(letter(), "Team")
    assert await told(carole, 1) == [b"* STATUS #user/alice@alpha.test/Team (MESSAGES 2 UIDNEXT 3)"]


async def test_names_that_are_gone_are_not_remembered_for_ever(embedded, monkeypatch):
    monkeypatch.setattr(notify, "MAX_GONE", 1)
    one, other = await embedded.login(), await embedded.login()
    for name in ("A", "B"):
        await one.ok(f"CREATE {name}")
    await other.ok("NOTIFY SET (personal (MessageNew MessageExpunge FlagChange MailboxName))")
    for name in ("A", "B"):
        await one.ok(f"DELETE {name}")
        await other.until(b"* LIST (\\NonExistent")
    await one.ok("CREATE A")
    assert await told(other, 1) == [b'* LIST (\\HasNoChildren) "/" A']
    assert await quiet(other)


async def test_renaming_inbox_makes_a_mailbox_and_leaves_inbox(served):
    one, other = await served.login(), await served.login()
    await other.ok("NOTIFY SET (personal (MailboxName))")
    await one.ok("RENAME INBOX Old")
    assert await told(other, 1) == [b'* LIST (\\HasNoChildren) "/" Old']  # RFC 5465 §5.4: no event for INBOX
    assert await quiet(other)
