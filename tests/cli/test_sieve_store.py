"""`postier sieve` on an embedded store: scripts of accounts, and a script on stored mail."""

import asyncio
import json

import pytest

from postier.app.configuration import load
from postier.app.stores import open_store
from postier.imap.flags import ANSWERED, FLAGGED, SEEN
from postier.mailbox.filing import file_message
from postier.mailbox.flags import StoreMode, store_flags
from postier.mailbox.keywords import keyword_bits
from postier.mailbox.verify import check_account
from postier.mime.index import index_message
from postier.store.blobs import draft

ADDRESS = "carole@beta.test"


@pytest.fixture
def server(postier, tmp_path):
    """A directory with one account."""
    (tmp_path / "postier.toml").write_text('hostname = "mx.beta.test"\n')
    for arguments in (("domain", "add", "beta.test"), ("account", "add", ADDRESS)):
        assert postier(*arguments)[0] == 0
    return postier


def in_store(tmp_path, act):
    async def run():
        store = await open_store(load(tmp_path / "postier.toml", {}))
        try:
            return await act(store)
        finally:
            await store.close()

    return asyncio.run(run())


def fill(tmp_path, *subjects, mailbox="INBOX"):
    """Letters with these subjects; those with a `!` are flagged."""

    async def act(store):
        for subject in subjects:
            raw = f"Return-Path: <zoe@x.test>\r\nFrom: zoe@x.test\r\nSubject: {subject}\r\n\r\nHi {subject}\r\n".encode()
            blob = draft(raw)

            def write(tx, raw=raw, blob=blob, subject=subject):
                mailbox_id = tx.value("SELECT mailbox_id FROM mailbox WHERE name = ?", mailbox)
                flags = FLAGGED | keyword_bits(tx, 1, ["$work"]) if "!" in subject else 0
                file_message(tx, 1, mailbox_id, index_message(raw), blob.blob_id, len(raw), flags, 0)

            await store.write_with_blobs([blob], write)

    in_store(tmp_path, act)


def contents(tmp_path):
    """{mailbox: [(subject, flags)]}, mailboxes without mail left out; the account is sound."""

    async def act(store):
        assert await store.read_bulk(check_account, 1) == []
        return await store.read(
            lambda tx: tx.rows(
                "SELECT b.name, m.search_subject, e.flags FROM entry e JOIN mailbox b ON b.account_id = e.account_id"
                " AND b.mailbox_id = e.mailbox_id JOIN email m ON m.email_id = e.email_id ORDER BY b.name, e.uid"
            )
        )

    found = {}
    for name, subject, flags in in_store(tmp_path, act):
        found.setdefault(name, []).append((subject, flags))
    return found


# Scripts


