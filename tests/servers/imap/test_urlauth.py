"""Signed URLs against the running server on both engines: who may use them, for what, and until when."""

import time

import pytest

from postier.imap.commands.urlauth import MAX_URLS
from tests.servers.imap.served import Served, letter

ALICE = "imap://alice%40alpha.test@mail.test"
CAROLE = "imap://carole%40beta.test@mail.test"
BOX = "%23user/alice@alpha.test/Team"


async def signed(client, rump):
    """The URL with its token."""
    (line,) = await client.ok(f'GENURLAUTH "{rump}" INTERNAL')
    return line.decode().removeprefix("* GENURLAUTH ").strip('"')


async def what(client, url):
    """What the URL leads to; None for NIL."""
    (line,) = await client.ok(f'URLFETCH "{url}"')
    rest = line.removeprefix(f'* URLFETCH "{url}" '.encode())
    if rest == b"NIL":
        return None
    return rest.partition(b"\r\n")[2] if rest.startswith(b"{") else rest.strip(b'"')


async def two(served):
    alice, carole = await served.login(), await served.login(1)
    await alice.append(letter(body="Hello 1\r\n"))
    return alice, carole


async def test_the_octets_of_a_url(served):
    alice, carole = await two(served)
    for path, octets in (
        ("", letter(body="Hello 1\r\n")),
        ("/;SECTION=TEXT", b"Hello 1\r\n"),
        ("/;section=header.fields%20(Subject)", b"Subject: Lunch\r\n\r\n"),
        ("/;SECTION=TEXT/;PARTIAL=2.3", b"llo"),
        ("/;PARTIAL=5.2", letter()[5:7]),
        ("/;SECTION=1/;PARTIAL=6", b"1\r\n"),
        ("/;SECTION=TEXT/;PARTIAL=900.1", b""),
        ("/;SECTION=7", b""),  # RFC 4467 §8: the URL is good
    ):
        url = await signed(alice, f"{ALICE}/INBOX/;UID=1{path};URLAUTH=authuser")
        assert await what(carole, url) == octets, path
    assert await alice.ok("STATUS INBOX (UNSEEN)") == [b"* STATUS INBOX (UNSEEN 1)"]


async def test_tokens_are_the_same_until_the_key_is_reset(served):
    alice, carole = await two(served)
    await alice.ok("CREATE Other")
    await alice.append(letter(2), "Other")
    rump, other = (f"{ALICE}/{name}/;UID=1;URLAUTH=anonymous" for name in ("INBOX", "Other"))
    url, second = await signed(alice, rump), await signed(alice, other)
    assert url == await signed(alice, rump)
    await alice.ok("RESETKEY INBOX")
    assert [await what(carole, one) is None for one in (url, second)] == [True, False]
    assert await what(carole, await signed(alice, rump))
    await alice.ok("RESETKEY")
    assert await what(carole, second) is None
    assert await what(carole, await signed(alice, other))


async def test_who_may_use_a_url(served):
    alice, carole = await two(served)
    for access, who in (
        ("anonymous", (True, True)),
        ("authuser", (True, True)),
        ("user+CAROLE%40beta.test", (False, True)),
        ("user+alice%40alpha.test", (True, False)),
        ("user+nobody%40beta.test", (False, False)),
        ("submit+alice%40alpha.test", (False, False)),
        ("submit+carole%40beta.test", (False, False)),
    ):
        url = await signed(alice, f"{ALICE}/INBOX/;UID=1;URLAUTH={access}")
        assert (await what(alice, url) is not None, await what(carole, url) is not None) == who, access


async def test_a_submission_entity(sqlite_store, tmp_path):
    async with Served(sqlite_store, tmp_path, submission_entities=frozenset(["carole@beta.test"])) as served:
        alice, carole = await two(served)
        url = await signed(alice, f"{ALICE}/INBOX/;UID=1;URLAUTH=submit+fred%40x.test")
        assert await what(carole, url) == letter(body="Hello 1\r\n")
        assert await what(alice, url) is None


async def test_until_when(served):
    alice, carole = await two(served)
    past, future = (
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + away)) for away in (-60, 600)
    )
    for moment, is_good in ((past, False), (future, True)):
        url = await signed(alice, f"{ALICE}/INBOX/;UID=1;EXPIRE={moment};URLAUTH=authuser")
        assert (await what(carole, url) is not None) is is_good
        assert await what(carole, url.replace(past, future)) is None or is_good


