import pytest

from postier.accounts.aliases import Alias, add_alias, aliases_of, list_aliases, remove_alias
from postier.accounts.refusals import InvalidError, NotFoundError
from postier.accounts.resolution import MAX_ALIAS_TARGETS
from postier.store.transaction import Store, WriteTx
from tests.accounts.directory_rows import a, alias, two_domains


async def test_aliases_are_added_listed_and_removed(store: Store) -> None:
    await store.write(two_domains)
    await store.write(alias, "Sales@beta.test", "Carole@beta.test", "X@Else.test")
    await store.write(alias, "sales@beta.test", "alice@alpha.test", "carole@beta.test")
    await store.write(alias, "*@alpha.test", "alice@alpha.test")
    targets = tuple(map(a, ("X@else.test", "alice@alpha.test", "carole@beta.test")))
    sales = Alias(a("sales@beta.test"), targets)
    assert await store.read(list_aliases) == [Alias(a("*@alpha.test"), (a("alice@alpha.test"),)), sales]
    assert await store.read(list_aliases, "beta.test") == [sales]
    assert await store.read(aliases_of, a("Alice@alpha.test")) == [a("*@alpha.test"), a("sales@beta.test")]
    await store.write(remove_alias, a("SALES@beta.test"), (a("CAROLE@beta.test"), a("X@else.test")))
    assert await store.read(list_aliases, "beta.test") == [
        Alias(a("sales@beta.test"), (a("alice@alpha.test"),))
    ]
    await store.write(remove_alias, a("sales@beta.test"))
    for gone in (
        store.write(remove_alias, a("sales@beta.test")),
        store.write(remove_alias, a("*@alpha.test"), (a("no@alpha.test"),)),
    ):
        with pytest.raises(NotFoundError):
            await gone


async def test_what_an_alias_may_not_be(store: Store) -> None:
    await store.write(two_domains)
    with pytest.raises(NotFoundError):
        await store.write(alias, "x@else.test", "carole@beta.test")
    with pytest.raises(NotFoundError):
        await store.write(alias, "x@beta.test", "ghost@beta.test")
    with pytest.raises(NotFoundError):
        await store.write(alias, "x@beta.test", "x@beta.test")
    with pytest.raises(InvalidError):
        await store.write(alias, "x@beta.test")
    with pytest.raises(InvalidError):
        await store.write(alias, '"a b"@beta.test', "carole@beta.test")
    await store.write(alias, "x@beta.test", "carole@beta.test")
    with pytest.raises(InvalidError):
        await store.write(alias, "y@beta.test", "carole+" + "İ" * 28 + "@beta.test")  # longer in lower case
    assert len(await store.read(list_aliases)) == 1


async def test_an_alias_that_leads_to_itself_only_is_refused(store: Store) -> None:
    await store.write(two_domains)

    def close_the_loop(tx: WriteTx) -> None:
        alias(tx, "a@beta.test", "carole@beta.test")
        alias(tx, "b@beta.test", "a@beta.test")
        remove_alias(tx, a("a@beta.test"))
        tx.run("INSERT INTO alias VALUES ('beta.test', 'a', 'b@beta.test')")
        alias(tx, "b@beta.test", "b@beta.test")

    with pytest.raises((InvalidError, NotFoundError)):
        await store.write(close_the_loop)


async def test_targets_have_their_limit(store: Store) -> None:
    await store.write(two_domains)
    many = tuple(a(f"u{n}@else.test") for n in range(MAX_ALIAS_TARGETS + 1))
    await store.write(add_alias, a("full@beta.test"), many[:-1])
    for refused in (add_alias, lambda tx, address, targets: add_alias(tx, address, targets[-1:])):
        with pytest.raises(InvalidError, match="100 targets"):
            await store.write(refused, a("full@beta.test"), many)
