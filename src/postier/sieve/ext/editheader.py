"""editheader: fields added to and deleted from the header.

Not here: the working copy (`message`). Source: RFC 5293; RFC 5703 §5 (Original-Subject, Original-From). Invariants:
Received and Auto-Submitted are never deleted, and what the judgement or a reader trusts is never added; a field that is
not permitted is left alone silently (§6); no value can begin a line of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from postier.mime.header_lines import HeaderValueError, text_line
from postier.sieve.comparators import ascii_lower
from postier.sieve.matching import build_match
from postier.sieve.message import Entry, field_text
from postier.sieve.problems import RunError
from postier.sieve.running import Op, Run
from postier.sieve.spec import Command, Extension, Family, Place, Tag, Takes
from postier.sieve.texts import Text, expand

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_NEEDS = ("editheader",)
_FIELD_NAME = re.compile(r"[!-9;-~]{1,76}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LINE_END = re.compile(r"(?<![ \t\r\n])[ \t\r\n]*[\r\n][ \t\r\n]*+")  # with the white space around it
_VALUE_COST = 256  # what reading the value of a field anew costs, in characters
MAX_VALUE_CHARACTERS = 4_096  # of an added field
# RFC 5293 §6: local policy; the return path and authentication results are the server's word
_NEVER_DELETED = frozenset({b"received", b"auto-submitted", b"return-path"})
_NEVER_ADDED = frozenset({b"return-path", b"authentication-results", b"original-subject", b"original-from"})


def _check_name(compiler: Compiler, arguments: Arguments) -> Text:
    name = arguments.text("field name")
    if isinstance(name, str) and not _FIELD_NAME.fullmatch(name):
        compiler.report(arguments.offset("field name"), f"{name[:40]!a} is no name of a field")
    return name


def _name(run: Run, text: Text) -> str:
    name = expand(text, run)
    if not _FIELD_NAME.fullmatch(name):
        raise RunError(f"{name[:40]!a} is no name of a field")
    return name


def _value_fault(value: str) -> str | None:
    if len(value) > MAX_VALUE_CHARACTERS:
        return f"an added field holds at most {MAX_VALUE_CHARACTERS} characters"
    return "an added field must not hold control characters" if _CONTROL.search(value) else None


def header_field(name: str, value: str) -> Entry:
    """A field for the header; raises HeaderValueError."""
    lines = text_line(name, value)
    return lines, name.lower().encode(), lines.partition(b":")[2]


def _addheader(compiler: Compiler, arguments: Arguments) -> Op:
    name, value, is_last = _check_name(compiler, arguments), arguments.text("value"), arguments.has(":last")
    if isinstance(value, str) and (fault := _value_fault(value)):  # RFC 5293 §4
        compiler.report(arguments.offset("value"), fault)

    def addheader(run: Run) -> None:
        field = _name(run, name)
        text = expand(value, run)
        if fault := _value_fault(text):
            raise RunError(fault)
        if field.lower().encode() in _NEVER_ADDED:
            return
        run.added_fields += 1
        if run.added_fields > run.limits.added_fields:
            raise RunError(f"the script adds more than {run.limits.added_fields} fields")
        try:
            entry = header_field(field, _LINE_END.sub(" ", text))
        except HeaderValueError as error:
            raise RunError(str(error)) from None
        entries = run.message.entries
        run.message.change_entries([*entries, entry] if is_last else [entry, *entries])

    return addheader


def _deleteheader(compiler: Compiler, arguments: Arguments) -> Op:
    name = _check_name(compiler, arguments)
    index, is_last = arguments.number(":index"), arguments.has(":last")
    if is_last and index is None:
        compiler.report(arguments.offset(":last"), ":last needs :index")
    if index == 0:
        compiler.report(arguments.offset(":index"), ":index counts from 1")
    match = None
    if arguments.has("value patterns"):
        match = build_match(compiler, arguments, "value patterns", sets_variables=False)
        if match is None:
            return lambda _: None

    def deleteheader(run: Run) -> None:
        key = ascii_lower(_name(run, name)).encode()
        if key in _NEVER_DELETED or key in run.message.protected:
            return
        run.charge_fields()
        entries = run.message.entries
        places = [place for place, entry in enumerate(entries) if entry[1] == key]
        if index is not None:
            if index > len(places):
                return
            places = [places[-index] if is_last else places[index - 1]]
        if match is not None and match.is_count:
            places = places if match.test(run, [""] * len(places)) else []
        elif match is not None:
            values = {place: field_text(entries[place][2]) for place in places}
            run.charge(_VALUE_COST * len(values))
            if not match.test(run, list(values.values())):
                return
            places = [place for place in places if match.test(run, [values[place]])]
        if places:
            gone = set(places)
            run.message.change_entries([each for place, each in enumerate(entries) if place not in gone])

    return deleteheader


EXTENSION = Extension(
    names=_NEEDS,
    commands=(
        Command(
            "addheader",
            _addheader,
            (Place("field name", Takes.STRING), Place("value", Takes.STRING)),
            (Tag(":last"),),
            needs=_NEEDS,
        ),
        Command(
            "deleteheader",
            _deleteheader,
            (Place("field name", Takes.STRING), Place("value patterns", Takes.STRINGS, is_optional=True)),
            (Tag(":index", Takes.NUMBER), Tag(":last")),
            (Family.MATCH,),
            _NEEDS,
        ),
    ),
)
