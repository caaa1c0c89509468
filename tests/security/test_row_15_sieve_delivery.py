"""SECURITY 15 at delivery: scripts that want too much, paths as names, other people's things; the mail is kept."""

import time

import pytest

from postier.accounts.scripts import put_script
from postier.mta.sieving.shelf import Shelf
from postier.sieve.limits import LIMITS
from tests.mta.sieving.scripted import ZONES, give, letter, queued
from tests.servers.smtp_server import letters

ALICE, BOB = "alice@alpha.test", "bob@alpha.test"
BOMBS = {
    "comparisons": 'require "body";\n' + 'if body :raw :contains "zzz" { discard; }\n' * 5_000,
    "mailboxes": 'require ["mailbox", "variables"];\n'
    + "".join(
        f'if mailboxexists ["{n}", {", ".join(chr(34) + f"{n}.{m}" + chr(34) for m in range(50))}] {{ discard; }}\n'
        f'if not mailboxexists "x{n}" {{ set "a" "b"; }}\n'
        for n in range(2_100)
    ),
    "unique ids": 'require "duplicate";\n'
    + "".join(f'if duplicate :uniqueid "{n}" {{ discard; }}\n' for n in range(100)),
    "redirects": "".join(f'redirect "a{number}@x.test";\n' for number in range(1_000)),
    "files": 'require ["fileinto", "mailbox"];\n'
    + "".join(f'fileinto :create "m{number}";\n' for number in range(1_000)),
    "itself": 'require "include"; include "main";',
    "headers": 'require "editheader";\n' + 'addheader "X-A" "b";\n' * 1_000 + "discard;",
    "notifications": 'require "enotify";\n'
    + "".join(f'notify "mailto:a{number}@x.test";\n' for number in range(100))
    + "discard;",
}


async def send(node, content=None, *recipients):
    client = await node.greeted()
    return await client.mail("zoe@honest.test", *(recipients or (ALICE,)), letter=content or letter())


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_script_that_wants_too_much_is_ended_and_the_letter_kept(start_embedded, sqlite_store, bomb):
    node = await start_embedded(zones=ZONES)
    await give(sqlite_store, BOMBS[bomb])
    began = time.process_time()
    assert (await send(node, letter() + b"a" * 50_000 + b"\r\n")).startswith("250 ")
    assert time.process_time() - began < 30
    assert len(await letters(sqlite_store, ALICE)) == 2  # and the notice
    assert await queued(sqlite_store) == []


async def test_regular_expressions_that_explode_elsewhere_do_not_here(start_embedded, sqlite_store):
    node = await start_embedded(zones=ZONES)
    tests = "".join(f'if body :raw :regex "(a|aa|a{{{n}}})+b(c+)+$" {{ discard; }}\n' for n in range(1, 40))
    await give(sqlite_store, f'require ["regex", "body"];\n{tests}')
    began = time.process_time()
    assert (await send(node, letter() + b"a" * 50_000 + b"\r\n")).startswith("250 ")
    assert time.process_time() - began < 30
    assert len(await letters(sqlite_store, ALICE)) == 1


@pytest.mark.parametrize("recipients", [1, 3])
async def test_one_letter_is_redirected_to_so_many_at_most(start_embedded, sqlite_store, recipients):
    node = await start_embedded(zones=ZONES)
    names = ("alice", "bob", "carole")[:recipients]
    script = "".join(f'redirect "a{number}@x.test";\n' for number in range(LIMITS.redirects))
    await give(sqlite_store, script, *names)
    assert (await send(node, letter(), *(f"{name}@alpha.test" for name in names))).startswith("250 ")
    assert len(await queued(sqlite_store)) == LIMITS.redirects * recipients


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "..", "a/b", "a\\\\b"])
async def test_included_names_are_no_paths(start_embedded, sqlite_store, tmp_path, name):
    (tmp_path.parent / "x.sieve").write_text("discard;")
    node = await start_embedded(zones=ZONES)
    await give(sqlite_store, f'require "include"; include :global "{name}"; discard;')
    assert (await send(node)).startswith("250 ")
    assert len(await letters(sqlite_store, ALICE)) == 2


async def test_scripts_and_mailboxes_of_others_are_out_of_reach(start_embedded, sqlite_store):
    node = await start_embedded(zones=ZONES)
    await give(sqlite_store, "discard;", "bob", script_name="secret", active=False)
    await give(
        sqlite_store,
        'require ["include", "fileinto", "mailbox", "mailboxid", "vacation", "fcc"];\n'
        'if anyof (mailboxidexists "F2-1", mailboxexists "bob@alpha.test/INBOX") { discard; stop; }\n'
        'vacation :fcc "../bob@alpha.test/INBOX" "x"; fileinto :mailboxid "F2-2" "/bob@alpha.test/INBOX";\n'
        'include :optional "secret";',
    )
    assert (await send(node)).startswith("250 ")
    assert len(await letters(sqlite_store, ALICE)) == 2  # the letter, and the answer's copy
    assert await letters(sqlite_store, BOB) == []


async def test_many_scripts_are_not_all_kept_compiled(start_embedded, sqlite_store):
    await start_embedded(zones=ZONES)
    shelf = Shelf(sqlite_store)
    text = b"# " + b"x" * 500_000 + b"\r\nkeep;"
    for number in range(12):
        await sqlite_store.write(put_script, 1 + number % 3, f"s{number}", text)
        await sqlite_store.read_bulk(shelf.included, 1 + number % 3, f"s{number}", may_compile=True)
    assert sum(len(script.text) for script in shelf._compiled.values()) <= 4 << 20
    shelf.close()
