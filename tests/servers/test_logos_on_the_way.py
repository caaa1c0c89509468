"""BIMI in the server: what a letter is told of its author's logo, without waiting for it; fields that others wrote go."""

import asyncio
import base64
import time

import pytest

from postier.app.logo_fetcher import LogoFetcher
from postier.mailauth import dkim
from postier.mailauth.authentication_results import parse
from postier.mta.logos.shelf import LogoShelf
from postier.smtp.settings import Role
from postier.store.transaction import StoreUnavailableError
from postier.tls.certificates import CertificateFiles
from postier.tls.logos import LogoSource
from postier.tls.server import ServerTls, Service
from tests.certificate_authority import Authority
from tests.mailauth.bimi.marks import LOGO, authority
from tests.mta.post_office import eventually
from tests.servers.smtp_server import HOSTNAME, NOW_S, letters

LETTER = b"From: News <news@brand.test>\r\nTo: alice@alpha.test\r\nSubject: x\r\n\r\nHi.\r\n"
FORGED = (
    b"BIMI-Location: v=BIMI1; l=https://evil.test/bank.svg\r\nbimi-indicator: PHN2Zy8+\r\n PHN2Zy8+\r\n"
    b"BIMI-Logo-Preference: avp=brand;\r\n"
)
KEY = dkim.SigningKey("brand.test", "k", dkim.generate_key("ed25519"))


class Web:
    """An HTTPS server of logos on loopback, and what it was asked."""

    def __init__(self):
        self.asked = []
        self.body = LOGO
        self.port = 0

    async def serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.split(b" ")[1].decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(self.body), self.body))
        await writer.drain()
        writer.close()


@pytest.fixture
async def web(tmp_path):
    (tmp_path / "web").mkdir()
    made = Web()
    made.authority = Authority(tmp_path / "web")
    tls = ServerTls(Service.HTTP, [CertificateFiles(*made.authority.issue("web", "logo.brand.test"))])
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls.context)
    async with server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


def zones(port, *, policy="reject", record="v=BIMI1; l=https://logo.brand.test:{port}/a.svg;", more=""):
    text = record.format(port=port)
    return {
        ".": "",
        "brand.test": (
            '@ IN TXT "v=spf1 ip4:127.0.0.0/8 -all"\n'
            f'_dmarc IN TXT "v=DMARC1; p={policy}"\n'
            f'default._bimi IN TXT "{text}"\nlogo IN A 127.0.0.1\n'
            f'k._domainkey IN TXT "{dkim.key_record(KEY.private.public_key())}"\n{more}'
        ),
    }


def real_now_us():
    return time.time_ns() // 1000


def bimi_of(letter):
    """The bimi= entry of our own Authentication-Results; None without one."""
    text = letter.replace(b"\r\n ", b" ")
    (line,) = [
        line
        for line in text.split(b"\r\n")
        if line.startswith(f"Authentication-Results: {HOSTNAME}".encode())
    ]
    found = [each for each in parse(line.partition(b":")[2]).results if each.method == "bimi"]
    return found[0] if found else None


def logo_fields(letter):
    """The fields for mail programs."""
    header = letter.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").split(b"\r\n")
    return dict(line.split(b": ", 1) for line in header if line.lower().startswith(b"bimi-"))


async def send(node, letter=LETTER, recipient="alice@alpha.test", sender="bounce@brand.test"):
    client = await node.greeted()
    assert (await client.mail(sender, recipient, letter=letter)).startswith("250 ")


async def fetched(node, web, shelf):
    """Fetch what was wished for, as the duty does."""
    source = LogoSource(node.resolver, authorities=web.authority.file, allow_private_addresses=True)
    count = len(web.asked)
    async with asyncio.TaskGroup() as tasks:
        service = LogoFetcher(node.store, shelf, source, real_now_us)
        await service.start(tasks)

        async def is_done():
            kept = "SELECT count(*) FROM judged_logo WHERE fetching_until = 0"
            return shelf.wishes.empty() and await node.store.read(lambda tx: tx.value(kept))

        await eventually(is_done)
        service.stop_accepting()
    return len(web.asked) - count