def test_a_script_is_put_listed_activated_printed_and_removed(server, tmp_path):
    (tmp_path / "rules.sieve").write_text("keep;\n")
    (tmp_path / "bad.sieve").write_text("kep;\n")
    assert server("sieve", "put", ADDRESS, "rules.sieve") == (0, "stored rules\n", "")
    code, out, _ = server("sieve", "put", ADDRESS, "rules.sieve", "--name", "other", "--activate", "--json")
    assert (code, json.loads(out)) == (0, {"name": "other", "active": True, "octets": 6})
    code, out, _ = server("sieve", "list", ADDRESS, "--json")
    assert json.loads(out) == [
        {"name": "other", "active": True, "octets": 6},
        {"name": "rules", "active": False, "octets": 6},
    ]
    assert "other  active       6" in server("sieve", "list", ADDRESS)[1]
    assert server("sieve", "get", ADDRESS) == (0, "keep;\n", "")
    assert json.loads(server("sieve", "get", ADDRESS, "rules", "--json")[1])["content"] == "keep;\n"
    assert server("sieve", "activate", ADDRESS, "rules") == (0, "rules is active now\n", "")
    code, _, err = server("sieve", "remove", ADDRESS, "rules")
    assert (code, "active script can't be deleted" in err) == (1, True)
    assert json.loads(server("sieve", "activate", ADDRESS, "--json")[1]) == {"active": None}
    assert server("sieve", "rename", ADDRESS, "rules", "old") == (0, "renamed rules to old\n", "")
    code, out, _ = server("sieve", "rename", ADDRESS, "old", "rules", "--json")
    assert json.loads(out) == {"renamed": "old", "name": "rules"}
    assert server("sieve", "remove", ADDRESS, "rules") == (0, "removed rules\n", "")
    assert json.loads(server("sieve", "remove", ADDRESS, "other", "--json")[1]) == {"removed": "other"}
    assert json.loads(server("sieve", "list", ADDRESS, "--json")[1]) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("put", ADDRESS, "bad.sieve"), 1, 'there is no command "kep"'),
        (("put", ADDRESS, "good.sieve", "--name", "../x"), 2, "can't be the name of a script"),
        (("put", ADDRESS, "-"), 2, "give --name"),
        (("put", "nobody@beta.test", "good.sieve"), 1, "there is no account"),
        (("get", ADDRESS), 1, "no script of carole@beta.test is active"),
        (("get", ADDRESS, "none"), 1, "there is no script none"),
        (("activate", ADDRESS, "none"), 1, "there is no such script"),
        (("remove", ADDRESS, "none"), 1, "there is no such script"),
        (("rename", ADDRESS, "none", "other"), 1, "there is no such script"),
        (("rename", ADDRESS, "none", "a/b"), 2, "can't be the name of a script"),
        (("apply", "none.sieve", ADDRESS), 1, "neither a file nor a script"),
        (("apply", "bad.sieve", ADDRESS), 1, 'there is no command "kep"'),
        (("apply", "good.sieve", f"{ADDRESS}/None"), 1, "no such mailbox"),
        (("apply", "good.sieve", "INBOX"), 2, "give --account ADDRESS"),
        (("get", ADDRESS, "a/b"), 2, "can't be the name of a script"),
        (("activate", ADDRESS, "a\x1bb"), 2, "a\\x1bb can't be the name of a script"),
        (("remove", ADDRESS, "\udcff"), 2, "can't be the name of a script"),
        (("apply", "\udcff", ADDRESS), 1, "neither a file nor a script"),
        (("apply", "n" * 5_000, ADDRESS), 1, "neither a file nor a script"),
        (("undo", ADDRESS), 1, "there is nothing to undo"),
        (("undo", ADDRESS, "5"), 1, "in run 5"),
    ],
)
def test_what_is_refused(server, tmp_path, arguments, code, words):
    (tmp_path / "good.sieve").write_text("keep;\n")
    (tmp_path / "bad.sieve").write_text("kep;\n")
    got, out, err = server("sieve", *arguments)
    assert (got, out) == (code, "")
    assert words in err


# On stored mail

SCRIPT = """require ["fileinto", "mailbox", "imap4flags", "copy", "envelope", "body", "enotify", "vacation"];
if header :contains "subject" "bill" { fileinto :copy :create "Bills/2026"; fileinto "Archive"; stop; }
if header :contains "subject" "spam" { discard; stop; }
if header :contains "subject" "on" { redirect "a@x.test"; stop; }
if body :contains "flag" { addflag "\\\\Seen"; }
if header :contains "subject" "away" { vacation "gone"; notify "mailto:a@x.test"; }
"""
LETTERS = ("bill!", "spam", "lunch", "flag", "on", "away!")


