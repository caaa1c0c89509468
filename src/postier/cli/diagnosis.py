"""What the diagnosing nouns share: whose DNS is asked, which file is read, how steps and verdict are shown.

Not here: the checks and their words (`mailauth`, `tls`). These commands need no server, no store and no configuration; one that is
there names the resolvers. Invariants: a file is never larger than a message may be; what a message or the DNS contains
reaches the terminal as printable text only.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from postier.cli.invocation import VARIABLE, Invocation
from postier.cli.output import printable, show_json
from postier.dns.exchange import Server
from postier.dns.system import parse_server
from postier.mailauth.letter import Letter

if TYPE_CHECKING:
    from postier.app.settings import Settings
    from postier.dns.resolver import Resolver
    from postier.mailauth.questions import Asking

T = TypeVar("T")

MAX_TIME = 10**12  # RFC 6376 §3.5 t=: what a signature can say


class ServerType(click.ParamType[Server]):
    """`IP` or `IP:PORT` of a DNS server."""

    name = "server"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Server:
        """The server."""
        if isinstance(value, Server):
            return value
        import ipaddress

        try:
            server = parse_server(str(value))
            ipaddress.ip_address(server.host)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return server


resolver_option = click.option(
    "--resolver",
    "servers",
    multiple=True,
    type=ServerType(),
    metavar="IP[:PORT]",
    help="The DNS server to ask, may be repeated; default: the configuration's, else the system's.",
)
file_argument = click.argument(
    "file", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)
)
time_option = click.option(
    "--time",
    "now",
    type=click.IntRange(0, MAX_TIME),
    metavar="SECONDS",
    help="Judge as of this time, in seconds since 1970; default: now.",
)


def settings(invocation: Invocation) -> "Settings | None":
    """The configuration if there is one. One that nobody named and that is of no use is told and passed over.

    Raises ConfigurationError for one that was named: --config or POSTIER_CONFIG.
    """
    from postier.app.configuration import ConfigurationError

    is_named = invocation.given is not None or bool(os.environ.get(VARIABLE))
    try:
        if is_named or invocation.path.exists():
            return invocation.settings()
    except (ConfigurationError, OSError):  # OSError: its folder is closed to this user
        if is_named:
            raise
        click.echo(f"note: {invocation.path} cannot be used; the defaults hold", err=True)
    return None


def resolver_of(invocation: Invocation, servers: Sequence[Server]) -> "Resolver":
    """The resolver that the options, a configuration or the system name; raises ConfigurationError as `settings`."""
    from postier.dns.resolver import Resolver

    if not servers and (known := settings(invocation)) is not None:
        servers = [Server(each.host, each.port) for each in known.dns.resolvers]
    return Resolver(servers) if servers else Resolver.of_system()


def answer(check: "Asking[T]", invocation: Invocation, servers: Sequence[Server]) -> T:
    """Run a check to its result."""
    from postier.dns.ask import ask

    async def run() -> T:
        return await ask(check, resolver_of(invocation, servers))

    return asyncio.run(run())


class LetterFile(msgspec.Struct, frozen=True):
    """A message read from a file, in its form on the wire; `remark` says what had to be done for that."""

    content: bytes
    letter: Letter
    remark: str = ""
    had_lf: bool = False


def read_letter(invocation: Invocation, file: Path) -> LetterFile:
    """The message in a file, `-` is standard input. Raises ClickException for what is none or too large."""
    limit = _limit(invocation)
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(limit + 1)
        else:
            with file.open("rb") as opened:
                content = opened.read(limit + 1)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror or error}") from None
    if len(content) > limit:
        raise click.ClickException(f"{file} is larger than a message may be ({limit} octets)")
    remarks = []
    if content.startswith(b"From "):  # the line of an mbox file, no part of the message
        content = content.partition(b"\n")[2]
        remarks.append("the first line is that of an mbox file and left out")
    all_lf, crlf = content.count(b"\n"), content.count(b"\r\n")
    had_lf = bool(all_lf) and not crlf
    if had_lf:
        content = content.replace(b"\n", b"\r\n")
        remarks.append("the file has LF line ends; read as CRLF, as it goes over the wire")
    elif all_lf != crlf:
        remarks.append(f"{all_lf - crlf} of {all_lf} lines end in a bare LF; read as they are")
    letter = Letter.parse(content)
    if not letter.fields:
        raise click.ClickException(f"{file} has no header field: it is no message")
    return LetterFile(content, letter, "; ".join(remarks), had_lf)


def _limit(invocation: Invocation) -> int:
    """The octets a message may have: the configuration's limit, or the usual one without a configuration."""
    from postier.app.settings import Limits

    known = settings(invocation)
    return (known.limits if known is not None else Limits()).message_size


def show(title: str, verdict: str, steps: Sequence[str], reason: str = "") -> None:
    """Print one check: its steps in order, then what came out."""
    click.echo(printable(title))
    for step in steps:
        click.echo(f"  {printable(step)}")
    click.echo(f"  => {verdict}" + (f": {printable(reason)}" if reason else ""))


def show_document(parts: dict[str, Any]) -> None:
    """Print results as one JSON document, their traces included."""
    show_json({name: plain(value) for name, value in parts.items()})


def plain(value: Any) -> Any:
    """A result as JSON has it: every field, and the story."""
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, msgspec.Struct) and hasattr(value, "trace"):
        return {**msgspec.structs.asdict(value), "trace": value.trace}
    return value
