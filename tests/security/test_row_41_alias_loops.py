"""Row 41: aliases that lead to themselves or to very many end in bounded time."""

from postier.accounts.resolution import AliasProblem, Local, Resolution, Unexpandable, resolve
from postier.store.transaction import ReadTx, Store
from tests.accounts.directory_rows import a, two_domains

ROWS: dict[str, list[tuple[str, str]]] = {
    "itself": [("x", "x@beta.test")],
    "ring": [("x", "y@beta.test"), ("y", "z@beta.test"), ("z", "x+again@beta.test")],
    "catch-all": [("*", "any@beta.test")],
    "itself and carole": [("x", "x@beta.test"), ("x", "carole@beta.test")],
    "bomb": [(f"{'x' if n == 0 else f'a{n}'}", f"a{n + 1}@beta.test") for n in range(200)],
    "fan": [
        (("x", f"l{n}")[bool(level)], f"l{(n * 20 + k) % 400}@beta.test")
        for level in range(2)
        for n in range(20)
        for k in range(20)
    ],
}


class Counting:
    """A transaction that counts its queries."""

    def __init__(self, tx: ReadTx) -> None:
        self.tx, self.queries = tx, 0

    def rows(self, sql: str, *params: object) -> list[tuple[object, ...]]:
        self.queries += 1
        return self.tx.rows(sql, *params)


EXPECTED = {
    "itself": AliasProblem.LOOP,
    "ring": AliasProblem.LOOP,
    "catch-all": AliasProblem.LOOP,
    "itself and carole": None,
    "bomb": AliasProblem.TOO_DEEP,
    "fan": AliasProblem.TOO_MANY,
}


def counted(tx: ReadTx) -> tuple[Resolution, int]:
    counting = Counting(tx)
    return resolve(counting, a("x@beta.test")), counting.queries


async def test_expansion_ends(store: Store) -> None:
    _, carole = await store.write(two_domains)
    for case, expected in EXPECTED.items():
        await store.write(lambda tx: tx.run("DELETE FROM alias"))
        await store.write(
            lambda tx, rows: tx.run_many(
                "INSERT INTO alias VALUES ('beta.test', ?, ?) ON CONFLICT DO NOTHING", rows
            ),
            ROWS[case],
        )
        resolution, queries = await store.read(counted)
        if expected is None:
            assert isinstance(resolution, Local)
            assert [one.account_id for one in resolution.recipients] == [carole]
        else:
            assert resolution == Unexpandable(expected), case
        assert queries <= 11