def test_apply_and_undo(server, tmp_path):
    (tmp_path / "rules.sieve").write_text(SCRIPT)
    fill(tmp_path, *LETTERS)
    before = contents(tmp_path)
    code, out, _ = server("sieve", "apply", "rules.sieve", f"{ADDRESS}/inbox", "--dry-run")
    assert code == 0
    assert out.splitlines() == [
        "1  bill!: move into Archive; copy into Bills/2026",
        "2  spam: move into \\Trash",
        "4  flag: flags \\Seen",
        "5  on: not redirected to a@x.test",
        "6  away!: no notification by mailto:a@x.test",
        "6 messages",
    ]
    assert contents(tmp_path) == before
    code, out, _ = server("sieve", "apply", "rules.sieve", "INBOX", "--account", ADDRESS, "--json")
    told = json.loads(out)
    assert told["done"] == {
        "copied into Bills/2026": 1,
        "moved into Archive": 1,
        "moved into Trash": 1,
        "flagged": 1,
    }
    work = 1 << 5 | FLAGGED
    assert contents(tmp_path) == {
        "Archive": [("bill!", work)],
        "Bills/2026": [("bill!", work)],
        "Trash": [("spam", 0)],
        "INBOX": [("lunch", 0), ("flag", SEEN), ("on", 0), ("away!", work)],
    }
    code, out, _ = server("sieve", "undo", ADDRESS, str(told["run"]), "--json")
    assert json.loads(out) == {
        "run": told["run"],
        "undone": 4,
        "passed_over": 0,
        "changed_since": 0,
    }
    after = contents(tmp_path)
    assert sorted(after.pop("INBOX")) == sorted(before["INBOX"])
    assert after == {}
    assert server("sieve", "undo", ADDRESS)[0] == 1  # once only


def test_what_was_changed_since_is_passed_over(server, tmp_path):
    (tmp_path / "rules.sieve").write_text(SCRIPT)
    fill(tmp_path, *LETTERS)
    server("sieve", "apply", "rules.sieve", ADDRESS)
    server("sieve", "apply", "rules.sieve", f"{ADDRESS}/Trash")  # changes nothing
    in_store(tmp_path, lambda store: store.write(lambda tx: _expunge(tx, "Archive")))
    assert server("sieve", "undo", ADDRESS) == (
        0,
        "undone: 3 changes; 1 are not where they were and stay as they are\n",
        "",
    )
    assert sorted(contents(tmp_path)["INBOX"]) == sorted(
        [("spam", 0), ("lunch", 0), ("flag", 0), ("on", 0), ("away!", 1 << 5 | FLAGGED)]
    )


def test_what_somebody_changed_since_stays(server, tmp_path):
    (tmp_path / "rules.sieve").write_text(
        """require ["fileinto", "imap4flags", "copy"];
        if header "subject" "bill" { setflag ["\\\\Seen", "paid"]; fileinto "Archive"; stop; }
        if header "subject" ["one", "two"] { fileinto :copy "Archive"; stop; }
        addflag "\\\\Flagged"; removeflag "$work"; keep;
        """
    )
    fill(tmp_path, "bill", "one", "two", "hot!", "cold")
    before = contents(tmp_path)["INBOX"]
    server("sieve", "apply", "rules.sieve", ADDRESS)
    places = {name: [subject for subject, _ in found] for name, found in contents(tmp_path).items()}
    assert (places["Archive"], places["INBOX"]) == (["bill", "one", "two"], ["one", "two", "hot!", "cold"])

    def change(tx):
        inbox, archive = (
            tx.value("SELECT mailbox_id FROM mailbox WHERE name = ?", name) for name in ("INBOX", "Archive")
        )
        store_flags(tx, 1, archive, [(1, 1)], StoreMode.ADD, ANSWERED)
        store_flags(tx, 1, archive, [(2, 2)], StoreMode.ADD, ANSWERED)
        store_flags(tx, 1, inbox, [(4, 5)], StoreMode.ADD, ANSWERED)
        store_flags(tx, 1, inbox, [(5, 5)], StoreMode.REMOVE, FLAGGED)

    in_store(tmp_path, lambda store: store.write(change))
    assert server("sieve", "undo", ADDRESS) == (
        0,
        "undone: 4 changes; 4 were changed since, and those changes stay\n",
        "",
    )
    after = contents(tmp_path)
    assert after["Archive"] == [("one", ANSWERED)]  # a copy that somebody answered
    assert sorted(after["INBOX"]) == sorted(
        (subject, bits | (ANSWERED if subject in {"bill", "hot!", "cold"} else 0)) for subject, bits in before
    )


