"""Which header fields a test looks at: by name, of which part, and which occurrence.

Not here: the tests. Source: RFC 5228 §5.1, §5.7; RFC 5260 §6 (:index, :last); RFC 5703 §4 (:mime, :anychild).
Invariants: a name that is no field name finds nothing and is no error (RFC 5228 §2.4.2.2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from postier.mime.params import parameter_text, parse_content_type, parse_disposition
from postier.sieve.comparators import ascii_lower
from postier.sieve.message import Entry, field_text
from postier.sieve.parts import part_here
from postier.sieve.running import Run
from postier.sieve.texts import Text, expand_all

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

Finder = Callable[[Run, list[str]], list[Entry]]
MIME_OPTIONS = (":type", ":subtype", ":contenttype", ":param")


def finder(compiler: Compiler, arguments: Arguments) -> Finder | None:
    """What finds the fields of some names; None when the usual look-up does: all fields of the message.

    RFC 5260 §6: all named fields are counted, in the order of the names.
    """
    index = arguments.number(":index")
    is_last = arguments.has(":last")
    is_mime, is_anychild = arguments.has(":mime"), arguments.has(":anychild")
    if is_last and index is None:
        compiler.report(arguments.offset(":last"), ":last needs :index")
    if index == 0:
        compiler.report(arguments.offset(":index"), ":index counts from 1")
    if not is_mime:
        for tag in (":anychild", *MIME_OPTIONS):
            if arguments.has(tag):
                compiler.report(arguments.offset(tag), f"{tag} needs :mime")
    if index is None and not is_mime:
        return None

    def find(run: Run, names: list[str]) -> list[Entry]:
        found: list[Entry] = []
        if is_mime:
            part = part_here(run)
            entries: list[Entry] = []
            for each in part.walk() if is_anychild else (part,):
                run.count_steps(1)
                entries += run.message.part_entries(each)
            run.charge(8 * len(entries) * len(names))
            for key in [name.encode("utf-8", "replace") for name in names]:
                found += [entry for entry in entries if entry[1] == key]
        else:
            for name in names:
                found += run.seen.named(name)
            run.charge(8 * len(found))
        if index is None:
            return found
        if not is_last:
            return found[index - 1 : index]
        return found[-index:][:1] if index <= len(found) else []

    return find


def names_of(texts: tuple[Text, ...]) -> Callable[[Run], list[str]]:
    """The names of fields, in lower case."""
    fixed = [ascii_lower(each) for each in texts if isinstance(each, str)]
    if len(fixed) == len(texts):
        return lambda _: fixed
    return lambda run: [ascii_lower(each) for each in expand_all(texts, run)]


def mime_values(run: Run, entry: Entry, option: str, parameters: tuple[Text, ...]) -> list[str]:
    """What a MIME option takes from a field (RFC 5703 §4.1); nothing when the field cannot be understood."""
    _, key, value = entry
    text = field_text(value).encode("utf-8", "surrogateescape")
    content = parse_content_type(text) if key == b"content-type" else None
    disposition = parse_disposition(text) if key == b"content-disposition" else None
    if option == ":param":  # of any field; only its form says whether it has parameters
        any_field = parse_disposition(text) if key != b"content-type" else content
        params = any_field.params if any_field else ()
        found = [parameter_text(params, ascii_lower(name)) for name in expand_all(parameters, run)]
        return [each for each in found if each is not None]
    if content is not None:
        match option:
            case ":type":
                return [content.type]
            case ":subtype":
                return [content.subtype]
            case _:
                return [f"{content.type}/{content.subtype}"]
    if disposition is not None:
        return [""] if option == ":subtype" else [disposition.name]
    return [] if key in {b"content-type", b"content-disposition"} else [""]
