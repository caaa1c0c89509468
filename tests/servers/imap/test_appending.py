"""APPEND beyond the transcripts: pipelines, many connections, quota, large messages."""

import asyncio

from tests.servers.imap.served import Served, letter


def pipelined(count, mailbox="INBOX", tag="p"):
    parts = []
    for number in range(count):
        message = letter(number)
        parts.append(b"%b%d APPEND %b {%d+}\r\n" % (tag.encode(), number, mailbox.encode(), len(message)))
        parts.append(message + b"\r\n")
    return b"".join(parts)


async def test_a_pipeline_is_answered_in_order_and_in_few_commits(served):
    client = await served.login()
    commits = []
    unwatch = served.store.watch(served.ids[0], commits.append)
    client.send(pipelined(50))
    lines = await client.until(b"p49 ")
    unwatch()
    assert [line.split(b" ")[0] for line in lines] == [b"p%d" % number for number in range(50)]
    assert [int(line.split(b"]")[0].split()[-1]) for line in lines] == [*range(1, 51)]
    assert len(commits) < 25


async def test_one_bad_append_of_a_pipeline_does_not_harm_the_others(served):
    client = await served.login()
    message = letter()
    bad = b"q APPEND Nowhere {%d+}\r\n%b\r\n" % (len(message), message)
    client.send(pipelined(2) + bad + b"r NOOP\r\n")
    lines = await client.until(b"r ")
    assert next(line.split(b"]")[0].rsplit(b" ", 1)[0] for line in lines[:2]).startswith(b"p0 OK [APPENDUID")
    assert [line[:2] for line in lines] == [b"p0", b"p1", b"q ", b"r "]
    assert lines[2] == b"q NO [TRYCREATE] No such mailbox"


async def test_ten_connections_at_once(served):
    clients = [await served.login() for _ in range(10)]
    async with asyncio.TaskGroup() as tasks:
        for client in clients:
            client.send(pipelined(10))
            tasks.create_task(client.until(b"p9 "))
    assert await clients[0].ok("STATUS INBOX (MESSAGES)") == [b"* STATUS INBOX (MESSAGES 100)"]