def test_a_run_that_did_not_note_the_flags_keeps_them(server, tmp_path):
    (tmp_path / "rules.sieve").write_text(
        'require ["imap4flags", "fileinto"]; addflag "\\\\Seen"; if header "subject" "b" { fileinto "Archive"; }'
    )
    fill(tmp_path, "a", "b")
    server("sieve", "apply", "rules.sieve", ADDRESS)
    in_store(
        tmp_path, lambda store: store.write(lambda tx: tx.run("UPDATE sieve_applied SET flags_after = NULL"))
    )
    _, out, _ = server("sieve", "undo", ADDRESS, "--json")
    told = json.loads(out)
    assert (told["undone"], told["changed_since"]) == (1, 1)
    assert sorted(contents(tmp_path)["INBOX"]) == [("a", SEEN), ("b", SEEN)]


def _expunge(tx, name):
    from postier.mailbox.expunge import ALL_UIDS, expunge_uids

    mailbox_id = tx.value("SELECT mailbox_id FROM mailbox WHERE name = ?", name)
    expunge_uids(tx, 1, mailbox_id, ALL_UIDS)


def test_many_messages_and_a_script_of_the_account(server, tmp_path):
    (tmp_path / "rules.sieve").write_text(
        'require ["fileinto", "include"]; include :optional "none"; if header "subject" "odd" { fileinto "Archive"; }'
    )
    server("sieve", "put", ADDRESS, "rules.sieve")
    (tmp_path / "rules.sieve").unlink()
    fill(tmp_path, *("odd", "even") * 130)
    code, out, _ = server("sieve", "apply", "rules", ADDRESS)
    assert (code, out.splitlines()[0]) == (0, "260 messages, 130 moved into Archive")
    assert [len(each) for each in contents(tmp_path).values()] == [130, 130]
    assert server("sieve", "undo", ADDRESS)[1] == "undone: 130 changes\n"
    assert len(contents(tmp_path)["INBOX"]) == 260


def test_a_script_that_fails_changes_nothing(server, tmp_path):
    (tmp_path / "rules.sieve").write_text(
        'require ["ihave", "fileinto"]; fileinto "Archive"; error "no \x1b more";'
    )
    fill(tmp_path, "bill!")
    code, out, _ = server("sieve", "apply", "rules.sieve", ADDRESS)
    assert (code, out) == (1, "1  bill!: error: no \\x1b more\n1 messages\n")
    assert list(contents(tmp_path)) == ["INBOX"]


def test_without_room_for_copies_a_portion_is_not_changed(server, tmp_path):
    (tmp_path / "rules.sieve").write_text('require ["fileinto", "copy"]; fileinto :copy "Archive";')
    fill(tmp_path, "bill!", "lunch")
    assert server("account", "set", ADDRESS, "--quota", "200")[0] == 0
    code, out, err = server("sieve", "apply", "rules.sieve", ADDRESS)
    assert (code, out) == (1, "")
    assert "no room" in err
    assert list(contents(tmp_path)) == ["INBOX"]


def test_a_name_in_another_form_is_the_same(server, tmp_path):
    (tmp_path / "rules.sieve").write_text("keep;\n")
    assert server("sieve", "put", ADDRESS, "rules.sieve", "--name", "Cafe\u0301")[0] == 0
    assert server("sieve", "get", ADDRESS, "Cafe\u0301")[0] == 0
    assert server("sieve", "apply", "Cafe\u0301", ADDRESS)[0] == 0
    assert server("sieve", "remove", ADDRESS, "Caf\u00e9")[0] == 0


def test_a_script_of_the_operator_is_included(server, tmp_path):
    with (tmp_path / "postier.toml").open("a") as file:
        file.write('[sieve]\nglobal_scripts = "shared"\n')
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "bills.sieve").write_text(
        'require "fileinto"; if header :contains "subject" "bill" { fileinto "Archive"; }'
    )
    (tmp_path / "rules.sieve").write_text('require "include"; include :global "bills";')
    fill(tmp_path, "bill!", "lunch")
    code, out, _ = server("sieve", "apply", "rules.sieve", ADDRESS)
    assert (code, out.splitlines()[0]) == (0, "2 messages, 1 moved into Archive")
