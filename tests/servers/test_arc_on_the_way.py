"""ARC in the server: a chain is verified on the way in, a trusted one lifts DMARC's policy, what is passed on is sealed."""

import time

import pytest

from postier.accounts.aliases import add_alias
from postier.accounts.dkim_keys import DkimAlgorithm, DkimKey, add_key, record_text
from postier.accounts.domains import add_domain
from postier.mailauth import arc, dkim
from postier.mailauth.authentication_results import MethodResult, Property, parse
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import StaticResolver
from postier.mime.address import Address
from postier.mta.authenticate import MAX_ARC_QUESTIONS
from postier.smtp.settings import Role
from tests.mta.post_office import post_office
from tests.mta.remote_server import Remote
from tests.servers.smtp_server import HOSTNAME, NOW_S, letters

LETTER = (
    b"From: boss@bank.test\r\nTo: list@list.test\r\nSubject: [list] Hello\r\n\r\nHi.\r\n-- \r\nfooter\r\n"
)
UNPROTECTED = LETTER.replace(
    b"bank", b"remote"
)  # a domain without DMARC: not judged junk, so aliases pass it on
LIST_KEY = arc.SigningKey("list.test", "a", dkim.generate_key("ed25519"))
OTHER_KEY = DkimKey("elsewhere.test", "r", DkimAlgorithm.RSA, dkim.private_pem(dkim.generate_key()).decode())
OUR_KEY = DkimKey("alpha.test", "r", DkimAlgorithm.RSA, dkim.private_pem(dkim.generate_key()).decode())


def record(key: arc.SigningKey) -> str:
    return f'{key.selector}._domainkey IN TXT "{dkim.key_record(key.private.public_key())}"\n'


ZONES = {
    ".": "",
    "bank.test": '@ IN TXT "v=spf1 -all"\n_dmarc IN TXT "v=DMARC1; p=reject"\n',
    "list.test": '@ IN TXT "v=spf1 ip4:127.0.0.0/8 -all"\n' + record(LIST_KEY),
}


def from_list(letter: bytes = LETTER) -> bytes:
    """The list's copy: it saw the author proved, changed the letter and sealed it."""
    seen = MethodResult("dmarc", "pass", properties=(Property("header", "from", "bank.test"),))
    return arc.seal(letter, LIST_KEY, "mx.list.test", NOW_S - 9, status=Outcome.NONE, results=[seen]) + letter


def results_of(letter: bytes) -> str:
    """Our Authentication-Results, unfolded."""
    text = letter.decode().replace("\r\n ", " ")
    (line,) = [line for line in text.split("\r\n") if line.startswith(f"Authentication-Results: {HOSTNAME}")]
    return line


@pytest.mark.parametrize(
    ("trusted", "folder"), [((), "Junk"), (("list.test",), "INBOX"), (("evil.test",), "Junk")]
)
async def test_a_trusted_list_reaches_the_inbox(start, store, trusted, folder):
    node = await start(zones=ZONES, trusted_sealers=trusted)
    client = await node.greeted()
    reply = await client.mail("bounces@list.test", "alice@alpha.test", letter=from_list())
    assert reply.startswith("250 ")
    (letter,) = await letters(store, "alice@alpha.test", folder)
    results = results_of(letter)
    assert "arc=pass (i=1 list.test) smtp.remote-ip=127.0.0.1 header.oldest-pass=0" in results.replace(
        "  ", " "
    )
    assert "dmarc=fail" in results


async def test_a_chain_that_was_broken_vouches_for_nobody(start, store):
    node = await start(zones=ZONES, trusted_sealers=("list.test",))
    client = await node.greeted()
    broken = from_list().replace(b"Hi.", b"Ho.")
    assert (await client.mail("bounces@list.test", "alice@alpha.test", letter=broken)).startswith("250 ")
    (letter,) = await letters(store, "alice@alpha.test", "Junk")
    assert "arc=fail" in results_of(letter)


async def test_a_letter_without_a_chain(start, store):
    node = await start(zones=ZONES)
    client = await node.greeted()
    await client.mail("z@remote.test", "alice@alpha.test", letter=UNPROTECTED)
    (letter,) = await letters(store, "alice@alpha.test")
    assert "arc=none" in results_of(letter)


@pytest.mark.parametrize(("letter", "instance"), [(UNPROTECTED, 1), (from_list(UNPROTECTED), 2)])
async def test_what_is_passed_on_is_sealed(start, store, letter, instance):
    await store.write(add_key, OUR_KEY)
    node = await start(zones=ZONES)
    client = await node.greeted()
    assert (await client.mail("z@list.test", "both@alpha.test", letter=letter)).startswith("250 ")
    (job,) = node.jobs
    relayed = await store.read_blob(job.message.blob_id)
    assert relayed.startswith(b"ARC-Seal: ")
    keys = {
        "a._domainkey.list.test": dkim.key_record(LIST_KEY.private.public_key()),
        "r._domainkey.alpha.test": dkim.key_record(
            dkim.load_private_key(OUR_KEY.private_key.encode()).public_key()
        ),
    }
    result = arc.run(arc.verify(relayed, NOW_S), StaticResolver.of_txt(keys))
    assert result.result is Outcome.PASS
    assert result.sealers == ("list.test", "alpha.test")[-instance:]
    assert f"{HOSTNAME};".encode() in result.assessments[-1]
    assert b"smtp.remote-ip=127.0.0.1" in result.assessments[-1]
    (local,) = await letters(store, "carole@alpha.test")
    assert local.count(b"ARC-Seal:") == instance - 1


