"""What scripts ask of address books and of the operator's lists, alone and in deliveries."""

import pytest

from postier.accounts.contacts import Contact, put_contacts
from postier.mta.sieving import lists, operator_lists
from postier.mta.sieving.lists import AccountLists
from postier.mta.sieving.operator_lists import MAX_LIST_NAME_OCTETS, OperatorLists
from postier.mta.sieving.running import MAX_QUESTIONS, full_purse
from postier.mta.sieving.shelf import NotCompiledError
from postier.sieve.problems import CostError, RunError
from postier.sieve.script import compile_script
from postier.sieve.world import Envelope, World
from postier.store.transaction import StoreUnavailableError
from tests.mailbox.letters import add_account
from tests.mta.sieving.scripted import ZONES, give, letter, queued, told
from tests.servers.smtp_server import letters

ALICE = "alice@alpha.test"
VIP = "tag:x.test,2026:vip"
BOOK = "urn:ietf:params:sieve:addrbook:default"


class Counted:
    """A transaction that counts what is asked of it."""

    def __init__(self, tx):
        self._tx = tx
        self.asked = 0

    def rows(self, sql, *params):
        self.asked += 1
        return self._tx.rows(sql, *params)

    def value(self, sql, *params):
        self.asked += 1
        return self._tx.value(sql, *params)


async def ask(store, test, tmp_path, *, requires="extlists envelope variables", to="a@x.test"):
    """Whether a test holds for account 1, and what it asked of the store."""
    words = ", ".join(f'"{each}"' for each in requires.split())
    script = compile_script(f"require [{words}]; if {test} {{ discard; }}")

    def run(tx):
        counted = Counted(tx)
        around = AccountLists(counted, 1, OperatorLists(tmp_path), full_purse(), may_read=True)
        raw = b"From: Zoe <ZOE@X.test>\r\nTo: b@x.test, c@x.test, d@x.test\r\nSubject: Hot\r\n\r\n"
        result = script.run(raw, Envelope("b@x.test", to), World(lists=around))
        return result.error or result.keep is None, counted.asked

    return await store.read(run)


@pytest.fixture
async def book(store):
    await store.write(add_account, 1)
    await store.write(add_account, 2)
    contacts = [
        Contact("1", "Zoe", ("zoe@x.test", "d@x.test"), b""),
        Contact("1", "Dan", ("b@x.test",), b"", "My family"),
    ]
    await store.write(put_contacts, 1, contacts)
    await store.write(put_contacts, 2, [Contact("1", "C", ("c@x.test",), b"", "Other")])


@pytest.mark.parametrize(
    ("test", "result", "asked"),
    [
        ('address :list "from" ":addrbook:default"', True, 1),
        ('header :list "from" ":ADDRBOOK:Default"', True, 1),  # RFC 6134 §2.9.3
        ('header :list "to" ":addrbook:default"', True, 1),
        ('address :list ["to", "cc"] ":addrbook:default"', True, 1),
        ('envelope :list "from" ":addrbook:default"', False, 1),
        ('envelope :list "from" ":addrbook:My%20family"', True, 2),
        ('envelope :list "from" [":addrbook:default", ":addrbook:My%20family"]', True, 3),
        ('address :domain :list "from" ":addrbook:default"', False, 0),
        ('string :list "zoe@x.test" ":addrbook:default"', True, 1),
        ('header :list "subject" ":addrbook:default"', False, 0),
        ('address :list "from" ":addrbook:Other"', 'there is no list ":addrbook:Other"', 1),
        ('address :list "from" ":addrbook:default?a=b"', 'there is no list ":addrbook:default?a=b"', 0),
        (f'header :list "subject" "{VIP}"', True, 0),
        (f'header :list "from" "{VIP}"', True, 0),
        (f'address :list "to" "{VIP}"', False, 0),
        ('header :list "subject" "tag:x.test,2026:none"', 'there is no list "tag:x.test,2026:none"', 0),
        ('header :list "subject" "ldap:x"', 'there is no list "ldap:x"', 0),
        (f'valid_ext_list [":addrbook:default", "{VIP}", ":addrbook:My%20family"]', True, 1),
        ('valid_ext_list ":addrbook:Other"', False, 1),
        ('valid_ext_list ":addrbook:default?x"', False, 0),
        ('header "subject" "hot"', True, 0),
    ],
)
@pytest.mark.usefixtures("book")
async def test_tests(store, tmp_path, test, result, asked):
    (tmp_path / VIP).write_text("# the best\nHOT\r\n\n Zoe@x.test \n")
    assert await ask(store, test, tmp_path) == (result, asked)


@pytest.mark.parametrize(
    ("uri", "octets", "error"),
    [
        (VIP, b"a\n" * (operator_lists.MAX_LIST_MEMBERS + 1), "too large"),
        (VIP, b"#" * (operator_lists.MAX_LIST_OCTETS + 1), "too large"),
        (VIP, b"a\n" * operator_lists.MAX_LIST_MEMBERS, None),
        (VIP, b"#" * operator_lists.MAX_LIST_OCTETS, None),
    ],
)
def test_limits_of_an_operators_list(tmp_path, uri, octets, error):
    (tmp_path / uri).write_bytes(octets)
    found = OperatorLists(tmp_path)
    if error is None:
        assert found.find(uri) is not None
    else:
        with pytest.raises(RunError, match=error):
            found.find(uri)


