"""Letters from other servers meet scripts: what is filed, sent, refused, and what is remembered."""

import asyncio

import pytest

from postier.accounts.dkim_keys import DkimAlgorithm, DkimKey, add_key
from postier.app.counting import Counting
from postier.app.metrics import Metrics, exposition
from postier.imap.flags import FIRST_KEYWORD_BIT, SEEN
from postier.mailauth import arc, dkim
from postier.mailauth.letter import Letter
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import StaticResolver
from postier.mailbox.verify import check_account
from postier.smtp.settings import Role
from postier.store.packs import PackStore
from postier.store.sqlite import SqliteStore
from tests.mta.sieving.scripted import LETTER, ZONES, flags, give, letter, queued, read, told
from tests.servers.smtp_server import NOW_S, Options, counts, letters, populate, running_node

ALICE = "alice@alpha.test"


async def send(node, *recipients, sender="zoe@honest.test", content=LETTER):
    client = await node.greeted()
    return await client.mail(sender, *(recipients or (ALICE,)), letter=content)


async def is_sound(store):
    for account_id in (1, 2, 3, 4):
        assert [
            each.detail
            for each in await store.read(check_account, account_id)
            if "used" not in each.kind.value
        ] == []


# Filing


@pytest.mark.parametrize(
    ("script", "mailboxes"),
    [
        ("keep;", {"INBOX": 1}),
        ("stop;", {"INBOX": 1}),
        ('require "fileinto"; fileinto "Archive";', {"Archive": 1}),
        ('require ["fileinto", "copy"]; fileinto :copy "Archive";', {"Archive": 1, "INBOX": 1}),
        ('require "fileinto"; fileinto "Archive"; fileinto "Drafts"; keep;', {"Archive": 1, "Drafts": 1, "INBOX": 1}),
        ('require "fileinto"; fileinto "None";', {"INBOX": 1, "None": 0}),
        ('require "fileinto"; fileinto "None"; keep;', {"INBOX": 1}),
        ('require ["fileinto", "mailbox"]; fileinto :create "Lists/a";', {"Lists/a": 1, "INBOX": 0}),
        ('require ["fileinto", "mailbox"]; fileinto :create "a//b";', {"INBOX": 1}),
        ('require ["fileinto", "mailbox"]; fileinto :create "#x";', {"INBOX": 1}),
        ('require ["fileinto", "special-use"]; fileinto :specialuse "\\\\Archive" "Else";', {"Archive": 1}),
        ('require ["fileinto", "mailboxid"]; fileinto :mailboxid "F1-6" "Else";', {"Archive": 1}),
        ('require ["fileinto", "mailboxid"]; fileinto :mailboxid "F1-999" "Drafts";', {"Drafts": 1}),
        ('require ["fileinto", "mailbox"]; if mailboxexists "Junk" { fileinto "Junk"; }', {"Junk": 1}),
        ('require ["fileinto", "mailbox"]; if mailboxexists "Nope" { fileinto "Junk"; }', {"INBOX": 1}),
        ("discard;", {"INBOX": 0}),
        ('require ["fileinto", "envelope", "subaddress"]; if envelope :detail "to" "news" { fileinto "Archive"; }', {"INBOX": 1}),
        ('require ["fileinto", "environment"]; if environment "remote-ip" "127.0.0.1" { fileinto "Archive"; }', {"Archive": 1}),
        ('require ["fileinto", "body"]; if body :contains "hi." { fileinto "Archive"; }', {"Archive": 1}),
        ('require ["fileinto", "include"]; include :global "all";', {"Trash": 1}),
        ('require ["fileinto", "include"]; include :personal :optional "none";', {"INBOX": 1}),
    ],
)  # fmt: skip
async def test_a_letter_is_filed(start_embedded, sqlite_store, tmp_path, script, mailboxes):
    (tmp_path / "all.sieve").write_text('require "fileinto"; fileinto "Trash";')
    node = await start_embedded(zones=ZONES)
    await give(sqlite_store, script)
    assert (await send(node)).startswith("250 ")
    for mailbox, number in mailboxes.items():
        assert len(await letters(sqlite_store, ALICE, mailbox)) == number, mailbox
    assert sum((await counts(sqlite_store))[1:2]) == sum(mailboxes.values())
    await is_sound(sqlite_store)


