"""What every command shares: `--config` in any place, and the configuration it names.

Not here: reading the configuration (`app.configuration`). `--config` may stand before the noun, after it, or after the
verb; the last one given wins. Without it: POSTIER_CONFIG, then `postier.toml` here, then the system's file.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from postier.app.settings import Settings

VARIABLE = "POSTIER_CONFIG"
LOCAL_FILE = Path("postier.toml")
SYSTEM_FILE = Path("/etc/postier/postier.toml")


class Invocation:
    """One run of the command line."""

    def __init__(self) -> None:
        self.given: Path | None = None

    @property
    def path(self) -> Path:
        """The configuration file to use."""
        if self.given is not None:
            return self.given
        if named := os.environ.get(VARIABLE):
            return Path(named)
        return LOCAL_FILE if LOCAL_FILE.exists() else SYSTEM_FILE

    def settings(self) -> "Settings":
        """The configuration; raises ConfigurationError, which the root command tells in one line."""
        from postier.app.configuration import load

        return load(self.path, os.environ)


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)


def _keep(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.find_root().ensure_object(Invocation).given = value


def _config_option() -> click.Option:
    return click.Option(
        ["--config"],
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        expose_value=False,
        callback=_keep,
        help=f"The configuration file (also {VARIABLE}).",
    )


class Verb(click.Command):
    """A command that takes `--config`."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own parameters and `--config`."""
        params = super().get_params(ctx)
        return [*params[:-1], _config_option(), *params[-1:]]  # before --help


class Noun(click.Group):
    """A group of verbs that takes `--config`."""

    command_class = Verb

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own parameters and `--config`."""
        ctx.find_root().ensure_object(Invocation)
        params = super().get_params(ctx)
        return [*params[:-1], _config_option(), *params[-1:]]
