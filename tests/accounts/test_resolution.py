import pytest

from postier.accounts.accounts import set_admin
from postier.accounts.domains import add_domain
from postier.accounts.resolution import (
    MAX_ALIAS_DEPTH,
    MAX_ALIAS_TARGETS,
    AliasProblem,
    Forward,
    Local,
    LocalRecipient,
    NotOurDomain,
    Resolution,
    Unexpandable,
    Unknown,
    resolve,
)
from postier.store.transaction import Store, WriteTx
from tests.accounts.directory_rows import a, account, alias, two_domains


async def where(store: Store, address: str, hostname: str = "") -> Resolution:
    return await store.read(resolve, a(address), hostname)


async def told(store: Store, address: str) -> list[str]:
    """The accounts (with `/detail`) and forwards of an address, in words."""
    match await where(store, address):
        case Local(recipients):
            return [f"{one.address}/{one.detail}" for one in recipients]
        case Forward(targets, recipients):
            return [f"{one.address}/{one.detail}" for one in recipients] + [
                f"-> {target}" for target in targets
            ]
        case other:
            return [repr(other)]


async def test_accounts_and_what_is_none(store: Store) -> None:
    _, carole = await store.write(two_domains)
    assert await where(store, "Carole@BETA.test") == Local(
        (LocalRecipient(carole, a("carole@beta.test"), ""),)
    )
    assert await where(store, "nobody@beta.test") == Unknown()
    assert await where(store, "carole@gamma.test") == NotOurDomain()
    assert await where(store, "carole@sub.beta.test") == NotOurDomain()


async def test_extensions_find_the_account_and_exact_names_win(store: Store) -> None:
    await store.write(two_domains)
    await store.write(add_domain, "xn--bcher-kva.test")
    await store.write(account, "carole+vip@beta.test")
    await store.write(account, "élise@xn--bcher-kva.test")
    assert await told(store, "carole+News@beta.test") == ["carole@beta.test/News"]
    assert await told(store, "carole+vip@beta.test") == ["carole+vip@beta.test/"]
    assert await told(store, "carole+vip+x@beta.test") == ["carole@beta.test/vip+x"]
    assert await told(store, "ÉLISE+été@bücher.test") == ["élise@xn--bcher-kva.test/été"]
    assert await told(store, "nobody+carole@beta.test") == ["Unknown()"]


async def test_aliases_lead_here_and_elsewhere(store: Store) -> None:
    await store.write(two_domains)
    await store.write(alias, "sales@beta.test", "carole@beta.test", "alice@alpha.test")
    await store.write(alias, "out@beta.test", "Someone@Else.test")
    await store.write(alias, "both@beta.test", "sales@beta.test", "Someone@else.test", "carole+x@beta.test")
    assert await told(store, "SALES@beta.test") == ["alice@alpha.test/", "carole@beta.test/"]
    assert await told(store, "sales+q@beta.test") == ["alice@alpha.test/q", "carole@beta.test/q"]
    assert await where(store, "out@beta.test") == Forward((a("Someone@else.test"),), ())
    assert await told(store, "both@beta.test") == [
        "carole@beta.test/x",
        "alice@alpha.test/",
        "-> Someone@else.test",
    ]


async def test_the_catch_all_gets_what_nobody_has(store: Store) -> None:
    await store.write(two_domains)
    await store.write(alias, "sales@beta.test", "alice@alpha.test")
    await store.write(alias, "*@beta.test", "carole@beta.test")
    assert await told(store, "anything@beta.test") == ["carole@beta.test/"]
    assert await told(store, "any+thing@beta.test") == ["carole@beta.test/"]
    assert await told(store, "sales@beta.test") == ["alice@alpha.test/"]
    assert await told(store, "postmaster@beta.test") == ["carole@beta.test/"]
    assert await told(store, "anything@alpha.test") == ["Unknown()"]


