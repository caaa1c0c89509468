"""`queue`, `trace` and `verify` on a store that no server has open."""

import asyncio
import json
from pathlib import Path

import pytest

from postier.accounts.accounts import add_account
from postier.accounts.domains import add_domain
from postier.app.configuration import load
from postier.app.stores import open_store
from postier.mailbox.folders import default_mailboxes
from postier.mime.address import Address
from postier.mta.acceptance import Acceptance, accept
from postier.mta.letter_id import letter_id_text
from postier.smtp.parameters import NO_MAIL_PARAMETERS
from postier.store.transaction import Store

CONTENT = b"From: alice@alpha.test\r\nTo: b@beta.test\r\nSubject: hello\r\nMessage-ID: <1@alpha.test>\r\n\r\nHello\r\n"
LETTER_ID = 1_700_000_000_000_000 << 10
ID = letter_id_text(LETTER_ID)


def run_on_store(configuration: Path, act):
    async def run():
        store = await open_store(load(configuration, {}))
        try:
            return await act(store)
        finally:
            await store.close()

    return asyncio.run(run())


@pytest.fixture
def queued(tmp_path):
    """A configuration whose store holds alice's account and one letter of hers for two recipients elsewhere."""
    configuration = tmp_path / "postier.toml"
    configuration.write_text('hostname = "mx.alpha.test"\n')

    async def fill(store: Store) -> None:
        await store.write(add_domain, "alpha.test")
        account_id = await store.write(add_account, Address("alice", "alpha.test"), None, default_mailboxes)
        await accept(
            store,
            Acceptance(
                letter_id=LETTER_ID,
                peer="192.0.2.1",
                account_id=account_id,
                reverse_path="alice@alpha.test",
                parameters=NO_MAIL_PARAMETERS,
                content=CONTENT,
                relayed_content=CONTENT,
                remote=(Address("b", "beta.test"), Address("c", "gamma.test")),
                message_id="<1@alpha.test>",
                received_at=1_700_000_000_000_000,
            ),
            "",
        )

    run_on_store(configuration, fill)
    return configuration


def listed(postier, queued):
    code, out, _ = postier("queue", "list", "--json", "--config", queued)
    assert code == 0
    return json.loads(out)


def test_the_queue_is_listed(postier, queued):
    (row,) = listed(postier, queued)
    assert row["id"] == ID
    assert row["sender"] == "alice@alpha.test"
    assert row["recipients"] == ["b@beta.test", "c@gamma.test"]
    assert row["state"] == "waiting"
    code, out, _ = postier("queue", "list", "--config", queued)
    assert code == 0
    assert "b@beta.test, c@gamma.test" in out


def test_a_letter_is_shown(postier, queued):
    code, out, _ = postier("queue", "show", ID, "--json", "--config", queued)
    assert code == 0
    assert [each["state"] for each in json.loads(out)["recipients"]] == ["waiting", "waiting"]
    code, out, _ = postier("queue", "show", ID, "--config", queued)
    assert "b@beta.test: waiting, 0 attempts" in out


def test_a_letter_is_held_released_and_retried(postier, queued):
    assert postier("queue", "hold", ID, "--config", queued)[0] == 0
    assert listed(postier, queued)[0]["state"] == "held"
    assert postier("queue", "release", ID, "--config", queued)[1] == "released: 2 recipients\n"
    assert listed(postier, queued)[0]["state"] == "waiting"
    assert postier("queue", "retry", ID, "--config", queued)[1] == "due now: 2 recipients\n"


def test_a_letter_that_is_given_up_comes_back_to_its_sender(postier, queued):
    code, out, _ = postier("queue", "fail", ID, "--yes", "--config", queued)
    assert (code, out) == (0, "given up: 2 recipients\n")
    assert listed(postier, queued) == []

    async def inbox(store: Store):
        return await store.read(
            lambda tx: tx.rows(
                "SELECT e.search_subject, e.preview FROM email e JOIN entry x ON x.email_id = e.email_id"
                " AND x.account_id = e.account_id"
            )
        )

    ((subject, _),) = run_on_store(queued, inbox)
    assert subject == "your message could not be delivered"


def test_a_removed_letter_comes_back_to_nobody(postier, queued):
    assert postier("queue", "remove", ID, "--yes", "--config", queued)[0] == 0
    assert listed(postier, queued) == []
    assert (
        run_on_store(queued, lambda store: store.read(lambda tx: tx.value("SELECT count(*) FROM email"))) == 0
    )


def test_the_queue_is_counted_by_destination(postier, queued):
    code, out, _ = postier("queue", "stats", "--json", "--config", queued)
    assert code == 0
    assert {row["destination"]: row["recipients"] for row in json.loads(out)} == {
        "beta.test": 1,
        "gamma.test": 1,
    }


@pytest.mark.parametrize("verb", ["show", "retry", "hold", "release"])
def test_a_letter_that_is_not_there(postier, queued, verb):
    unknown = letter_id_text(5)
    code, _, err = postier("queue", verb, unknown, "--config", queued)
    assert code == 1
    assert f"there is no letter {unknown}" in err


@pytest.mark.parametrize("verb", ["fail", "remove"])
def test_nothing_is_given_up_that_is_not_there(postier, queued, verb):
    assert postier("queue", verb, letter_id_text(5), "--yes", "--config", queued)[0] == 1


def test_an_id_that_is_none(postier, queued):
    code, _, err = postier("queue", "show", "nonsense", "--config", queued)
    assert code == 2
    assert "nonsense is no letter id" in err


@pytest.mark.parametrize("name", [ID, ID.upper(), "<1@alpha.test>", "1@alpha.test"])
def test_a_letter_is_traced_by_any_of_its_names(postier, queued, name):
    code, out, _ = postier("trace", name, "--json", "--config", queued)
    assert code == 0
    (story,) = json.loads(out)
    assert story["letter"] == ID
    assert [event["event"] for event in story["events"]] == ["submitted"]


def test_an_unknown_letter_has_no_trace(postier, queued):
    code, _, err = postier("trace", "%", "--config", queued)
    assert code == 1
    assert "nothing is known" in err


def test_a_sound_store_is_verified(postier, queued):
    assert postier("verify", "--config", queued) == (0, "the store is sound\n", "")


def test_a_damaged_blob_and_a_wrong_counter_are_found(postier, queued):
    (pack,) = (queued.parent / "data" / "packs").glob("*.pack")
    octets = bytearray(pack.read_bytes())
    octets[-8] ^= 0xFF
    pack.write_bytes(octets)
    run_on_store(
        queued,
        lambda store: store.write(
            lambda tx: tx.run("UPDATE mailbox SET message_count = 7 WHERE name = 'INBOX'")
        ),
    )
    code, out, _ = postier("verify", "--json", "--config", queued)
    assert code == 1
    assert len(json.loads(out)) == 2
    code, out, _ = postier("verify", "--repair", "--json", "--config", queued)
    assert code == 1  # what the disk lost is lost
    assert sorted(row["mended"] for row in json.loads(out)) == [False, True]
    code, out, _ = postier("verify", "--json", "--config", queued)
    assert len(json.loads(out)) == 1


def test_a_queued_letter_without_content_is_found(postier, queued):
    run_on_store(queued, lambda store: store.write(lambda tx: tx.run("DELETE FROM blob")))
    code, out, _ = postier("verify", "--config", queued)
    assert code == 1
    assert f"letter {ID} has no content" in out
