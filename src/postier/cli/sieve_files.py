"""Scripts and messages that the verbs of `postier sieve` read from files, or from standard input as `-`."""

import sys
from pathlib import Path

import click

script_file = click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True)


def octets_of(path: Path) -> bytes:
    """The content."""
    return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