async def test_the_detail_of_the_address_is_seen(start, store):
    node = await start(zones=ZONES)
    await give(
        store,
        'require ["fileinto", "envelope", "subaddress", "variables", "mailbox"];'
        ' if envelope :matches :detail "to" "*" { fileinto :create "Plus/${1}"; }',
    )
    assert (await send(node, "alice+news@alpha.test")).startswith("250 ")
    assert len(await letters(store, ALICE, "Plus/news")) == 1


async def test_flags_are_set(start, store):
    node = await start(zones=ZONES)
    await give(
        store, 'require ["imap4flags", "fileinto"]; setflag ["\\\\Seen", "$work"]; fileinto "Archive";'
    )
    await send(node)
    assert await flags(store, ALICE, "Archive") == [SEEN | 1 << FIRST_KEYWORD_BIT]


async def test_one_account_has_a_script_and_another_has_none(start, store):
    node = await start(zones=ZONES)
    await give(store, 'require "fileinto"; fileinto "Archive";')
    assert (await send(node, ALICE, "bob@alpha.test")).startswith("250 ")
    assert len(await letters(store, ALICE, "Archive")) == 1
    assert len(await letters(store, "bob@alpha.test")) == 1
    assert (await counts(store))[4] == 1  # one blob for both
    assert await told(store) == [f"{ALICE}: filed into Archive"]


async def test_a_changed_message_is_filed_beside_the_original(start, store):
    node = await start(zones=ZONES)
    await give(
        store,
        'require ["fileinto", "editheader"]; fileinto "Archive"; addheader "X-Seen" "yes"; keep;',
    )
    await send(node, ALICE, "bob@alpha.test")
    (changed,) = await letters(store, ALICE)
    (original,) = await letters(store, ALICE, "Archive")
    assert read(changed)["X-Seen"] == "yes"
    assert read(original)["X-Seen"] is None
    assert await letters(store, "bob@alpha.test") == [original]
    await is_sound(store)


async def test_the_next_letter_obeys_the_new_script(start, store):
    node = await start(zones=ZONES)
    await send(node)
    await give(store, 'require "fileinto"; fileinto "Archive";')
    await send(node)
    await give(store, 'require "fileinto"; fileinto "Drafts";')
    await send(node)
    for mailbox in ("INBOX", "Archive", "Drafts"):
        assert len(await letters(store, ALICE, mailbox)) == 1, mailbox


async def test_a_discarded_letter_is_told_in_the_trace(start, store):
    node = await start(zones=ZONES)
    await give(store, "discard;")
    assert (await send(node)).startswith("250 ")
    assert await counts(store) == (0, 0, 0, 1, 0)
    assert await told(store) == [f"{ALICE}: discarded"]


# Junk


@pytest.mark.parametrize(
    ("script", "mailbox"),
    [
        ("keep;", "Junk"),
        ('require "fileinto"; fileinto "Archive";', "Junk"),
        ('redirect "x@remote.test";', "Junk"),
        ("discard;", None),
        (
            """require ["fileinto", "spamtestplus", "relational", "comparator-i;ascii-numeric"];
            if spamtest :percent :value "ge" :comparator "i;ascii-numeric" "90" { fileinto "Archive"; }""",
            "Archive",
        ),
    ],
)
async def test_what_was_judged_junk_stays_there_unless_the_script_asks(
    start_embedded, sqlite_store, script, mailbox
):
    node = await start_embedded(zones=ZONES)
    await give(sqlite_store, script)
    content = LETTER.replace(b"honest", b"shady")
    assert (await send(node, sender="zoe@shady.test", content=content)).startswith("250 ")
    for name in ("INBOX", "Junk", "Archive"):
        assert len(await letters(sqlite_store, ALICE, name)) == (name == mailbox), name
    assert await queued(sqlite_store) == []


async def test_a_clean_letter_passes_the_spam_test(start, store):
    node = await start(zones=ZONES)
    await give(
        store,
        'require ["fileinto", "spamtest"]; if spamtest "1" { fileinto "Archive"; }',
    )
    await send(node)
    assert len(await letters(store, ALICE, "Archive")) == 1


# Errors


