"""`postier init`: the files of a new server, all of them or none, and then the first administrator.

Not here: domains, accounts and keys, which `app.wiring.FOUNDING` makes once the files are there. Invariants: an
existing file is never changed; whatever fails, everything that was made is removed again.
"""

import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import click

from postier.app import configuration, wiring
from postier.app.data_folder import make_folder
from postier.app.manual import configuration_file
from postier.app.settings import Listener, Protocol, TlsMode
from postier.app.values import Endpoint
from postier.cli.invocation import LOCAL_FILE, VARIABLE, Invocation, Verb, pass_invocation
from postier.mime.address import Address, parse_domain

PASSWORD_BYTES = 15
CONFIGURATION_MODE = 0o640

LISTENERS: tuple[Listener, ...] = (
    Listener(protocol=Protocol.SMTP, bind=Endpoint("*", 25)),
    Listener(protocol=Protocol.SUBMISSION, bind=Endpoint("*", 587)),
    Listener(protocol=Protocol.SUBMISSION, bind=Endpoint("*", 465), tls=TlsMode.IMPLICIT),  # RFC 8314 §3.3
    Listener(protocol=Protocol.IMAP, bind=Endpoint("*", 143)),
    Listener(protocol=Protocol.IMAP, bind=Endpoint("*", 993), tls=TlsMode.IMPLICIT),
    Listener(protocol=Protocol.POP3, bind=Endpoint("*", 995), tls=TlsMode.IMPLICIT),
    Listener(protocol=Protocol.MANAGESIEVE, bind=Endpoint("*", 4190)),
)


@click.command(cls=Verb)
@click.argument("address")
@click.option(
    "--hostname", metavar="H", help="The name of this server [default: mail. and the address's domain]."
)
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="DIR", help="The data folder [default: data]."
)
@click.option("--non-interactive", is_flag=True, help="Ask nothing; take the defaults.")
@pass_invocation
def command(
    invocation: Invocation, address: str, hostname: str | None, data: Path | None, *, non_interactive: bool
) -> None:
    """Set up a new server whose first administrator is ADDRESS."""
    try:
        first = Address.parse(address)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if not hostname:
        hostname = f"mail.{first.domain}"
        if not non_interactive and sys.stdin.isatty():
            hostname = str(click.prompt("Name of this server", default=hostname))
    try:
        hostname = parse_domain(hostname)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    file = invocation.given or Path(os.environ.get(VARIABLE) or LOCAL_FILE)
    for line in found(file.absolute(), first, hostname, (data or file.parent / "data").absolute()):
        click.echo(line)


def found(file: Path, first: Address, hostname: str, data: Path) -> list[str]:
    """Make the files and run the founding steps; gives the lines to tell. Raises ClickException and undoes all."""
    if file.exists():
        raise click.ClickException(f"{file} exists already; give another --config, or move it away")
    with _Undo() as undo:
        try:
            undo.make_folders(file.parent)
            undo.make_data(data)
            shown = str(data.relative_to(file.parent)) if data.is_relative_to(file.parent) else str(data)
            undo.write(file, configuration_file(hostname, shown, LISTENERS))
        except OSError as error:
            raise click.ClickException(f"{error.filename}: {error.strerror}; nothing was made") from None
        settings = configuration.load(file, {})
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        lines = [f"configuration: {file}", f"data folder:   {data}"]
        for step in wiring.FOUNDING:
            lines += step(settings, first, password)
    return [
        *lines,
        "certificate:   none yet, so a self-signed one is made at the first start; set [tls] certificate and key",
        f"now run:       postier serve --config {file}",
    ]


class _Undo:
    """What was made so far; removed again if the block fails."""

    def __init__(self) -> None:
        self._files: list[Path] = []
        self._folders: list[Path] = []
        self._trees: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        for file in self._files:
            file.unlink(missing_ok=True)
        for tree in self._trees:
            shutil.rmtree(tree, ignore_errors=True)
        for folder in reversed(self._folders):
            try:
                folder.rmdir()
            except OSError:  # somebody put something in
                return

    def make_folders(self, folder: Path) -> None:
        """Make a folder and those above it."""
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir()
            self._folders.append(path)

    def make_data(self, data: Path) -> None:
        """Make the data folder; what founding puts in is removed with it, but only if it is new."""
        self.make_folders(data.parent)
        if make_folder(data):
            self._trees.append(data)

    def write(self, file: Path, text: str) -> None:
        """Write a new file: whole and synced under its name, or not at all; an existing one is an error."""
        descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.chmod(CONFIGURATION_MODE)
            file.hardlink_to(temporary)  # fails if the name is taken, unlike a rename
            self._files.append(file)
        finally:
            temporary.unlink()
