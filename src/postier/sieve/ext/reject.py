"""reject and ereject: refusing a message with a reason.

Not here: how it is refused (in the dialogue, by DSN or MDN: the caller), what it cannot stand beside (`running`).
Source: RFC 5429. `reject` is never turned into `ereject` (§2.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postier.sieve.actions import Reject
from postier.sieve.problems import readable
from postier.sieve.running import Op, Run
from postier.sieve.spec import Command, Extension, Place, Takes
from postier.sieve.texts import expand

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_REASON = (Place("reason", Takes.STRING),)


def _reject(_: Compiler, arguments: Arguments) -> Op:
    reason = arguments.text("reason")
    is_ereject = arguments.node.name == "ereject"

    def reject(run: Run) -> None:
        run.act(Reject(readable(expand(reason, run)), run.line, is_ereject), cancels=True)

    return reject


EXTENSION = Extension(
    names=("reject", "ereject"),
    commands=(
        Command("reject", _reject, _REASON, needs=("reject",)),
        Command("ereject", _reject, _REASON, needs=("ereject",)),
    ),
)