def keys_in_dns(*ours):
    """Those of the list and of our domains."""
    texts = {"a._domainkey.list.test": dkim.key_record(LIST_KEY.private.public_key())}
    for key in ours:
        texts[key.record_name] = record_text(key)
    return StaticResolver.of_txt(texts)


async def passed_on_by_the_queue(store, *more):
    """Of letters that wait for elsewhere.test, which is ours meanwhile: what its alias passes on."""

    def adopt(tx):
        add_domain(tx, "elsewhere.test", more)
        add_alias(tx, Address("carl", "elsewhere.test"), [Address("carl", "far.test")])

    await store.write(adopt)
    remote = Remote()
    zones = {".": "", "far.test": "@ IN A 127.0.0.2\n"}
    async with post_office(store, {"127.0.0.2": remote}, zones=zones) as office:
        await office.quiet()
        assert await office.rows() == []
    (taken,) = remote.letters
    assert taken.recipients == ("carl@far.test",)
    return taken.content


@pytest.mark.parametrize(
    ("letter", "sealers"),
    [
        (UNPROTECTED, ("alpha.test", "elsewhere.test")),
        (from_list(UNPROTECTED), ("list.test", "alpha.test", "elsewhere.test")),
    ],
)
async def test_what_the_queue_refiles_and_passes_on_is_sealed_too(start, store, letter, sealers):
    await store.write(add_key, OUR_KEY)
    node = await start(zones=ZONES)
    client = await node.greeted()
    assert (await client.mail("z@list.test", "both@alpha.test", letter=letter)).startswith("250 ")
    relayed = await passed_on_by_the_queue(store, OTHER_KEY)
    result = arc.run(arc.verify(relayed, int(time.time())), keys_in_dns(OUR_KEY, OTHER_KEY))
    assert (result.result, result.sealers) == (Outcome.PASS, sealers)
    assert result.oldest_pass == 0  # nothing was changed on the way
    seen = parse(result.assessments[-1])
    assert seen.authserv_id == HOSTNAME
    assert {each.method for each in seen.results} >= {"spf", "dkim", "arc", "dmarc"}
    spf_result = next(each for each in seen.results if each.method == "spf")
    assert spf_result.value_of("smtp", "mailfrom") == "z@list.test"


async def test_the_first_seal_where_there_was_no_key_on_the_way_in(start, store):
    node = await start(zones=ZONES)
    client = await node.greeted()
    assert (await client.mail("z@list.test", "both@alpha.test", letter=UNPROTECTED)).startswith("250 ")
    relayed = await passed_on_by_the_queue(store, OTHER_KEY)
    result = arc.run(arc.verify(relayed, int(time.time())), keys_in_dns(OTHER_KEY))
    assert (result.result, result.sealers) == (Outcome.PASS, ("elsewhere.test",))


@pytest.mark.parametrize("has_key", [True, False])
async def test_a_chain_that_failed_stays_failed(start, store, has_key):
    """RFC 8617 §5.1: whoever seals says so, and nobody adds to a chain that has ended."""
    if has_key:
        await store.write(add_key, OUR_KEY)
    node = await start(zones=ZONES)
    client = await node.greeted()
    broken = from_list(UNPROTECTED).replace(b"Hi.", b"Ho.")
    assert (await client.mail("z@list.test", "both@alpha.test", letter=broken)).startswith("250 ")
    relayed = await passed_on_by_the_queue(store, OTHER_KEY)
    result = arc.run(arc.verify(relayed, int(time.time())), keys_in_dns(OUR_KEY, OTHER_KEY))
    assert (result.result, result.has_ended) == (Outcome.FAIL, True)
    assert relayed.count(b"ARC-Seal:") == 2


async def test_our_own_letters_are_not_sealed(start, store):
    """They are signed; nothing was there to be authenticated."""
    await store.write(add_key, OUR_KEY)
    node = await start(role=Role.SUBMISSION, tls=True)
    user = await node.user()
    letter = b"From: alice@alpha.test\r\nSubject: x\r\n\r\nHi.\r\n"
    assert (await user.mail("alice@alpha.test", "carl@elsewhere.test", letter=letter)).startswith("250 ")
    relayed = await passed_on_by_the_queue(store, OTHER_KEY)
    assert b"ARC-" not in relayed
    assert b"DKIM-Signature: " in relayed


async def test_without_a_key_it_is_passed_on_unsealed(start, store):
    node = await start(zones=ZONES)
    client = await node.greeted()
    assert (await client.mail("z@list.test", "both@alpha.test", letter=UNPROTECTED)).startswith("250 ")
    (job,) = node.jobs
    assert b"ARC-Seal" not in await store.read_blob(job.message.blob_id)


@pytest.mark.parametrize(
    ("sealers", "outcome"), [(MAX_ARC_QUESTIONS, "arc=pass"), (MAX_ARC_QUESTIONS + 1, "arc=fail")]
)
async def test_a_long_chain_costs_so_many_questions(start_embedded, sealers, outcome):
    keys = [
        arc.SigningKey("list.test", f"k{number}", dkim.generate_key("ed25519")) for number in range(sealers)
    ]
    zones = {**ZONES, "list.test": "".join(map(record, keys))}
    letter = UNPROTECTED
    for number, key in enumerate(keys):
        status = Outcome.PASS if number else Outcome.NONE
        seen = [MethodResult("arc", status)]
        letter = arc.seal(letter, key, "mx.list.test", NOW_S - 9, status=status, results=seen) + letter
    node = await start_embedded(zones=zones)
    client = await node.greeted()
    assert (await client.mail("", "alice@alpha.test", letter=letter)).startswith("250 ")
    (found,) = await letters(node.store, "alice@alpha.test")
    assert outcome in results_of(found)
    assert sum(node.resolver.asked.values()) <= MAX_ARC_QUESTIONS + 8