async def test_a_url_that_is_wrong_is_nil_and_nothing_more(served):
    alice, carole = await two(served)
    rump = f"{ALICE}/INBOX/;UID=1;URLAUTH=authuser"
    url = await signed(alice, rump)
    token = url.rpartition(":")[2]
    validity = (await alice.ok("STATUS INBOX (UIDVALIDITY)"))[0].split()[-1].decode().rstrip(")")
    fresh = await signed(alice, f"{ALICE}/INBOX;UIDVALIDITY={validity}/;UID=1;URLAUTH=authuser")
    assert await what(carole, fresh) is not None
    stale = await signed(alice, f"{ALICE}/INBOX;UIDVALIDITY=1/;UID=1;URLAUTH=authuser")
    missing = await signed(alice, f"{ALICE}/INBOX/;UID=9;URLAUTH=authuser")
    for wrong in (
        *(stale, missing, rump, "", "x", "imap://mail.test/", f"{ALICE}/INBOX", "/INBOX/;UID=1"),
        *(f"{rump}:INTERNAL:{'0' * 66}", f"{rump}:XSAMPLE:{token}", url[:-1]),
        url.replace("UID=1", "UID=01"),
        url.replace("alice", "carole"),
        url.replace("alice", "nobody"),
        url.replace("alice%40alpha.test", "alice"),
        url.replace("INBOX", "Nowhere"),
    ):
        (line,) = await carole.ok(f'URLFETCH "{wrong}"')
        assert line.endswith(b" NIL"), wrong


async def test_many_urls_at_once(served):
    alice, _ = await two(served)
    rumps = [f"{ALICE}/INBOX/;UID=1/;PARTIAL=0.{n};URLAUTH=authuser" for n in range(1, MAX_URLS + 1)]
    (line,) = await alice.ok("GENURLAUTH " + " ".join(f'"{rump}" INTERNAL' for rump in rumps))
    urls = line.decode().split()[2:]
    lines = await alice.ok("URLFETCH " + " ".join(urls))
    assert lines == [
        f"* URLFETCH {url} ".encode() + (b'"%b"' % letter()[:n] if b"\r" not in letter()[:n] else _literal(n))
        for n, url in enumerate(urls, 1)
    ]


def _literal(n):
    return b"{%d}\r\n%b" % (n, letter()[:n])


async def test_a_mailbox_of_another(served):
    alice, carole = await two(served)
    await alice.ok("CREATE Team")
    await alice.append(letter(3), "Team")
    rump = f"{CAROLE}/{BOX}/;UID=1;URLAUTH=authuser"
    before = await carole.refused(f'GENURLAUTH "{rump}" INTERNAL')
    assert before == await carole.refused(f'GENURLAUTH "{rump.replace("Team", "Nowhere")}" INTERNAL')
    await alice.ok("SETACL Team carole@beta.test lr")
    url = await signed(carole, rump)
    assert await what(alice, url) == letter(3)
    own = await signed(alice, f"{ALICE}/Team/;UID=1;URLAUTH=authuser")
    await carole.ok("RESETKEY #user/alice@alpha.test/Team")
    assert await what(alice, url) is None
    assert await what(carole, own) == letter(3)  # each reader has a key of their own


async def test_other_sessions_are_told(served):
    alice, carole = await two(served)
    other, idling = await served.login(mailbox="INBOX"), await served.login(mailbox="INBOX")
    elsewhere = await served.login(mailbox="Sent")
    await idling.start_idle()
    await alice.ok("RESETKEY INBOX")
    told = b"* OK [URLMECH INTERNAL] URLs can be authorized"
    assert await idling.line() == told
    assert await other.ok("NOOP") == [told]
    assert await other.ok("NOOP") == []
    assert await elsewhere.ok("NOOP") == []
    await alice.ok("RESETKEY INBOX")
    assert await other.ok("STORE 1 +FLAGS.SILENT (\\Flagged)") == [told]
    assert await idling.line() == told
    assert (await idling.done())[0].startswith(b"* 1 FETCH")
    await alice.ok("CREATE Team")
    await alice.ok("SETACL Team carole@beta.test lr")
    await carole.ok("SELECT #user/alice@alpha.test/Team")
    owner = await served.login(mailbox="Team")
    await alice.ok("RESETKEY Team")
    assert (await carole.ok("NOOP"), await owner.ok("NOOP")) == ([], [told])
    await carole.ok("RESETKEY #user/alice@alpha.test/Team")
    await carole.ok("NOOP")
    assert await owner.ok("NOOP") == []


async def test_catenate_takes_signed_urls(served):
    alice, carole = await two(served)
    url = await signed(
        alice, f"{ALICE}/INBOX/;UID=1/;SECTION=TEXT/;PARTIAL=0.5;URLAUTH=user+carole%40beta.test"
    )
    whole = f'(TEXT {{14+}}\r\nSubject: two\r\n TEXT {{2+}}\r\n\r\n URL "{url}")'
    await carole.ok(f"APPEND INBOX CATENATE {whole}")
    await carole.ok("SELECT INBOX")
    assert b"Subject: two\r\n\r\nHello" in (await carole.ok("FETCH 1 BODY.PEEK[]"))[0]
    refused = await alice.refused(f"APPEND INBOX CATENATE {whole}")
    assert refused == f"NO [BADURL {url}] The URL leads to no message".encode()
    await alice.ok("RESETKEY INBOX")
    assert await carole.refused(f"APPEND INBOX CATENATE {whole}") == refused


@pytest.mark.parametrize("count", [MAX_URLS + 1])
async def test_too_many_urls(served, count):
    alice = await served.login()
    assert await alice.refused("URLFETCH" + " x" * count) == b"BAD Too many URLs"
