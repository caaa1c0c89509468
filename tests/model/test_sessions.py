"""Many sessions at random in the same mailboxes, in several workers: none is ever told what contradicts what it knows, and when
all is quiet each believes what is true. `--model-seconds` says for how long (`make test-model`: minutes).
"""

import asyncio
import random

import pytest

from tests.crash.node import PASSWORD, listener, populate
from tests.model.shadow import Registry, Shadow
from tests.ports import free_port
from tests.server_process import ServerProcess
from tests.servers.imap.served import LIMIT_S, Client, letter

SESSIONS = 6
MAILBOXES = ("INBOX", "Archive")
STATE_FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "$Work")
KINDS = ("rev1", "rev2", "condstore", "qresync")
MOST_MESSAGES = 60


@pytest.fixture(params=["sqlite", "postgres"])
async def server(request, tmp_path):
    port = free_port()
    url = (
        "sqlite:" if request.param == "sqlite" else request.getfixturevalue("postgres_server").new_database()
    )
    configuration = tmp_path / "postier.toml"
    configuration.write_text(
        f'hostname = "mx.alpha.test"\nworkers = 2\n[store]\nurl = "{url}"\n{listener("imap", port)}'
        '[limits]\nexempt_networks = ["127.0.0.0/8"]\n[access]\nplaintext_login = true\n[log]\nlevel = "warning"\n'
    )
    await populate(configuration)
    process = ServerProcess(configuration)
    await process.start()
    yield port, process
    assert await process.stop() == 0
    assert "Traceback" not in process.log.read_text()


async def connect(port, registry, kind):
    client = Client(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 24))
    await client.line()
    await client.ok(f"LOGIN u0@alpha.test {PASSWORD}")
    if kind == "rev2":
        await client.ok("ENABLE IMAP4rev2")
    elif kind in {"condstore", "qresync"}:
        await client.ok(f"ENABLE {kind.upper()}")
    return Shadow(client, registry, has_qresync=kind == "qresync", has_modseq=kind == "condstore")


async def act(shadow, chance, number):
    """One thing that a client does."""
    count = len(shadow.messages)
    some = f"{chance.randint(1, count)}:{chance.randint(1, count)}" if count else ""
    uid = "UID " * chance.getrandbits(1)
    other = chance.choice(MAILBOXES)
    flags = " ".join(chance.sample(STATE_FLAGS, chance.randint(1, 2)))
    what = chance.choice(
        ["append"] * 3
        + ["store"] * 6
        + ["expunge", "uid expunge", "copy", "move", "move", "noop", "fetch", "search", "sort", "thread"]
        + ["idle", "select", "context", "resync", "learn", "body"]
    )
    if (what == "append" and count < MOST_MESSAGES) or (not count and what != "select"):
        message = letter(number, subject=chance.choice(("a", "Re: a", "b")))
        await shadow.do(b"APPEND %b {%d+}\r\n%b" % (other.encode(), len(message), message), other)
    elif what == "store":
        silent = ".SILENT" * chance.getrandbits(1)
        named = range(*sorted(int(each) for each in some.split(":")))
        last = await shadow.do(f"STORE {some} {chance.choice(('+', '-', ''))}FLAGS{silent} ({flags})")
        assert last.startswith((b"OK", b"NO [EXPUNGEISSUED]")), last
        if silent:
            for place in (*named, named.stop):
                shadow.messages[place - 1].flags = None  # it is told no more than others may have told it
    elif what in {"copy", "move"} and count < MOST_MESSAGES:
        last = await shadow.do(f"{uid}{what.upper()} {chance.randint(1, count)} {other}", other)
        assert last.startswith((b"OK", b"NO")), last
    elif what == "search":
        await shadow.do(f"{uid}SEARCH {chance.choice(('SEEN', 'SUBJECT a', 'UNDELETED'))}")
    elif what == "sort":
        await shadow.do(f"{uid}SORT (SUBJECT REVERSE DATE) UTF-8 ALL")
    elif what == "thread":
        await shadow.do(f"{uid}THREAD REFERENCES UTF-8 ALL")
    elif what == "fetch":
        await shadow.do(f"FETCH {some} (UID FLAGS)")
    elif what == "body":
        await shadow.do(f"FETCH {chance.randint(1, count)} BODY[HEADER]")
    elif what == "idle":
        await shadow.client.start_idle()
        for line in (await shadow.client.done())[:-1]:
            shadow.hear(line, "IDLE")
    elif what == "select":
        await shadow.select(other)
    elif what == "context" and shadow.kept is None:
        await keep(shadow)
    elif what == "resync" and shadow.has_qresync:
        await shadow.resync()
    elif what == "learn":
        await shadow.learn()
    elif what == "expunge":
        await shadow.do("EXPUNGE")
    elif what == "uid expunge":
        await shadow.do("UID EXPUNGE 1:*")
    else:
        await shadow.do("NOOP")