@pytest.mark.parametrize("octets", [b"a\xff", b"a\x00", b"x" * 5_000, "\ud7ff\uffff".encode()])
async def test_names_that_no_mailbox_can_have(start, store, octets):
    node = await start(zones=ZONES)
    script = b"""require ["mailbox", "special-use", "mailboxid", "fileinto", "duplicate"];
if anyof (mailboxexists "%b", specialuse_exists "%b" "\\\\Junk", mailboxidexists "F1-%b",
    duplicate :handle "%b" :uniqueid "%b") { discard; }
fileinto :specialuse "\\\\Junk%b" "Archive";""".replace(b"%b", octets)
    await store.write(
        lambda tx: tx.run(
            "INSERT INTO sieve_script (account_id, name, content, is_active, changed_at) VALUES (1, 'm', ?, 1, 1)",
            script,
        )
    )
    assert (await send(node)).startswith("250 ")
    assert sum([len(await letters(store, ALICE, name)) for name in ("INBOX", "Archive")]) in {1, 2}
    assert not any("fault" in each for each in await told(store))


async def test_a_script_that_fails_keeps_the_letter_and_tells_once_a_day(start, store):
    node = await start(zones=ZONES)
    await give(store, 'require ["fileinto", "ihave"]; fileinto "Archive";\nerror "broken \\"on\\" purpose";')
    for _ in range(3):
        assert (await send(node)).startswith("250 ")
    found = [read(each) for each in await letters(store, ALICE)]
    assert [each["Subject"] for each in found] == [
        "Your mail filter main failed",
        *["Hello"] * 3,
    ] or sorted(each["Subject"] for each in found) == [*["Hello"] * 3, "Your mail filter main failed"]
    (notice,) = [each for each in found if each["Subject"] != "Hello"]
    assert "line 2" in notice.get_content()
    assert notice["Auto-Submitted"] == "auto-generated"
    assert await letters(store, ALICE, "Archive") == []
    await is_sound(store)


async def test_an_error_in_any_words(start, store):
    node = await start(zones=ZONES)
    script = b'require ["ihave"]; error "\xff\x07' + b"x" * 100_000 + b'";'
    await store.write(
        lambda tx: tx.run(
            "INSERT INTO sieve_script (account_id, name, content, is_active, changed_at) VALUES (1, 'm', ?, 1, 1)",
            script,
        )
    )
    assert (await send(node)).startswith("250 ")
    assert len(await letters(store, ALICE)) == 2
    assert len((await told(store))[0]) < 3_000


async def test_a_script_that_is_wrong_in_the_store_keeps_the_letter(start, store):
    node = await start(zones=ZONES)
    await give(store, "nonsense")
    assert (await send(node)).startswith("250 ")
    subjects = [read(each)["Subject"] for each in await letters(store, ALICE)]
    assert sorted(subjects) == ["Hello", "Your mail filter main failed"]


# Redirect


async def test_a_letter_is_redirected(start, store):
    node = await start(zones=ZONES)
    await give(store, 'require "copy"; redirect :copy "al@elsewhere.test"; redirect "al@elsewhere.test";')
    assert (await send(node)).startswith("250 ")
    ((path, to, content),) = await queued(store)
    assert (path, to) == ("zoe@honest.test", "al@elsewhere.test")
    assert content.startswith(b"Delivered-To: alice@alpha.test\r\n")
    assert content.endswith(LETTER)
    assert b"Return-Path" not in content
    assert b"\r\nReceived: from client.test" in content
    assert await letters(store, ALICE) == []
    assert [job.destination for job in node.jobs] == ["elsewhere.test"]  # leased to this worker at once


async def test_the_null_sender_stays_null(start, store):
    node = await start(zones=ZONES)
    await give(store, 'redirect "al@elsewhere.test";')
    await send(node, sender="")
    assert [each[:2] for each in await queued(store)] == [("", "al@elsewhere.test")]


async def test_a_redirect_carries_what_the_script_changed(start, store):
    node = await start(zones=ZONES)
    await give(store, 'require ["editheader"]; addheader "X-Way" "by alice"; redirect "al@elsewhere.test";')
    await send(node)
    ((_, _, content),) = await queued(store)
    assert read(content)["X-Way"] == "by alice"
    assert b"Return-Path" not in content


