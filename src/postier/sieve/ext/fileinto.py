"""fileinto: filing into a mailbox, with all that other extensions let it say.

Not here: whether the mailbox exists (the caller files). Source: RFC 5228 §4.1; RFC 5490 §3.2 (:create); RFC 9042 §4
(:mailboxid); RFC 8579 §4 (:specialuse).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from postier.sieve.actions import FileInto
from postier.sieve.ext.imap4flags import flags_of
from postier.sieve.problems import RunError
from postier.sieve.running import Op, Run
from postier.sieve.spec import Command, Extension, Place, Takes
from postier.sieve.texts import Text, expand, storable

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_ATTRIBUTE = re.compile(r"\\[A-Za-z0-9!#$&'+,\-./:;<=>?@^_`|~]+")
MAX_MAILBOX_CHARACTERS = 1_000  # of a name; the store has its own, smaller limit


def is_mailbox_name(name: str) -> bool:
    """Whether it can name a mailbox at all."""
    if not name or len(name) > MAX_MAILBOX_CHARACTERS:
        return False
    return not any(each < " " or each == "\x7f" or "\ud800" <= each <= "\udfff" for each in name)


def is_special_use(name: str) -> bool:
    """Whether it is a use-attr (RFC 6154 §6)."""
    return _ATTRIBUTE.fullmatch(name) is not None


def special_use_of(run: Run, text: Text | None) -> str | None:
    """The value of :specialuse; an invalid one is like an invalid name of a mailbox (RFC 8579 §4)."""
    if text is None:
        return None
    use = expand(text, run)
    if not is_special_use(use):
        raise RunError(f"{use[:40]!a} is no special use such as \\Junk")
    return use


def mailbox_options_are_right(compiler: Compiler, arguments: Arguments) -> None:
    """What :mailboxid and :specialuse say; RFC 9042 §4.2: a mailbox is meant by its id or by its use."""
    use = arguments.optional_text(":specialuse")
    if isinstance(use, str) and not is_special_use(use):
        compiler.report(arguments.offset(":specialuse"), f"{use[:40]!a} is no special use such as \\Junk")
    if arguments.has(":mailboxid") and arguments.has(":specialuse"):
        compiler.report(arguments.offset(":specialuse"), ":mailboxid and :specialuse exclude each other")


def _fileinto(compiler: Compiler, arguments: Arguments) -> Op:
    mailbox = arguments.text("mailbox")
    if isinstance(mailbox, str) and not is_mailbox_name(mailbox):
        compiler.report(arguments.offset("mailbox"), "this cannot be the name of a mailbox")
    mailbox_options_are_right(compiler, arguments)
    flags = arguments.optional_texts(":flags")
    mailbox_id, special_use = arguments.optional_text(":mailboxid"), arguments.optional_text(":specialuse")
    creates, is_copy = arguments.has(":create"), arguments.has(":copy")

    def fileinto(run: Run) -> None:
        name = expand(mailbox, run)
        if not is_mailbox_name(name):
            raise RunError(f"{name[:60]!a} cannot be the name of a mailbox")
        action = FileInto(
            name,
            run.line,
            flags_of(run, flags),
            run.content(),
            creates,
            None if mailbox_id is None else storable(expand(mailbox_id, run)),
            special_use_of(run, special_use),
            is_copy,
        )
        run.act(action, cancels=not is_copy)

    return fileinto


EXTENSION = Extension(
    names=("fileinto",),
    commands=(Command("fileinto", _fileinto, (Place("mailbox", Takes.STRING),), needs=("fileinto",)),),
)
