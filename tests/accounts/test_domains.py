import pytest

from postier.accounts.accounts import list_accounts
from postier.accounts.aliases import list_aliases
from postier.accounts.dkim_keys import DkimAlgorithm, DkimKey, domain_keys
from postier.accounts.domain_rows import DIRECTORY_TOPIC, of_domain
from postier.accounts.domains import (
    add_domain,
    domain_info,
    list_domains,
    parse_mail_domain,
    remove_domain,
)
from postier.accounts.refusals import ExistsError, InUseError, InvalidError, NotFoundError
from postier.store.transaction import Store
from tests.accounts.directory_rows import account, alias, two_domains


def test_the_stored_form_of_a_domain() -> None:
    assert parse_mail_domain("Bücher.Test.") == "xn--bcher-kva.test"
    for bad in ("", "a b", "[192.0.2.1]", "-x.test", "x..test", "@x.test"):
        with pytest.raises(InvalidError):
            parse_mail_domain(bad)


async def test_domains_are_added_listed_and_removed(store: Store) -> None:
    await store.write(two_domains)
    await store.write(alias, "sales@beta.test", "carole@beta.test", "x@else.test")
    listed = await store.read(list_domains)
    assert [(d.domain, d.accounts, d.aliases) for d in listed] == [("alpha.test", 1, 0), ("beta.test", 1, 1)]
    assert await store.read(domain_info, "beta.test") == listed[1]
    with pytest.raises(ExistsError):
        await store.write(add_domain, "beta.test")
    with pytest.raises(InUseError):
        await store.write(remove_domain, "beta.test")
    await store.write_bulk(remove_domain, "beta.test", force=True)
    assert [d.domain for d in await store.read(list_domains)] == ["alpha.test"]
    assert [str(one.address) for one in await store.read(list_accounts)] == ["alice@alpha.test"]
    assert await store.read(list_aliases) == []
    for missing in (domain_info, remove_domain):
        with pytest.raises(NotFoundError):
            await store.write(missing, "beta.test")


async def test_a_domains_keys_come_and_go_with_it(sqlite_store: Store) -> None:
    key = DkimKey("x.test", "202611r", DkimAlgorithm.RSA, "pem")
    await sqlite_store.write(add_domain, "x.test", [key])
    (stored,) = await sqlite_store.read(domain_keys, "x.test")
    assert (stored.selector, stored.private_key) == (key.selector, key.private_key)
    await sqlite_store.write(remove_domain, "x.test")
    await sqlite_store.write(add_domain, "x.test")
    assert await sqlite_store.read(domain_keys, "x.test") == []


async def test_a_name_with_wild_cards_is_no_pattern(store: Store) -> None:
    assert of_domain("a_b.test") == "%@a!_b.test"
    await store.write(add_domain, "a_b.test")
    await store.write(add_domain, "axb.test")
    await store.write(account, "u@axb.test")
    assert (await store.read(domain_info, "a_b.test")).accounts == 0
    await store.write(remove_domain, "a_b.test")
    assert (await store.read(domain_info, "axb.test")).accounts == 1


async def test_writers_wake_the_directory(sqlite_store: Store) -> None:
    store, woken = sqlite_store, []
    store.watch_topic(DIRECTORY_TOPIC, lambda: woken.append(1))
    await store.write(two_domains)
    assert woken
