"""Two servers by the same rows, one operation after the other on each, and how their figures compare."""

from collections.abc import AsyncIterator

Row = dict[str, object]
FIGURES = (
    "cpu_ms", "wall_ms", "per_s", "cpu_ms_each", "p50_ms", "p99_ms",
    "pss_kib_each", "rss_kib_each", "open_cpu_ms_each", "pss_mib_selected", "pss_mib_fetched",
)  # fmt: skip


async def beside(ours: AsyncIterator[Row], theirs: AsyncIterator[Row], peer: str) -> AsyncIterator[Row]:
    """The rows of both as they come, each named by its server, and behind each pair our figures divided by theirs.

    Both measure the same operations in the same order, `ours` perhaps some more, which have no ratio.
    """
    their_row = await anext(theirs, None)
    async for row in ours:
        yield {"server": "postier"} | row
        if their_row is None or their_row["operation"] != row["operation"]:
            continue
        yield {"server": peer} | their_row
        yield {"bench": "ratio", "operation": row["operation"], "to": peer} | _ratios(row, their_row)
        their_row = await anext(theirs, None)
    assert their_row is None, f"{peer} alone measured {their_row}"


def _ratios(ours: Row, theirs: Row) -> Row:
    """Below 1 Postier needs less; for `per_s` above 1 it does more."""
    return {
        name: round(float(str(ours[name])) / float(str(theirs[name])), 3)
        for name in FIGURES
        if name in ours and name in theirs and float(str(theirs[name]))
    }
