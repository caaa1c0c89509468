"""fcc: where a copy of a generated message is filed.

Not here: making the message. Source: RFC 8580 §3; RFC 9042 §5 (:mailboxid).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from postier.sieve.actions import Copy
from postier.sieve.ext.fileinto import is_mailbox_name, mailbox_options_are_right, special_use_of
from postier.sieve.ext.imap4flags import flag_set
from postier.sieve.problems import RunError
from postier.sieve.running import Run
from postier.sieve.spec import Extension, Family, Tag, Takes
from postier.sieve.texts import expand, expand_all, storable

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_OPTIONS = (":flags", ":create", ":specialuse", ":mailboxid")


def copy_of(compiler: Compiler, arguments: Arguments) -> Callable[[Run], Copy | None]:
    """The copy that a command asks for."""
    mailbox = arguments.optional_text(":fcc")
    if mailbox is None:
        for tag in _OPTIONS:
            if arguments.has(tag):
                compiler.report(arguments.offset(tag), f"{tag} needs :fcc")
        return lambda _: None
    if isinstance(mailbox, str) and not is_mailbox_name(mailbox):
        compiler.report(arguments.offset(":fcc"), "this cannot be the name of a mailbox")
    mailbox_options_are_right(compiler, arguments)
    flags = arguments.texts(":flags")
    creates = arguments.has(":create")
    mailbox_id, special_use = arguments.optional_text(":mailboxid"), arguments.optional_text(":specialuse")

    def copy(run: Run) -> Copy:
        name = expand(mailbox, run)
        if not is_mailbox_name(name):
            raise RunError(f"{name[:60]!a} cannot be the name of a mailbox")
        return Copy(
            name,
            flag_set(run, expand_all(flags, run)),
            creates,
            None if mailbox_id is None else storable(expand(mailbox_id, run)),
            special_use_of(run, special_use),
        )

    return copy


EXTENSION = Extension(
    names=("fcc",),
    tags=(
        (
            Family.FCC,
            (
                Tag(":fcc", Takes.STRING, needs=("fcc",)),
                Tag(":flags", Takes.STRINGS, needs=("imap4flags",)),
                Tag(":create", needs=("mailbox",)),
                Tag(":specialuse", Takes.STRING, needs=("special-use",)),
                Tag(":mailboxid", Takes.STRING, needs=("mailboxid",)),
            ),
        ),
    ),
)
