"""What commands print: tables for people, JSON for programs, progress bars.

Not here: what is listed. Invariants: JSON is one document on standard output and nothing else; nothing that a mail
contains can reach the terminal as a control character; a bar appears only on a terminal, on standard error.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
import msgspec

WIDE = 10_000  # columns where the output is no terminal: nothing is cut off

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class Column(msgspec.Struct, frozen=True):
    """One column of a listing: the key of the row's value and its heading."""

    key: str
    title: str
    is_number: bool = False


def show_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column], *, as_json: bool) -> None:
    """Print a listing: JSON holds every value of each row, the table those of `columns`."""
    if as_json:
        show_json(rows)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    is_terminal = sys.stdout.isatty()
    table = Table(box=box.SIMPLE_HEAD if is_terminal else None, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.is_number else "left",
            overflow="fold",
            no_wrap=not is_terminal,
        )
    for row in rows:
        table.add_row(*(Text(printable(row.get(column.key))) for column in columns))
    Console(width=None if is_terminal else WIDE, highlight=False, markup=False).print(table)


def show_json(value: object) -> None:
    """Print one JSON document."""
    try:
        text = msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode()
    except UnicodeEncodeError:  # octets that are no text stand as surrogates, which JSON can only escape
        text = json.dumps(msgspec.to_builtins(value, enc_hook=str), indent=2)
    click.echo(text)


def printable(value: object) -> str:
    """Text for a terminal: nothing for None, escapes for what does not print."""
    if value is None:
        return ""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar for a long act; call what it gives with the number of steps done. `total` None: unknown."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(printable(title), total=total)
        yield lambda steps: bars.advance(task, steps)