def test_operators_lists(tmp_path, monkeypatch):
    (tmp_path / "tag:x,2026:a%2Fb").write_text("a@x.test\nB@x.test\na@X.test")
    found = OperatorLists(tmp_path)
    assert found.find("tag:x,2026:a/b").addresses == ("a@x.test", "b@x.test")
    assert found.find("tag:x,2026:a/b") is found.find("tag:x,2026:a/b")  # read once
    (tmp_path / "tag:x,2026:a%2Fb").write_text("word\n")
    assert found.find("tag:x,2026:a/b").addresses is None
    assert found.find("tag:/../../etc/passwd") is None
    assert found.find("tag:" + "x" * MAX_LIST_NAME_OCTETS) is None
    assert OperatorLists(None).find(VIP) is None
    assert OperatorLists(tmp_path / "none").find(VIP) is None
    (tmp_path / VIP).mkdir()
    with pytest.raises(StoreUnavailableError):
        found.find(VIP)
    monkeypatch.setattr(operator_lists, "MAX_LISTS_REMEMBERED", 1)
    (tmp_path / "tag:b").write_text("c\n")
    kept = found.find("tag:b")
    assert found.find("tag:b") is kept
    found.find("tag:x,2026:a/b")
    assert found.find("tag:b") is not kept


@pytest.mark.usefixtures("book")
async def test_bounds_of_a_question(store, tmp_path, monkeypatch):
    (tmp_path / VIP).write_text("a\n")

    def look(tx):
        purse = full_purse()
        found = AccountLists(tx, 1, OperatorLists(tmp_path), purse, may_read=False)
        with pytest.raises(NotCompiledError):
            found.is_known(VIP)
        monkeypatch.setattr(lists, "MAX_VALUE_CHARACTERS", 20)
        assert found.find(BOOK, ["a <zoe@x.test>      "]) == "zoe@x.test"
        assert found.find(BOOK, ["a <zoe@x.test>       "]) is None
        monkeypatch.setattr(lists, "MAX_VALUE_CHARACTERS", 1_000)
        monkeypatch.setattr(lists, "MAX_ADDRESSES_IN_VALUE", 2)
        assert found.find(BOOK, ["a@x.test, d@x.test"]) == "d@x.test"
        assert found.find(BOOK, ["a@x.test, b@x.test, d@x.test"]) is None
        for _ in range(MAX_QUESTIONS - 3):
            assert found.find(BOOK, ["b@x.test"]) is None
        with pytest.raises(CostError):
            found.find(BOOK, ["b@x.test"])

    await store.read(look)


# In deliveries


async def known(store, *addresses, book=""):
    await store.write(
        put_contacts,
        1,
        [Contact(str(number), each, (each,), b"", book) for number, each in enumerate(addresses)],
    )


async def send(node, content=None):
    client = await node.greeted()
    return await client.mail("zoe@honest.test", ALICE, letter=content or letter())


async def test_a_delivery_asks_the_address_book(start, store):
    node = await start(zones=ZONES)
    await give(
        store,
        'require ["extlists", "envelope", "fileinto"];'
        ' if envelope :list "from" ":addrbook:default" { fileinto "Archive"; }',
    )
    assert (await send(node)).startswith("250 ")
    await known(store, "zoe@honest.test")
    assert (await send(node)).startswith("250 ")
    assert (len(await letters(store, ALICE)), len(await letters(store, ALICE, "Archive"))) == (1, 1)


async def test_a_letter_goes_to_all_on_a_list(start, store):
    node = await start(zones=ZONES)
    await known(store, "a@far.test", "b@far.test", ALICE, book="friends")
    await give(store, 'require "extlists"; redirect "a@far.test"; redirect :list ":addrbook:friends";')
    assert (await send(node)).startswith("250 ")
    sent = await queued(store)
    assert [forward for _, forward, _ in sent] == [
        "a@far.test",
        "b@far.test",
    ]  # nobody twice, not in a circle
    assert {path for path, _, _ in sent} == {"zoe@honest.test"}
    assert all(
        content.startswith(b"ARC-Seal") or b"Delivered-To: alice@" in content for _, _, content in sent
    )
    assert await letters(store, ALICE) == []
    marked = letter(extra=f"Delivered-To: {ALICE}\r\n")
    await send(node, marked)
    assert (len(await queued(store)), len(await letters(store, ALICE))) == (2, 1)


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "nobody is on the list"), (100, ""), (101, "lists of more than 100 addresses")],
)
async def test_how_many_may_be_on_a_list(start_embedded, sqlite_store, number, words):
    node = await start_embedded(zones=ZONES)
    await known(sqlite_store, *[f"n{each:03}@far.test" for each in range(number)])
    await give(sqlite_store, 'require "extlists"; redirect :list ":addrbook:default";')
    assert (await send(node)).startswith("250 ")
    is_sent = not words
    assert len(await queued(sqlite_store)) == (number if is_sent else 0)
    kept = [each for each in await letters(sqlite_store, ALICE) if b"Subject: Hello" in each]
    assert len(kept) == (not is_sent)  # never lost
    assert words in (await told(sqlite_store))[0]


async def test_a_list_that_is_away_makes_the_letter_wait(start_embedded, sqlite_store, tmp_path):
    (tmp_path / VIP).mkdir()
    node = await start_embedded(zones=ZONES)
    await give(sqlite_store, f'require "extlists"; if header :list "subject" "{VIP}" {{ discard; }}')
    assert (await send(node)).startswith("451 ")
    (tmp_path / VIP).rmdir()
    (tmp_path / VIP).write_text("hello\n")
    assert (await send(node)).startswith("250 ")
    assert await letters(sqlite_store, ALICE) == []
    assert await told(sqlite_store) == [f"{ALICE}: discarded"]