@pytest.mark.parametrize(
    ("script", "extra"),
    [
        ('redirect "alice@alpha.test";', ""),
        ('redirect "Alice+x@alpha.test";', ""),
        ('redirect "al@elsewhere.test";', "Delivered-To: alice@alpha.test\r\n"),
        ('redirect "al@elsewhere.test";', "Received: from a by b; Mon, 21 Sep 2026 13:33:20 +0000\r\n" * 50),
    ],
)
async def test_a_redirect_that_goes_in_a_circle_is_kept(start_embedded, sqlite_store, script, extra):
    node = await start_embedded(zones=ZONES)
    await give(sqlite_store, script)
    assert (await send(node, content=letter(extra=extra))).startswith("250 ")
    assert len(await letters(sqlite_store, ALICE)) == 1
    assert await queued(sqlite_store) == []


# Vacation

VACATION = 'require "vacation"; vacation :days 7 :subject "Away" "I am not here.";'


async def test_vacation_answers_once(start, store):
    node = await start(zones=ZONES)
    await give(store, VACATION)
    for number in range(3):
        assert (await send(node, content=letter(message_id=str(number)))).startswith("250 ")
    ((path, to, content),) = await queued(store)
    assert (path, to) == ("", "zoe@honest.test")
    answer = read(content)
    assert answer["Auto-Submitted"] == "auto-replied (vacation)"
    assert answer["Subject"] == "Away"
    assert answer["From"] == ALICE
    assert answer["In-Reply-To"] == "<0@honest.test>"
    assert answer.get_content() == "I am not here.\r\n"
    assert len(await letters(store, ALICE)) == 3


async def test_two_workers_answer_once(tmp_path):
    stores = [SqliteStore(tmp_path, PackStore(tmp_path / "packs")) for _ in range(2)]
    try:
        await stores[0].write(populate)
        await give(stores[0], VACATION)
        async with (
            running_node(stores[0], tmp_path) as one,
            running_node(stores[1], tmp_path, Options(draws=range(500, 900))) as other,
        ):
            replies = await asyncio.gather(
                *(send(node, content=letter(message_id=str(n))) for n in range(4) for node in (one, other))
            )
        assert all(reply.startswith("250 ") for reply in replies)
        assert len(await queued(stores[0])) == 1
        assert len(await letters(stores[0], ALICE)) == 8
    finally:
        for each in stores:
            await each.close()


@pytest.mark.parametrize(
    ("sender", "extra"),
    [
        ("", ""),
        ("zoe@honest.test", "Auto-Submitted: auto-replied\r\n"),
        ("zoe@honest.test", "List-Id: <users.honest.test>\r\n"),
        ("zoe@honest.test", "Precedence: bulk\r\n"),
        ("alice@alpha.test", ""),
        ("zoe@forged.test", ""),  # SPF says that it is not theirs
    ],
)
async def test_vacation_answers_no_machine_and_no_victim(start_embedded, sqlite_store, sender, extra):
    node = await start_embedded(zones=ZONES)
    await give(sqlite_store, VACATION)
    assert (await send(node, sender=sender, content=letter(extra=extra))).startswith("250 ")
    assert await queued(sqlite_store) == []
    assert len(await letters(sqlite_store, ALICE)) == 1


async def test_vacation_with_all_its_arguments(start, store):
    node = await start(zones=ZONES)
    await give(
        store,
        'require ["vacation", "vacation-seconds", "fcc", "mailbox", "imap4flags"]; vacation :seconds 0'
        ' :from "Ali <team@alpha.test>" :mime :fcc "Out" :create :flags "\\\\Seen" :handle "h"'
        ' "Content-Type: text/html\r\nX-Evil: 1\r\n\r\n<p>Away</p>\r\n";',
    )
    for number in range(2):
        await send(node, content=letter(message_id=str(number)))
    first, second = (read(content) for _, _, content in await queued(store))
    assert first["From"] == second["From"] == "Ali <team@alpha.test>"
    assert first["X-Evil"] is None
    assert first.get_content_type() == "text/html"
    copies = [read(each) for each in await letters(store, ALICE, "Out")]
    assert [each["Message-ID"] for each in copies] == [first["Message-ID"], second["Message-ID"]]
    assert await flags(store, ALICE, "Out") == [SEEN, SEEN]


async def test_nobody_answers_in_another_name(start, store):
    node = await start(zones=ZONES)
    await give(store, 'require "vacation"; vacation :from "ceo@bank.test" "Away";')
    await send(node)
    ((_, _, content),) = await queued(store)
    assert read(content)["From"] == ALICE


# Notify


