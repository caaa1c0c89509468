"""mailbox, mboxmetadata, servermetadata, mailboxid and special-use: what the owner's mailboxes are.

Not here: the mailboxes (`world.Mailboxes`), filing into them (`fileinto`). Source: RFC 5490; RFC 9042; RFC 8579.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from postier.sieve.ext.fileinto import is_mailbox_name, is_special_use
from postier.sieve.matching import build_match
from postier.sieve.problems import RunError
from postier.sieve.running import Run, Test
from postier.sieve.spec import Command, Extension, Family, Place, Tag, Takes
from postier.sieve.texts import Text, expand, expand_all

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_MAILBOX, _METADATA, _SERVER = ("mailbox",), ("mboxmetadata",), ("servermetadata",)
_ID, _USE = ("mailboxid",), ("special-use",)
_PLAIN = re.compile(r"[ -~]{1,1000}")  # RFC 5464 §3.2 entries, RFC 8474 §7 ids


def _mailboxexists(_: Compiler, arguments: Arguments) -> Test:
    names = arguments.texts("mailbox names")
    return lambda run: all(_may_deliver(run, name) for name in expand_all(names, run))


def _may_deliver(run: Run, name: str) -> bool:
    """What can be no name is not asked for."""
    return is_mailbox_name(name) and run.world.mailboxes.may_deliver(name)


def _mailboxidexists(_: Compiler, arguments: Arguments) -> Test:
    ids = arguments.texts("mailbox ids")
    return lambda run: all(
        _PLAIN.fullmatch(each) is not None and run.world.mailboxes.may_deliver_id(each)
        for each in expand_all(ids, run)
    )


def _specialuse_exists(compiler: Compiler, arguments: Arguments) -> Test:
    mailbox, uses = None, arguments.texts("special uses")
    if arguments.has("mailbox"):
        mailbox = arguments.text("mailbox")
    for use in uses:
        if isinstance(use, str) and not is_special_use(use):
            compiler.report(
                arguments.offset("special uses"), f'"{use[:40]}" is no special use such as \\Junk'
            )

    def specialuse_exists(run: Run) -> bool:
        name = None if mailbox is None else expand(mailbox, run)
        if name is not None and not _may_deliver(run, name):
            return False
        found = {use.lower() for use in run.world.mailboxes.special_uses(name)}
        wanted = expand_all(uses, run)
        if not all(map(is_special_use, wanted)):
            raise RunError("a special use must be an attribute such as \\Junk")
        return all(each.lower() in found for each in wanted)

    return specialuse_exists


def _metadata(compiler: Compiler, arguments: Arguments) -> Test:
    mailbox: Text | None = arguments.text("mailbox") if arguments.has("mailbox") else None
    entry = arguments.text("annotation name")
    match = build_match(compiler, arguments)
    if match is None:
        return lambda _: False
    test = match.test

    def metadata(run: Run) -> bool:
        name = None if mailbox is None else expand(mailbox, run)
        value = _annotation(run, name, expand(entry, run))
        return test(run, [] if value is None else [value])

    return metadata


def _metadataexists(_: Compiler, arguments: Arguments) -> Test:
    mailbox: Text | None = arguments.text("mailbox") if arguments.has("mailbox") else None
    entries = arguments.texts("annotation names")

    def metadataexists(run: Run) -> bool:
        name = None if mailbox is None else expand(mailbox, run)
        return all(_annotation(run, name, each) is not None for each in expand_all(entries, run))

    return metadataexists


def _annotation(run: Run, mailbox: str | None, entry: str) -> str | None:
    if (mailbox is not None and not is_mailbox_name(mailbox)) or not _PLAIN.fullmatch(entry):
        return None
    return run.world.mailboxes.annotation(mailbox, entry)


_NAME = Place("mailbox", Takes.STRING)
_ENTRY = Place("annotation name", Takes.STRING)
_ENTRIES = Place("annotation names", Takes.STRINGS)
_KEYS = Place("key list", Takes.STRINGS)

EXTENSION = Extension(
    names=("mailbox", "mboxmetadata", "servermetadata", "mailboxid", "special-use"),
    tests=(
        Command("mailboxexists", _mailboxexists, (Place("mailbox names", Takes.STRINGS),), needs=_MAILBOX),
        Command("mailboxidexists", _mailboxidexists, (Place("mailbox ids", Takes.STRINGS),), needs=_ID),
        Command(
            "specialuse_exists",
            _specialuse_exists,
            (Place("mailbox", Takes.STRING, is_optional=True), Place("special uses", Takes.STRINGS)),
            needs=_USE,
        ),
        Command("metadata", _metadata, (_NAME, _ENTRY, _KEYS), families=(Family.MATCH,), needs=_METADATA),
        Command("metadataexists", _metadataexists, (_NAME, _ENTRIES), needs=_METADATA),
        Command("servermetadata", _metadata, (_ENTRY, _KEYS), families=(Family.MATCH,), needs=_SERVER),
        Command("servermetadataexists", _metadataexists, (_ENTRIES,), needs=_SERVER),
    ),
    tags=(
        (
            "fileinto",
            (
                Tag(":create", needs=_MAILBOX),
                Tag(":mailboxid", Takes.STRING, needs=_ID),
                Tag(":specialuse", Takes.STRING, needs=_USE),
            ),
        ),
    ),
)
