"""`postier serve`: the server in the foreground."""

import click

from postier.cli.invocation import Invocation, Verb, pass_invocation


@click.command(cls=Verb)
@pass_invocation
@click.pass_context
def command(ctx: click.Context, invocation: Invocation) -> None:
    """Run the server in the foreground.

    One line beginning with "ready" is printed once every listener accepts; the log goes to standard error.
    SIGTERM stops, SIGHUP reads the configuration again.
    """
    from postier.app import wiring
    from postier.app.supervisor import Supervisor

    invocation.given = invocation.path.absolute()
    settings = invocation.settings()
    for listener in wiring.unserved(settings):
        raise click.ClickException(f"{listener.bind}: {listener.protocol.value} is not served by this build")
    ctx.exit(Supervisor(settings, wiring.build_worker, reread=invocation.settings).run())