async def test_a_letter_never_waits_and_the_next_one_has_the_logo(start, store, web):
    shelf = LogoShelf(store, real_now_us)
    node = await start(zones=zones(web.port), logos=shelf)
    await send(node)
    await send(node)
    assert web.asked == []
    assert shelf.wishes.qsize() == 1
    assert await fetched(node, web, shelf) == 1
    await send(node)
    first, second, third = await letters(store, "alice@alpha.test")
    for early in (first, second):
        assert (bimi_of(early).result, bimi_of(early).value_of("header", "d")) == ("temperror", "brand.test")
        assert logo_fields(early) == {}
    told = bimi_of(third)
    assert (told.result, told.value_of("header", "selector")) == ("pass", "default")
    assert told.value_of("policy", "indicator-hash")
    fields = logo_fields(third)
    assert fields[b"BIMI-Location"] == f"v=BIMI1; l=https://logo.brand.test:{web.port}/a.svg;".encode()
    assert base64.b64decode(fields[b"BIMI-Indicator"].replace(b" ", b"")) == LOGO
    assert third.startswith(b"Return-Path: <bounce@brand.test>\r\nAuthentication-Results: ")


async def test_all_workers_have_what_one_fetched(start_embedded, sqlite_store, web):
    shelf, other = LogoShelf(sqlite_store, real_now_us), LogoShelf(sqlite_store, real_now_us)
    node = await start_embedded(zones=zones(web.port), logos=shelf)
    await send(node)
    await fetched(node, web, shelf)
    second = await start_embedded(zones=zones(web.port), logos=other)
    await send(second)
    assert bimi_of((await letters(sqlite_store, "alice@alpha.test"))[1]).result == "pass"
    assert other.wishes.empty()


@pytest.mark.parametrize("looks_up", [True, False])
async def test_fields_from_outside_go(start, store, web, looks_up):
    """Whether or not logos are looked up: whoever shows them would show a stranger's."""
    shelf = LogoShelf(store, real_now_us) if looks_up else None
    node = await start(zones=zones(web.port), logos=shelf)
    signed = dkim.sign(FORGED + LETTER, [KEY], NOW_S, headers=("from", "bimi-location", "bimi-indicator"))
    await send(node, signed + FORGED + LETTER, "both@alpha.test")
    (letter,) = await letters(store, "carole@alpha.test")
    assert logo_fields(letter) == {}
    assert b"dkim=pass" in letter  # it covered them as they came
    (job,) = node.jobs
    assert logo_fields(await store.read_blob(job.message.blob_id)) == {}
    assert (bimi_of(letter) is not None) == looks_up


async def test_users_write_no_such_fields_either(start, store):
    node = await start(role=Role.SUBMISSION, tls=True)
    user = await node.user()
    letter = FORGED + b"From: alice@alpha.test\r\nSubject: x\r\n\r\nHi.\r\n"
    assert (await user.mail("alice@alpha.test", "bob@alpha.test", letter=letter)).startswith("250 ")
    assert logo_fields((await letters(store, "bob@alpha.test"))[0]) == {}


@pytest.mark.parametrize(
    ("policy", "author", "sender"),
    [
        ("none", "brand.test", "bounce@brand.test"),  # enforces nothing
        ("reject", "unknown.test", "z@unknown.test"),  # has no policy
    ],
)
async def test_who_is_not_proved_and_protected_is_not_looked_up(
    start_embedded, sqlite_store, policy, author, sender
):
    shelf = LogoShelf(sqlite_store, real_now_us)
    node = await start_embedded(zones=zones(1, policy=policy), logos=shelf)
    await send(node, LETTER.replace(b"brand.test", author.encode()), sender=sender)
    (letter,) = await letters(sqlite_store, "alice@alpha.test")
    assert bimi_of(letter) is None
    assert shelf.wishes.empty()