async def test_a_notification_is_sent(start, store):
    node = await start(zones=ZONES)
    await give(
        store,
        'require ["enotify"]; notify :importance "1" :message "Mail from Zoe"'
        ' "mailto:a@pager.test,b@pager.test?body=Look&x-pager=1&from=evil@x.test";',
    )
    await send(node)
    found = await queued(store)
    assert [each[:2] for each in found] == [(ALICE, "a@pager.test"), (ALICE, "b@pager.test")]
    notified = read(found[0][2])
    assert notified["Auto-Submitted"] == f'auto-notified; owner-email="{ALICE}"'
    assert notified["Subject"] == "Mail from Zoe"
    assert notified["X-Pager"] == "1"
    assert notified["From"] == ALICE
    assert notified.get_content() == "Look\r\n"
    assert len(await letters(store, ALICE)) == 1


# Reject


@pytest.mark.parametrize("verb", ["reject", "ereject"])
async def test_a_refusal_is_in_the_dialogue(start, store, verb):
    node = await start(zones=ZONES)
    await give(store, f'require "{verb}"; {verb} "Not from you.\r\nNever.";', "alice", "bob")
    assert await send(node) == "550-5.7.1 Not from you.\n550 5.7.1 Never."
    assert (await send(node, ALICE, "bob@alpha.test")).startswith("550-5.7.1 Not from you.")
    assert (await counts(store))[:3] == (0, 0, 0)
    assert await told(store) == ["filter-refused: Not from you. Never."] * 2


async def test_words_of_any_kind_and_length(start, store):
    node = await start(zones=ZONES)
    script = b'require "ereject"; ereject "a\x07\x1b[1m\r\n.\r\n' + b"x" * 200_000 + b'";'
    await store.write(
        lambda tx: tx.run(
            "INSERT INTO sieve_script (account_id, name, content, is_active, changed_at) VALUES (1, 'm', ?, 1, 1)",
            script,
        )
    )
    client = await node.greeted()
    reply = await client.mail("zoe@honest.test", ALICE, letter=LETTER)
    lines = reply.split("\n")
    assert lines[:2] == ["550-5.7.1 a  [1m", "550-5.7.1 ."]
    assert len(lines) < 15
    assert (await client.say("NOOP")).startswith("250 ")
    assert len(await told(store)) == 1


async def test_words_that_smtp_can_not_say(start, store):
    node = await start(zones=ZONES)
    await give(store, 'require "ereject"; ereject "Nein, nicht über mich";')
    assert await send(node) == "550 5.7.1 The recipient's mail filter refuses this message"
    await give(store, 'require "reject"; reject "Nein, nicht über mich";')
    assert (await send(node)).startswith("250 ")  # RFC 5429 §2.2: by an MDN, whose words are exact
    ((path, to, content),) = await queued(store)
    assert (path, to) == ("", "zoe@honest.test")
    text, disposition, header = read(content).iter_parts()
    assert "Nein, nicht über mich" in text.get_content()
    assert disposition.get_content_type() == "message/disposition-notification"
    assert "Disposition: automatic-action/MDN-sent-automatically; deleted" in content.decode()
    assert header.get_content_type() == "text/rfc822-headers"
    assert await letters(store, ALICE) == []


async def test_one_of_two_refuses_and_the_sender_is_told(start, store):
    node = await start(zones=ZONES)
    await give(store, 'require "ereject"; ereject "No birdseed.";')
    assert (await send(node, ALICE, "bob@alpha.test")).startswith("250 ")
    ((path, to, content),) = await queued(store)
    assert (path, to) == ("", "zoe@honest.test")
    assert "Action: failed" in content.decode()
    assert "No birdseed." in content.decode()
    assert await letters(store, ALICE) == []
    assert len(await letters(store, "bob@alpha.test")) == 1


@pytest.mark.parametrize("sender", ["", "zoe@forged.test", "zoe@nobody.test"])
async def test_no_backscatter(start_embedded, sqlite_store, sender):
    node = await start_embedded(zones=ZONES)
    await give(sqlite_store, 'require "ereject"; ereject "No birdseed.";')
    content = LETTER.replace(b"honest", b"nobody")
    assert (await send(node, ALICE, "bob@alpha.test", sender=sender, content=content)).startswith("250 ")
    assert await queued(sqlite_store) == []
    assert len(await letters(sqlite_store, ALICE, "Junk")) == 1


# Duplicates

DUPLICATE = 'require ["duplicate", "fileinto"]; if duplicate { fileinto "Trash"; }'