async def keep(shadow):
    """A context of what is flagged."""
    shadow.client.send("c UID SEARCH RETURN (UPDATE ALL) FLAGGED\r\n")
    shadow.kept = set()
    for line in (await shadow.client.until(b"c "))[:-1]:
        if line.startswith(b'* ESEARCH (TAG "c") UID') and b"ADDTO" not in line and b"REMOVEFROM" not in line:
            shadow.kept = set(found_in(line))
        else:
            shadow.hear(line, "UID")


def found_in(line):
    from tests.model.shadow import members

    return members(line.rpartition(b" ALL ")[2]) if b" ALL " in line else []


async def live(shadow, chance, until):
    loop, number = asyncio.get_running_loop(), 0
    await shadow.select(chance.choice(MAILBOXES))
    while loop.time() < until:
        number += 1
        await act(shadow, chance, number)
        if shadow.has_qresync and any(message.uid is None for message in shadow.messages):
            await shadow.learn()  # VANISHED names UIDs: who is told by it must know them
    return number


async def test_no_session_contradicts_itself_or_the_truth(server, request):
    port, _ = server
    seconds = request.config.getoption("--model-seconds")
    seed = request.config.getoption("--model-seed")
    chance, registry = random.Random(seed), Registry()
    shadows = [await connect(port, registry, KINDS[number % len(KINDS)]) for number in range(SESSIONS)]
    until = asyncio.get_running_loop().time() + seconds
    async with asyncio.timeout(seconds + 60):
        done = await asyncio.gather(
            *(live(shadow, random.Random(chance.random()), until) for shadow in shadows)
        )
    assert min(done) > 3
    for shadow in shadows:
        await shadow.do("NOOP")
    for mailbox in MAILBOXES:
        truth = await connect(port, registry, "rev1")
        await truth.select(mailbox)
        await truth.learn()
        for shadow in shadows:
            if shadow.mailbox != mailbox:
                continue
            assert len(shadow.messages) == len(truth.messages)
            for believed, true in zip(shadow.messages, truth.messages, strict=True):
                assert believed.uid in {None, true.uid}
                assert believed.flags in {None, true.flags}
            if shadow.kept is not None:
                assert shadow.kept == {each.uid for each in truth.messages if b"\\Flagged" in each.flags}
        truth.client.close()
    await prompt(shadows)
    for shadow in shadows:
        shadow.client.close()


async def prompt(shadows):
    """All wait but one: what it does, each is told at once, in whichever worker."""
    for shadow in shadows:
        await shadow.select("INBOX")
    first, *others = shadows
    for shadow in others:
        await shadow.client.start_idle()
    message = letter(0)
    await first.do(b"APPEND INBOX {%d+}\r\n%b" % (len(message), message), "INBOX")
    async with asyncio.timeout(LIMIT_S):
        for shadow in others:
            while not (line := await shadow.client.line()).endswith(b"EXISTS"):
                shadow.hear(line, "IDLE")
            shadow.hear(line, "IDLE")
    for shadow in others:
        await shadow.client.done()
        assert len(shadow.messages) == len(first.messages)
