"""The root command: finds the noun, runs it, and turns every error into one line and an exit code.

Not here: the nouns. `NOUNS` names them with their sentence, so that `postier --help` imports none of them.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from postier.cli.invocation import Noun

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_WRONG_USE = 2

NOUNS: dict[str, str] = {
    "account": "Add, list, show, change and remove accounts.",
    "arc": "Verify and seal Authenticated Received Chains; needs no server.",
    "alias": "Add, list and remove aliases; a local part of * is a catch-all.",
    "bimi": "Check the logo of a domain, a letter, a logo file or a mark certificate.",
    "config": "Check, explain and show the configuration.",
    "contacts": "List, add, remove, import and export the contacts of accounts.",
    "dane": "Check the TLSA records and the certificate of a mail host; needs no server.",
    "directory": "Export and apply domains, accounts and aliases as one document.",
    "dkim": "Verify and make DKIM signatures; needs no server.",
    "dmarc": "Check a message against DMARC, explain a domain's record; needs no server.",
    "doctor": "One page: does this server work, and what to do.",
    "domain": "Add, list, show and remove domains; what to publish in DNS for them.",
    "demo": "Show the whole of Postier on this machine.",
    "init": "Set up a new server: a configuration file, a data folder, the first administrator.",
    "mta-sts": "Check the MTA-STS policy of a domain; needs no server.",
    "queue": "List, show, retry, hold, release, fail and remove queued letters.",
    "report": "List and import reports on DMARC and TLS.",
    "search": "Show and rebuild the index that makes searching texts fast.",
    "serve": "Run the server in the foreground.",
    "spf": "Check whether a client may send for an address; needs no server.",
    "sieve": "Check Sieve scripts; keep accounts' scripts; sort stored mail by one.",
    "trace": "Tell what happened to a letter.",
    "verify": "Check the whole store; mend what can be mended.",
    "version": "Print the version.",
}


class _Root(Noun):
    """The group of all nouns; each is the `command` of the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 # click's signature
        return sorted(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 # click's
        if cmd_name not in NOUNS:
            return None
        command = import_module(f"postier.cli.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(noun, NOUNS[noun]) for noun in self.list_commands(ctx)])


@click.command(cls=_Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=lambda c, _, v: _version(c, v)
)
def root() -> None:
    """Postier, a complete mail system."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; gives the exit code."""
    try:
        result = root.main(
            list(arguments) if arguments is not None else None, prog_name="postier", standalone_mode=False
        )
    except BrokenPipeError:  # `postier ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        told = _told(error)
        if told is None:
            raise
        line, code = told
        click.echo(f"postier: {line}", err=True)
        return code
    return result if isinstance(result, int) else EXIT_OK


def _told(error: Exception) -> tuple[str, int] | None:
    """The line and the exit code for an error that is the user's to mend; None for a bug of ours."""
    from postier.app.configuration import ConfigurationError
    from postier.app.start_error import StartError

    match error:
        case click.exceptions.Abort():
            return "stopped", EXIT_FAILED
        case click.exceptions.NoArgsIsHelpError():
            return f"which command? `{_path(error)} --help` lists them", EXIT_WRONG_USE
        case click.UsageError():
            return f"{_one_line(error.format_message())} (`{_path(error)} --help` tells more)", EXIT_WRONG_USE
        case click.ClickException():
            return _one_line(error.format_message()), EXIT_FAILED
        case ConfigurationError():
            more = len(error.problems) - 1
            rest = f" (and {more} more: `postier config check`)" if more else ""
            return f"{error.problems[0]}{rest}", EXIT_FAILED
        case StartError():
            return str(error), EXIT_FAILED
        case _:
            return None


def _path(error: click.UsageError) -> str:
    return error.ctx.command_path if error.ctx else "postier"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _version(ctx: click.Context, wanted: bool) -> None:  # noqa: FBT001 # click's callback
    if wanted:
        from postier import __version__

        click.echo(f"postier {__version__}")
        ctx.exit(EXIT_OK)