async def test_a_failure_of_dmarc_asks_for_no_logo(start_embedded, sqlite_store):
    shelf = LogoShelf(sqlite_store, real_now_us)
    node = await start_embedded(zones=zones(1), logos=shelf)
    await send(node, sender="z@elsewhere.test")
    (letter,) = await letters(sqlite_store, "alice@alpha.test", "Junk")
    assert bimi_of(letter) is None


@pytest.mark.parametrize(
    ("record", "result"),
    [("v=BIMI1; l=; a=;", "declined"), ("v=other", "none"), ("v=BIMI1; l=http://brand.test/", "fail")],
)
async def test_what_dns_alone_answers(start_embedded, sqlite_store, record, result):
    shelf = LogoShelf(sqlite_store, real_now_us)
    node = await start_embedded(zones=zones(1, record=record), logos=shelf)
    await send(node)
    (letter,) = await letters(sqlite_store, "alice@alpha.test")
    assert bimi_of(letter).result == result
    assert logo_fields(letter) == {}
    assert shelf.wishes.empty()


@pytest.mark.parametrize("is_signed", [True, False])
async def test_a_selector_counts_when_it_is_signed(start_embedded, sqlite_store, is_signed):
    other = 'winter._bimi IN TXT "v=BIMI1; l=https://logo.brand.test/winter.svg"\n'
    shelf = LogoShelf(sqlite_store, real_now_us)
    node = await start_embedded(zones=zones(1, more=other), logos=shelf)
    letter = b"BIMI-Selector: v=BIMI1; s=winter;\r\n" + LETTER
    names = ("from", "bimi-selector") if is_signed else ("from",)
    await send(node, dkim.sign(letter, [KEY], NOW_S, headers=names) + letter)
    (found,) = await letters(sqlite_store, "alice@alpha.test")
    assert bimi_of(found).value_of("header", "selector") == ("winter" if is_signed else "default")
    assert b"BIMI-Selector: v=BIMI1; s=winter;" in found  # it is the author's


async def test_with_roots_mail_programs_get_only_what_somebody_vouches_for(start_embedded, sqlite_store, web):
    shelf = LogoShelf(sqlite_store, real_now_us, (authority().root,))
    node = await start_embedded(zones=zones(web.port), logos=shelf)
    await send(node)
    await fetched(node, web, shelf)
    await send(node)
    letter = (await letters(sqlite_store, "alice@alpha.test"))[1]
    assert bimi_of(letter).result == "pass"
    assert logo_fields(letter) == {}
    shelf.trust(())  # judged anew
    await send(node)
    assert bimi_of((await letters(sqlite_store, "alice@alpha.test"))[2]).result == "temperror"
    assert shelf.wishes.qsize() == 1


async def test_a_logo_that_is_none(start_embedded, sqlite_store, web):
    web.body = b"<svg onload='x()'/>"
    shelf = LogoShelf(sqlite_store, real_now_us)
    node = await start_embedded(zones=zones(web.port), logos=shelf)
    await send(node)
    await fetched(node, web, shelf)
    await send(node)
    letter = (await letters(sqlite_store, "alice@alpha.test"))[1]
    assert bimi_of(letter).result == "fail"
    assert logo_fields(letter) == {}


async def test_a_store_that_does_not_answer_costs_the_logo_only(
    start_embedded, sqlite_store, web, monkeypatch
):
    shelf = LogoShelf(sqlite_store, real_now_us)

    class Away:
        async def read(self, *_):
            raise StoreUnavailableError("away")

    monkeypatch.setattr(shelf, "_store", Away())
    node = await start_embedded(zones=zones(web.port), logos=shelf)
    await send(node)
    assert bimi_of((await letters(sqlite_store, "alice@alpha.test"))[0]).result == "temperror"
