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
