"""body: tests on the body, raw, by type, or as text.

Not here: decoding (`mime.decode`). Source: RFC 5173. Invariants: the body is read only when the test runs; matches set
no match variables (§6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from postier.mime.decode import KNOWN_ENCODINGS, content_of, source_of, text_of
from postier.mime.headers import split_header
from postier.mime.html_text import html_text
from postier.mime.part import Part
from postier.sieve.matching import build_match
from postier.sieve.running import Run, Test
from postier.sieve.spec import Command, Extension, Family, Place, Tag, Takes
from postier.sieve.texts import expand_all

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

_NEEDS = ("body",)


def _body(compiler: Compiler, arguments: Arguments) -> Test:
    match = build_match(compiler, arguments, sets_variables=False)
    if match is None:
        return lambda _: False
    test = match.test
    types = arguments.texts(":content")
    values: Callable[[Run], Iterator[str]]
    match arguments.first_of(":raw", ":content", ":text"):
        case ":raw":
            values = _raw
        case ":content":
            values = lambda run: _content(run, expand_all(types, run))  # noqa: E731 # one of three ways
        case _:
            values = _text

    def body(run: Run) -> bool:
        if not _has_body(run):
            return False if not match.is_count else test(run, [])
        if match.is_count:
            return test(run, list(values(run)))
        return any(test(run, [value]) for value in values(run))

    return body


def _has_body(run: Run) -> bool:
    """RFC 5173 §4: a header without an empty line behind it has no body, and nothing matches."""
    raw = run.seen.raw()
    end = split_header(raw).end
    return end < len(raw) or raw.endswith((b"\n\n", b"\n\r\n")) or raw in (b"\n", b"\r\n")


def _raw(run: Run) -> Iterator[str]:
    raw = run.seen.raw()
    yield _octets(raw[split_header(raw).end :])


def _text(run: Run) -> Iterator[str]:
    raw = run.seen.raw()
    for part in run.seen.root().walk():
        if part.encoding not in KNOWN_ENCODINGS:
            continue
        if part.type == "text":
            yield _read(run, part, "text", partial(text_of, raw, part))
        elif part.media_type == "application/xhtml+xml":
            yield _read(run, part, "text", partial(_shown, raw, part))


def _shown(raw: bytes, part: Part) -> str:
    return html_text(source_of(raw, part))


def _content(run: Run, types: list[str]) -> Iterator[str]:
    wanted = [each.lower() for each in types if not _is_wrong_type(each)]
    for part in run.seen.root().walk():
        if any(each in ("", part.type, part.media_type) for each in wanted):
            yield from _values(run, part)


def _is_wrong_type(name: str) -> bool:
    """RFC 5173 §5.2."""
    return name.startswith("/") or name.endswith("/") or name.count("/") > 1


def _read(run: Run, part: Part, way: str, read: Callable[[], str]) -> str:
    """What a part says, decoded once; reading it counts, however little comes out (markup is no text)."""
    run.count_steps(1)

    def counted() -> str:
        run.charge(part.body_end - part.header_start)
        return read()

    return run.seen.text(part, way, counted)


def _values(run: Run, part: Part) -> Iterator[str]:
    raw = run.seen.raw()
    if part.is_multipart:
        # RFC 5173 §5.2: the prologue and the epilogue, two strings
        start, end = part.body_start, part.body_end
        if part.children:
            start, end = part.children[-1].body_end, part.children[0].header_start
        yield _octets(_before_delimiter(raw[part.body_start : end]))
        yield _octets(_after_delimiter(raw[start : part.body_end]))
    elif part.is_message and part.children:
        inner = part.children[0]
        entries = split_header(raw, inner.header_start, inner.body_start).entries
        yield _octets(b"".join([lines for lines, _, _ in entries]))
    elif part.type == "text":
        yield _read(run, part, "source", partial(source_of, raw, part))
    else:
        yield _read(run, part, "octets", lambda: _octets(content_of(raw, part)))


def _before_delimiter(octets: bytes) -> bytes:
    line = octets.rstrip(b"\r\n").rfind(b"\n")
    return octets[: line + 1]


def _after_delimiter(octets: bytes) -> bytes:
    line = octets.find(b"\n", 2)
    return octets[line + 1 :] if line >= 0 else b""


def _octets(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


EXTENSION = Extension(
    names=_NEEDS,
    tests=(
        Command(
            "body",
            _body,
            (Place("key list", Takes.STRINGS),),
            (
                Tag(":raw", group="body transform"),
                Tag(":content", Takes.STRINGS, "body transform"),
                Tag(":text", group="body transform"),
            ),
            (Family.MATCH,),
            _NEEDS,
        ),
    ),
)
