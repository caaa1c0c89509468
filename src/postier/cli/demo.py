"""`postier demo`: the main job on this machine, with no domain, no DNS and no root needed."""

import asyncio
import contextlib
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from postier.cli.invocation import Verb

if TYPE_CHECKING:
    from postier.app.demo.journey import Step
    from postier.app.demo.node import NodePlan
    from postier.app.demo.stage import Plan

DEFAULT_FOLDER = Path("postier-demo")
DEFAULT_PORT_BASE = 20_000
MAX_PORT_BASE = 60_000


@click.command(cls=Verb)
@click.option(
    "--data", type=click.Path(path_type=Path), default=DEFAULT_FOLDER, show_default=True, metavar="DIR",
    help="Where everything is kept; started again, it goes on with the mail that is there.",
)  # fmt: skip
@click.option(
    "--port-base", type=click.IntRange(1024, MAX_PORT_BASE), default=DEFAULT_PORT_BASE, show_default=True, metavar="N",
    help="Ports are the usual ones plus N; the second server's, plus 1000 more.",
)  # fmt: skip
@click.option("--no-browser", is_flag=True, help="Do not open the web client.")
@click.option("--once", is_flag=True, help="End when both letters have arrived.")
@click.pass_context
def command(ctx: click.Context, data: Path, port_base: int, *, no_browser: bool, once: bool) -> None:
    """Show the whole of Postier on this machine.

    Two servers, alpha.test and beta.test, and a DNS service for them. Alice's letter goes by submission, MX and SMTP to
    Carole and is read by IMAP; Carole's answer goes the same way back. Then everything stays up until Ctrl-C.
    """
    del no_browser  # there is no web client in this release, so nothing is opened either way
    from postier.app.demo.stage import plan

    ctx.exit(asyncio.run(_run(plan(data.absolute(), port_base), once=once)))


async def _run(plan: "Plan", *, once: bool) -> int:
    from postier.app.demo.journey import JourneyError
    from postier.app.demo.stage import running

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    table = _Table()
    async with running(plan) as ready:
        for line in ready:
            table.show(line.partition(":")[0], line.partition(": ")[2])
        try:
            await asyncio.to_thread(_travel, plan, table)
        except JourneyError as error:
            click.echo(f"postier: {error}", err=True)
            return 1
        if once:
            return 0
        click.echo(_instructions(plan))
        with contextlib.suppress(asyncio.CancelledError):
            await stop.wait()
        click.echo("\nstopping")
    return 0


def _travel(plan: "Plan", table: "_Table") -> None:
    from postier.app.demo.journey import send_letter

    token = f"{time.time_ns():x}"
    send_letter(
        plan.alpha,
        plan.beta,
        "A letter from Alice",
        "Dear Carole,\n\nit works!\n\nAlice\n",
        f"{token}.1",
        table.tell,
    )
    send_letter(
        plan.beta,
        plan.alpha,
        "Re: A letter from Alice",
        "Dear Alice,\n\nit does.\n\nCarole\n",
        f"{token}.2",
        table.tell,
    )


class _Table:
    """Prints each step as it happens, with the milliseconds since the one before."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        click.echo(f"{'ms':>7}  {'step':38}  facts")

    def tell(self, step: "Step") -> None:
        """Show a step of a letter."""
        self.show(step.what, step.facts)

    def show(self, what: str, facts: str) -> None:
        """Show a step."""
        now = time.monotonic()
        click.echo(f"{(now - self._last) * 1000:7.1f}  {what:38}  {facts}")
        self._last = now


def _instructions(plan: "Plan") -> str:
    return "\n".join(
        [
            "",
            "Both servers are up; Ctrl-C ends them. Try them with any mail program:",
            "",
            *_account_lines(plan.alpha),
            *_account_lines(plan.beta),
            *_command_lines(plan.alpha, plan.beta),
        ]
    )


def _account_lines(node: "NodePlan") -> list[str]:
    ports = node.ports
    return [
        f"  {node.address}  password {node.password}",
        f"    SMTP submission 127.0.0.1:{ports.submission} (STARTTLS), {ports.submissions} (TLS)",
        f"    IMAP            127.0.0.1:{ports.imap} (STARTTLS), {ports.imaps} (TLS)",
        f"    POP3            127.0.0.1:{ports.pop3} (STARTTLS), {ports.pop3s} (TLS)",
        f"    ManageSieve     127.0.0.1:{ports.managesieve} (STARTTLS)",
        f"    certificate     {node.certificate}",
        f"    log             {node.log}",
        "",
    ]


def _command_lines(alpha: "NodePlan", beta: "NodePlan") -> list[str]:
    login = f"--user '{beta.address}:{beta.password}'"
    return [
        "  send:",
        f"    swaks --server 127.0.0.1:{alpha.ports.submission} --tls --auth PLAIN --auth-user {alpha.address} \\",
        f"        --auth-password '{alpha.password}' --from {alpha.address} --to {beta.address}",
        "  read:",
        f"    curl --ssl-reqd --insecure {login} 'imap://127.0.0.1:{beta.ports.imap}/INBOX;MAILINDEX=1'",
        f"    neomutt -e 'set ssl_starttls=yes imap_user={beta.address} imap_pass={beta.password}' \\",
        f"        -f imap://127.0.0.1:{beta.ports.imap}/INBOX",
        "  filter:",
        f"    sieve-connect --server 127.0.0.1 --port {beta.ports.managesieve} --user {beta.address} --notlsverify",
        "  administer:",
        f"    postier --config {alpha.configuration} account list",
    ]