async def test_the_second_copy_is_known(start, store):
    node = await start(zones=ZONES)
    await give(store, DUPLICATE, "alice", "bob")
    await send(node)
    await send(node, ALICE, "bob@alpha.test")
    await send(node, content=letter(message_id="other"))
    assert [len(await letters(store, ALICE, name)) for name in ("INBOX", "Trash")] == [2, 1]
    assert len(await letters(store, "bob@alpha.test")) == 1


async def test_two_copies_at_once_over_two_workers(tmp_path):
    stores = [SqliteStore(tmp_path, PackStore(tmp_path / "packs")) for _ in range(2)]
    try:
        await stores[0].write(populate)
        await give(stores[0], DUPLICATE)
        async with (
            running_node(stores[0], tmp_path) as one,
            running_node(stores[1], tmp_path, Options(draws=range(500, 900))) as other,
        ):
            await asyncio.gather(*(send(node) for _ in range(4) for node in (one, other)))
        assert [len(await letters(stores[0], ALICE, name)) for name in ("INBOX", "Trash")] == [1, 7]
    finally:
        for each in stores:
            await each.close()


# Our own users' letters


async def test_letters_of_our_own_users_meet_scripts(start, store):
    node = await start(role=Role.SUBMISSION, tls=True)
    await give(store, 'require ["fileinto"]; fileinto "Archive";')
    await give(store, 'require "ereject"; ereject "Not now.";', "carole")
    client = await node.user("bob@alpha.test")
    content = b"From: bob@alpha.test\r\nTo: alice@alpha.test\r\nSubject: x\r\n\r\nHi.\r\n"
    assert (await client.mail("bob@alpha.test", ALICE, letter=content)).startswith("250 ")
    assert len(await letters(store, ALICE, "Archive")) == 1
    reply = await client.mail("bob@alpha.test", "carole@alpha.test", letter=content)
    assert reply == "550 5.7.1 Not now."
    assert (await client.mail("bob@alpha.test", ALICE, "carole@alpha.test", letter=content)).startswith(
        "250 "
    )
    ((path, to, _),) = await queued(store)
    assert (path, to) == ("", "bob@alpha.test")


async def test_results_are_counted(start, store):
    counted = Metrics()
    node = await start(zones=ZONES, tally=Counting(counted))
    for script in ("keep;", 'require "reject"; reject "No.";', 'require "ihave"; error "no";'):
        await give(store, script)
        await send(node)
    text = exposition([counted.snapshot()]).decode()
    for result in ("done", "refused", "failed"):
        assert f'postier_filtered_messages_total{{result="{result}"}} 1.0' in text


async def test_what_is_redirected_is_sealed(start, store):
    """RFC 8617 §5.1: with our results, and the chain verifies; the script's change is under the seal."""
    key = DkimKey("alpha.test", "r", DkimAlgorithm.RSA, dkim.private_pem(dkim.generate_key()).decode())
    await store.write(add_key, key)
    node = await start(zones=ZONES)
    await give(store, 'require "editheader"; addheader "X-Way" "alice"; redirect "al@elsewhere.test";')
    await send(node)
    ((_, _, content),) = await queued(store)
    assert content.startswith(b"ARC-Seal: ")
    record = dkim.key_record(dkim.load_private_key(key.private_key.encode()).public_key())
    answers = StaticResolver.of_txt({"r._domainkey.alpha.test": record})
    result = arc.run(arc.verify(content, NOW_S), answers)
    assert (result.result, result.sealers) == (Outcome.PASS, ("alpha.test",))
    assert b"spf=pass" in result.assessments[0]


async def test_answers_are_signed_in_the_owners_name(start, store):
    key = DkimKey("alpha.test", "r", DkimAlgorithm.RSA, dkim.private_pem(dkim.generate_key()).decode())
    await store.write(add_key, key)
    node = await start(zones=ZONES)
    await give(store, VACATION)
    await send(node)
    ((_, _, content),) = await queued(store)
    record = dkim.key_record(dkim.load_private_key(key.private_key.encode()).public_key())
    answers = StaticResolver.of_txt({"r._domainkey.alpha.test": record})
    (verified,) = dkim.run(dkim.verify(Letter.parse(content), NOW_S), answers)
    assert (verified.result, verified.domain) == (Outcome.PASS, "alpha.test")
