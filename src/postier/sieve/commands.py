"""The actions of the base language and `stop`.

Not here: `require`, `if`, `elsif`, `else` (`check`); what other extensions add to them stands with these, for an action
is one value whatever made it. Source: RFC 5228 §3.3, §4; RFC 3894 (:copy); RFC 5232 §5 (:flags). Invariants: what is
constant is checked when the script is, the rest when it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postier.sieve.actions import Discard, Keep, Redirect
from postier.sieve.addresses import outbound_address
from postier.sieve.ext.extlists import list_uri
from postier.sieve.ext.imap4flags import flags_of
from postier.sieve.ext.redirect_options import redirect_options
from postier.sieve.problems import RunError
from postier.sieve.running import Op, Run, StopRun
from postier.sieve.spec import Command, Place, Takes
from postier.sieve.texts import expand

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler


def _keep(_: Compiler, arguments: Arguments) -> Op:
    flags = arguments.optional_texts(":flags")

    def keep(run: Run) -> None:
        run.act(Keep(run.line, flags_of(run, flags), run.kept()), cancels=True)

    return keep


def _discard(_: Compiler, __: Arguments) -> Op:
    def discard(run: Run) -> None:
        if any(isinstance(each, Discard) for each in run.actions):
            return
        run.act(Discard(run.line), cancels=True)

    return discard


def _stop(_: Compiler, __: Arguments) -> Op:
    def stop(_: Run) -> None:
        raise StopRun

    return stop


def _redirect(compiler: Compiler, arguments: Arguments) -> Op:
    target = arguments.text("address")
    is_list, is_copy = arguments.has(":list"), arguments.has(":copy")
    if isinstance(target, str) and not is_list and outbound_address(target) is None:
        compiler.report(arguments.offset("address"), f'"{target[:60]}" is no address')
    options = redirect_options(compiler, arguments)

    def redirect(run: Run) -> None:
        written = expand(target, run)
        members: tuple[str, ...] = ()
        if is_list:
            address: str | None = list_uri(written)
            if address is None or not run.world.lists.is_known(address):
                raise RunError(f'there is no list "{written[:60]}"')
            members = _members(run, address)
        else:
            address = outbound_address(written)
            if address is None:
                raise RunError(f'"{written[:60]}" is no address')
        notify, ret, deliver_by = options(run)
        action = Redirect(
            address,
            run.line,
            run.content(is_redirect=True),
            is_copy,
            is_list,
            notify,
            ret,
            deliver_by,
            members,
        )
        for index, earlier in enumerate(run.actions):
            if isinstance(earlier, Redirect) and (earlier.address, earlier.is_list) == (address, is_list):
                run.actions[index] = action
                run.is_kept = run.is_kept and is_copy
                return
        run.redirects += 1
        if run.redirects > run.limits.redirects:
            raise RunError(f"the script redirects to more than {run.limits.redirects} addresses")
        run.act(action, cancels=not is_copy)

    return redirect


def _members(run: Run, uri: str) -> tuple[str, ...]:
    """Whom a redirect to a list sends to (RFC 6134 §2.3, and §3: within limits)."""
    most = run.limits.list_addresses
    found = run.world.lists.addresses(uri, most)
    if found is None:
        raise RunError(f'the members of "{uri[:60]}" are not addresses that can be written to')
    earlier = [each for each in run.actions if isinstance(each, Redirect) and each.address != uri]
    if len(found) + sum(len(each.members) for each in earlier) > most:
        raise RunError(f"the script redirects to lists of more than {most} addresses")
    return tuple(found)


COMMANDS = (
    Command("keep", _keep),
    Command("discard", _discard),
    Command("stop", _stop),
    Command("redirect", _redirect, (Place("address", Takes.STRING),)),
)
