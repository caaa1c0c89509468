"""Scripts and messages that the verbs of `postier sieve` read from files, or from standard input as `-`."""

import sys
from pathlib import Path

import click

from postier.cli.output import printable

script_file = click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True)


def octets_of(path: Path) -> bytes:
    """The content. Raises ClickException when it can't be read."""
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise click.ClickException(printable(f"{path}: {error.strerror}")) from None


def is_file(text: str) -> bool:
    """Whether it is a file, or standard input; what can't be a path is none."""
    try:
        return text == "-" or Path(text).is_file()
    except OSError:  # too long
        return False
