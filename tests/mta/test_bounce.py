"""Who a bounce comes from: a domain of ours that signs it, so that it is believed without a reverse-path."""

import datetime as dt
import time

import pytest

from postier.accounts.directory import Directory
from postier.accounts.dkim_keys import KeyState, add_key, make_keys, record_text
from postier.accounts.dkim_stages import publish_keys, retire_keys
from postier.accounts.domain_rows import has_domain
from postier.accounts.domains import add_domain
from postier.accounts.postmaster import postmaster_domain
from postier.mailauth import dkim, dmarc, spf
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import AddressQuestion, Answer, StaticResolver, TxtQuestion, run
from tests.mta.post_office import HOSTNAME, populate, post_office
from tests.mta.remote_server import Remote
from tests.servers.smtp_server import letters

DATE = dt.date(2026, 11, 1)
KEYS = {domain: make_keys(domain, DATE) for domain in ("alpha.test", "aaa.test", "mx.alpha.test")}


def world(*more):
    """What others find in DNS."""
    texts = {
        "_dmarc.alpha.test": "v=DMARC1; p=reject; adkim=s; aspf=r",
        HOSTNAME: "v=spf1 a -all",
        **dict(more),
        **{key.record_name: record_text(key) for keys in KEYS.values() for key in keys},
    }
    answers = {TxtQuestion(name): Answer((text.encode(),)) for name, text in texts.items()}
    return StaticResolver({**answers, AddressQuestion(HOSTNAME, 4): Answer(("192.0.2.1",))})


def have_keys(tx, domain):
    """The domain is ours and signs."""
    if not has_domain(tx, domain):
        add_domain(tx, domain)
    for key in KEYS[domain]:
        add_key(tx, key)


async def bounced(store, *domains, sender="zoe@sender.test"):
    """The bounce that the sender's server gets; the domains are ours and have keys."""
    await store.write(populate)
    for domain in domains:
        await store.write(have_keys, domain)
    back = Remote()
    remotes = {"127.0.0.2": Remote({"RCPT": "550 5.1.1 nobody"}), "127.0.0.4": back}
    async with post_office(store, remotes) as office:
        await office.send("b@beta.test", sender=sender)
        await office.quiet()
        assert await office.rows() == []
    return back.letters[0].content if back.letters else b""


async def test_it_passes_dmarc_by_signature_and_by_the_hosts_own_record(store):
    bounce = await bounced(store, "alpha.test", "aaa.test")
    assert b"From: Mail Delivery System <postmaster@alpha.test>\r\n" in bounce
    signatures = run(dkim.verify(bounce, int(time.time())), world())
    assert [(each.result, each.domain) for each in signatures] == [(Outcome.PASS, "alpha.test")] * 2
    helo = run(spf.check("192.0.2.1", "", HOSTNAME, receiver="mx.sender.test"), world())
    assert (helo.result, helo.identity, helo.domain) == (Outcome.PASS, "helo", HOSTNAME)
    verdict = run(dmarc.check(bounce, helo, signatures), world())
    assert verdict.result is Outcome.PASS
    assert verdict.aligned_dkim
    assert verdict.aligned_spf


async def test_so_does_one_to_our_own_user(sqlite_store):
    await bounced(sqlite_store, "alpha.test", sender="alice@alpha.test")
    (bounce,) = await letters(sqlite_store, "alice@alpha.test")
    assert bounce.startswith(b"Return-Path: <>\r\nDKIM-Signature: ")
    assert b"From: Mail Delivery System <postmaster@alpha.test>\r\n" in bounce


async def test_the_first_domain_with_a_key_where_the_hosts_own_has_none(sqlite_store):
    bounce = await bounced(sqlite_store, "aaa.test")  # alpha.test is there without a key
    assert b"From: Mail Delivery System <postmaster@aaa.test>\r\n" in bounce
    (rsa, _) = run(dkim.verify(bounce, int(time.time())), world())
    assert (rsa.result, rsa.domain) == (Outcome.PASS, "aaa.test")


async def test_without_any_key_it_goes_unsigned(sqlite_store):
    bounce = await bounced(sqlite_store)
    assert b"From: Mail Delivery System <postmaster@mx.alpha.test>\r\n" in bounce
    assert b"DKIM-Signature" not in bounce


@pytest.mark.parametrize("requires_tls", [True, False])
async def test_the_bounce_of_a_protected_letter_is_protected_too(sqlite_store, requires_tls):
    """RFC 8689 §5."""
    async with post_office(sqlite_store) as office:
        await office.send("b@null.test", sender="zoe@sender.test", requires_tls=requires_tls)
        await office.quiet()
        asked = await sqlite_store.read(
            lambda tx: tx.rows("SELECT reverse_path, requires_tls FROM queue_message")
        )
    assert asked == [("", int(requires_tls))]


@pytest.mark.parametrize(
    ("domains", "chosen"),
    [
        ((), ""),
        (("aaa.test",), "aaa.test"),
        (("aaa.test", "alpha.test"), "alpha.test"),
        (("aaa.test", "alpha.test", "mx.alpha.test"), "mx.alpha.test"),
    ],
)
async def test_in_whose_name(sqlite_store, domains, chosen):
    for domain in domains:
        await sqlite_store.write(have_keys, domain)
    assert await sqlite_store.read(postmaster_domain, HOSTNAME) == chosen


async def test_keys_that_do_not_sign_do_not_count_and_changes_are_heard(sqlite_store):
    await sqlite_store.write(add_domain, "aaa.test", KEYS["aaa.test"])
    await sqlite_store.write(add_domain, "alpha.test", ())
    directory = Directory(sqlite_store, hostname=HOSTNAME)
    assert await directory.postmaster_domain() == "aaa.test"
    new = make_keys("alpha.test", DATE, state=KeyState.PUBLISHED)
    await sqlite_store.write(publish_keys, "alpha.test", new)
    assert await directory.postmaster_domain() == "aaa.test"
    selectors = [key.selector for key in KEYS["aaa.test"]]
    await sqlite_store.write(lambda tx: len(retire_keys(tx, "aaa.test", selectors, force=True)))
    assert await directory.postmaster_domain() == ""
    directory.close()