async def test_postmaster_is_always_answered(store: Store) -> None:
    await store.write(add_domain, "empty.test")
    assert await where(store, "postmaster@empty.test") == Unknown()  # nobody at all
    _, carole = await store.write(two_domains)
    assert await told(store, "PostMaster@empty.test") == ["alice@alpha.test/"]
    await store.write(set_admin, carole, is_admin=True)
    assert await told(store, "postmaster@empty.test") == ["carole@beta.test/"]
    assert await told(store, "postmaster+x@empty.test") == ["carole@beta.test/x"]
    assert await told(store, "postmaster@elsewhere.test") == ["NotOurDomain()"]
    at_host = await where(store, "Postmaster@mx.beta.test", "mx.beta.test")
    assert at_host == Local((LocalRecipient(carole, a("carole@beta.test"), ""),))
    assert await where(store, "carole@mx.beta.test", "mx.beta.test") == NotOurDomain()
    await store.write(alias, "postmaster@empty.test", "alice@alpha.test")
    assert await told(store, "postmaster@empty.test") == ["alice@alpha.test/"]


def chain(tx: WriteTx, length: int) -> None:
    """a1 leads to a2 and so on; the last to carole."""
    tx.run_many(
        "INSERT INTO alias (domain, local, target) VALUES ('beta.test', ?, ?)",
        [
            (f"a{n}", f"a{n + 1}@beta.test" if n < length else "carole@beta.test")
            for n in range(1, length + 1)
        ],
    )


async def test_depth_has_its_limit(store: Store) -> None:
    await store.write(two_domains)
    await store.write(chain, MAX_ALIAS_DEPTH)
    assert await told(store, "a1@beta.test") == ["carole@beta.test/"]
    await store.write(lambda tx: tx.run("INSERT INTO alias VALUES ('beta.test', 'a0', 'a1@beta.test')"))
    assert await where(store, "a0@beta.test") == Unexpandable(AliasProblem.TOO_DEEP)


@pytest.mark.parametrize("extra", [0, 1])
async def test_count_has_its_limit(store: Store, extra: int) -> None:
    await store.write(two_domains)
    count = MAX_ALIAS_TARGETS + extra
    await store.write(
        lambda tx: tx.run_many(
            "INSERT INTO alias VALUES ('beta.test', 'list', ?)", [(f"u{n}@else.test",) for n in range(count)]
        )
    )
    result = await where(store, "list@beta.test")
    if extra:
        assert result == Unexpandable(AliasProblem.TOO_MANY)
    else:
        assert isinstance(result, Forward)
        assert len(result.targets) == MAX_ALIAS_TARGETS


async def test_targets_that_are_gone_are_left_out(store: Store) -> None:
    await store.write(two_domains)
    await store.write(
        lambda tx: tx.run_many(
            "INSERT INTO alias VALUES ('beta.test', ?, ?)",
            [("half", "ghost@beta.test"), ("half", "carole@beta.test"), ("none", "ghost@beta.test")],
        )
    )
    assert await told(store, "half@beta.test") == ["carole@beta.test/"]
    assert await where(store, "none@beta.test") == Unknown()


async def test_how_many_queries_it_takes(sqlite_store: Store) -> None:
    await sqlite_store.write(two_domains)
    await sqlite_store.write(alias, "sales@beta.test", "carole@beta.test")
    await sqlite_store.write(alias, "shop@beta.test", "sales@beta.test")

    class Counting:
        def __init__(self, tx: object) -> None:
            self.tx, self.count = tx, 0

        def __getattr__(self, name: str) -> object:
            self.count += 1
            return getattr(self.tx, name)

    def count(tx: object, address: str) -> int:
        counting = Counting(tx)
        resolve(counting, a(address))
        return counting.count

    for address, expected in (
        ("carole+x@beta.test", 1),
        ("nobody@beta.test", 1),
        ("x@else.test", 1),
        ("sales@beta.test", 2),
        ("postmaster@beta.test", 2),
        ("shop@beta.test", 3),
    ):
        assert await sqlite_store.read(count, address) == expected, address