async def test_over_quota(store, tmp_path):
    message = letter()
    async with Served(store, tmp_path, quota_bytes=len(message) + 10) as served:
        client = await served.login()
        assert (await client.append(message)).startswith(b"OK")
        assert (await client.append(message)).startswith(b"NO [OVERQUOTA]")
        assert (await client.refused(f"APPEND INBOX {{{len(message)}}}")).startswith(b"NO [OVERQUOTA]")
        assert (await client.refused("COPY 1 Archive")).startswith(b"BAD")
        await client.ok("SELECT INBOX")
        assert (await client.refused("COPY 1 Archive")).startswith(b"NO [OVERQUOTA]")
        await client.ok("MOVE 1 Archive")
        used = -(-len(message) // 1024)
        (_, line) = await client.ok("GETQUOTAROOT INBOX")
        assert line == b"* QUOTA alice@alpha.test (STORAGE %d 0 MAILBOX 6 10000)" % used


async def test_a_large_message_comes_back_as_it_was(served):
    client = await served.login(mailbox="INBOX")
    message = letter(body=("0123456789" * 7 + "\r\n") * 40_000)
    assert (await client.append(message)).startswith(b"OK")
    (line,) = await client.ok("FETCH 1 BODY.PEEK[]")
    assert line == b"* 1 FETCH (BODY[] {%d}\r\n%b)" % (len(message), message)
    (line,) = await client.ok("FETCH 1 BODY.PEEK[]<1000000.20>")
    assert line == b"* 1 FETCH (BODY[]<1000000> {20}\r\n%b)" % message[1_000_000:1_000_020]


async def test_messages_of_one_command_are_filed_together_or_not_at_all(embedded):
    client = await embedded.login()
    message = letter()
    several = b" {%d+}\r\n%b" % (len(message), message) * 3
    assert (await client.command(b"APPEND INBOX" + several + b" {0+}\r\n"))[-1] == b"NO The message is empty"
    assert (await client.command(b"APPEND INBOX" + several + b" nonsense"))[-1].startswith(b"BAD")
    assert await client.ok("STATUS INBOX (MESSAGES)") == [b"* STATUS INBOX (MESSAGES 0)"]
    assert (await client.command(b"APPEND INBOX" + several))[-1].endswith(b" 1:3] APPEND completed")


async def test_other_commands_of_the_pipeline_keep_their_place(embedded):
    client = await embedded.login()
    client.send(b"a SELECT INBOX\r\n" + pipelined(2) + b"b FETCH 1:* UID\r\n" + pipelined(1, tag="q"))
    lines = await client.until(b"q0 ")
    order = [line.split(b" ")[0] for line in lines if not line.startswith(b"*")]
    assert order == [b"a", b"p0", b"p1", b"b", b"q0"]
    assert b"* 2 FETCH (UID 2)" in lines


async def test_binary_parts_are_kept_as_base64_and_given_back(served):
    client = await served.login(mailbox="INBOX")
    message = b"Subject: x\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\1\2"
    assert (await client.command(b"APPEND INBOX ~{%d+}\r\n%b" % (len(message), message)))[-1].startswith(
        b"OK"
    )
    (line,) = await client.ok("FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1] BODYSTRUCTURE)")
    assert b"BINARY.SIZE[1] 3 BINARY[1] ~{3}\r\n\0\1\2" in line
    assert b'"base64"' in line.lower()
    assert b"AAEC" in (await client.ok("FETCH 1 BODY.PEEK[]"))[0]
    hopeless = b"Subject: x\0\r\n\r\n"
    refused = (await client.command(b"APPEND INBOX ~{%d+}\r\n%b" % (len(hopeless), hopeless)))[-1]
    assert refused.startswith(b"NO [UNKNOWN-CTE]")


async def test_replacing_counts_only_what_is_more(store, tmp_path):
    message = letter()
    async with Served(store, tmp_path, quota_bytes=len(message) + 10) as served:
        client = await served.login(mailbox="INBOX")
        await client.append(message)
        longer = message + b"123456789"
        await client.ok(b"REPLACE 1 INBOX {%d+}\r\n%b" % (len(longer), longer))
        longest = longer + b"123456789"
        refused = await client.refused(b"REPLACE 1 INBOX {%d+}\r\n%b" % (len(longest), longest))
        assert refused.startswith(b"NO [OVERQUOTA]")
        assert (await client.ok("FETCH 1:* (UID RFC822.SIZE)"))[
            0
        ] == b"* 1 FETCH (UID 2 RFC822.SIZE %d)" % len(longer)


async def test_what_is_put_together_is_bounded(sqlite_store, tmp_path):
    message = letter(body="x" * 400 + "\r\n")
    async with Served(sqlite_store, tmp_path, message_bytes=len(message) + 10) as served:
        client = await served.login()
        await client.append(message)
        refused = await client.refused('APPEND INBOX CATENATE (URL "/INBOX/;UID=1" URL "/INBOX/;UID=1")')
        assert refused == b"NO [TOOBIG] The message is too large"
        many = " ".join(['URL "/INBOX/;UID=1/;SECTION=TEXT/;PARTIAL=0.1"'] * 1001)
        assert (await client.refused(f"APPEND INBOX CATENATE ({many})")).startswith(b"BAD")
        await client.ok('APPEND INBOX CATENATE (URL "/INBOX/;UID=1")')


async def test_replacing_tells_vanished_and_the_mod_sequence(served):
    client, other = await served.login(), await served.login()
    await client.ok("ENABLE QRESYNC")
    await client.append(letter())
    await client.ok("SELECT INBOX")
    await other.ok("SELECT INBOX")
    message = letter(2)
    lines = await client.command(b"UID REPLACE 1 INBOX {%d+}\r\n%b" % (len(message), message))
    assert [line.split(b"]")[0].split(b" ")[2] for line in lines[:1]] == [b"[APPENDUID"]
    assert lines[1:3] == [b"* VANISHED 1", b"* 1 EXISTS"]
    assert lines[-1].startswith(b"OK [HIGHESTMODSEQ ")
    assert await other.ok("NOOP") == [b"* 1 EXPUNGE", b"* 1 EXISTS", b"* 1 RECENT"]
    await other.ok("EXAMINE INBOX")
    assert (await other.refused(b"UID REPLACE 2 INBOX {%d+}\r\n%b" % (len(message), message))).startswith(
        b"NO"
    )


async def test_as_many_at_once_as_are_told(sqlite_store, tmp_path):
    async with Served(sqlite_store, tmp_path) as served:
        alice, carole = await served.login(), await served.login(1)
        limit = next(
            int(word.removeprefix(b"SAVELIMIT="))
            for line in await alice.ok("CAPABILITY")
            for word in line.split()
            if word.startswith(b"SAVELIMIT=")
        )
        assert limit >= 1000  # RFC 9738 §3
        one = b" {3+}\r\na\r\n"
        (refused,) = await alice.command(b"APPEND INBOX" + one * (limit + 1))
        assert refused.startswith(b"NO [MESSAGELIMIT %d] " % limit)
        assert await alice.ok("STATUS INBOX (MESSAGES)") == [b"* STATUS INBOX (MESSAGES 0)"]
        await alice.ok(b"APPEND INBOX" + one * limit)
        await alice.ok(b"APPEND INBOX" + one)
        await carole.ok("CREATE Team")
        await carole.ok("SETACL Team alice@alpha.test lri")
        await alice.ok("SELECT INBOX")
        assert await alice.ok("UID SEARCH RETURN (COUNT) UIDAFTER 1 UIDBEFORE 1000") == [
            b'* ESEARCH (TAG "a8") UID COUNT 998'
        ]
        text = await alice.refused("COPY 1:* #user/carole@beta.test/Team")  # all or nothing
        assert text.startswith(b"NO [MESSAGELIMIT %d 2] " % limit)
        assert await carole.ok("STATUS Team (MESSAGES)") == [b"* STATUS Team (MESSAGES 0)"]
        await alice.ok("COPY 1:* Archive")  # nothing is made anew in one's own account
