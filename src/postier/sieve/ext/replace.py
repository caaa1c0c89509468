"""replace and enclose: parts of the message, or all of it, written anew.

Not here: the working copy (`message`). Source: RFC 5703 §5, §6 (eid6108). Invariants: fields of the old header stay but
for those of MIME; an old Subject or From that was replaced stays as Original-Subject or Original-From and cannot be
edited any more; what is enclosed is enclosed octet for octet; a redirect sends what was there before.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from postier.mime.dates import format_date
from postier.mime.entities import Entity, content_type, encoding, multipart, text_entity
from postier.mime.header_lines import HeaderValueError, line, text_line
from postier.mime.headers import split_header
from postier.mime.normalise import with_crlf
from postier.sieve.addresses import mailbox_list
from postier.sieve.comparators import ascii_lower
from postier.sieve.ext.editheader import header_field
from postier.sieve.message import Entry
from postier.sieve.parts import look, part_at, path_here
from postier.sieve.problems import RunError
from postier.sieve.running import Op, Path, Run
from postier.sieve.spec import Command, Extension, Place, Tag, Takes
from postier.sieve.texts import expand, expand_all

if TYPE_CHECKING:
    from postier.sieve.arguments import Arguments
    from postier.sieve.check import Compiler

MAX_CHANGED_OCTETS = 64 << 20  # of a message that is written anew


def _count(run: Run) -> None:
    run.edits += 1
    if run.edits > run.limits.edits:
        raise RunError(f"the script changes the message more than {run.limits.edits} times")
    if run.message.size > MAX_CHANGED_OCTETS:
        raise RunError("the message is too large to be changed")


def _entity(text: str, *, is_mime: bool) -> Entity:
    """The new part."""
    if not is_mime:
        return text_entity(text)
    octets = with_crlf(text.encode("utf-8", "surrogateescape"))
    header = split_header(octets)
    lines = b"".join([lines if lines.endswith(b"\n") else lines + b"\r\n" for lines, _, _ in header.entries])
    if not lines:
        raise RunError("the :mime replacement has no header")
    return Entity(lines, octets[header.end :])


def _replace(compiler: Compiler, arguments: Arguments) -> Op:
    subject, sender = arguments.optional_text(":subject"), arguments.optional_text(":from")
    is_mime, replacement = arguments.has(":mime"), arguments.text("replacement")
    for tag in (":subject", ":from"):
        if is_mime and arguments.has(tag):  # RFC 5703 §5: SHOULD be flagged as a compilation error
            compiler.report(arguments.offset(tag), f"{tag} and :mime exclude each other")
    if isinstance(sender, str) and not mailbox_list(sender):
        compiler.report(arguments.offset(":from"), f'"{sender[:60]}" is no address')

    def replace(run: Run) -> None:
        _count(run)
        entity = _entity(expand(replacement, run), is_mime=is_mime)
        path = path_here(run)
        if path:
            _replace_part(run, entity, path)
            return
        names = [("subject", subject), ("from", sender)]
        given = {name: expand(text, run) for name, text in names if text is not None}
        if "from" in given and not mailbox_list(given["from"]):
            raise RunError(":from is no address")
        _replace_all(run, entity, given)

    return replace


def _replace_part(run: Run, entity: Entity, path: Path) -> None:
    message = run.message
    message.change_raw(message.octets())
    part = part_at(message.root(), path)
    if part is None:
        return
    raw = message.raw()
    octets = entity.octets()
    is_last_line = raw[part.body_end : part.body_end + 2].startswith((b"\r", b"\n"))
    if is_last_line:  # the line end before the delimiter is the delimiter's
        octets = octets.removesuffix(b"\r\n")
    message.change_raw(raw[: part.header_start] + octets + raw[part.body_end :])
    _changed(run)


def _changed(run: Run) -> None:
    if run.part is not None:
        run.part = part_at(run.message.root(), run.part_path)
    look(run)


def _replace_all(run: Run, entity: Entity, given: dict[str, str]) -> None:
    message = run.message
    kept: list[Entry] = []
    for lines, key, value in message.entries:
        if key == b"mime-version" or key.startswith(b"content-"):
            continue
        name = key.decode("ascii", "replace")
        if name in given:
            original = b"Original-%b:%b" % (name.title().encode(), value)
            kept.append((original, b"original-" + key, value))
            message.protected.add(b"original-" + key)
        else:
            kept.append((lines, key, value))
    try:
        new = [header_field(name.title(), " ".join(value.split())) for name, value in given.items()]
    except HeaderValueError as error:
        raise RunError(str(error)) from None
    head = [each if each.endswith(b"\n") else each + b"\r\n" for each, _, _ in [*new, *kept]]
    message.change_raw(b"".join(head) + b"MIME-Version: 1.0\r\n" + entity.octets())
    _changed(run)


def _enclose(_: Compiler, arguments: Arguments) -> Op:
    subject, names = arguments.optional_text(":subject"), arguments.texts(":headers")
    text = arguments.text("text")

    def enclose(run: Run) -> None:
        _count(run)
        old = run.message.octets()
        copied = [ascii_lower(name).encode("utf-8", "replace") for name in expand_all(names, run)]
        fields = [lines for lines, key, _ in run.message.entries if key in copied and key not in _MIME]
        try:
            if b"subject" not in copied or subject is not None:
                own = run.message.values("subject")
                fields.append(
                    text_line("Subject", expand(subject, run) if subject is not None else "".join(own[:1]))
                )
            if b"date" not in copied:
                now = run.world.now
                fields.append(line("Date", [format_date(now.epoch_s, now.zone_minutes)]))
            if b"from" not in copied:
                fields += _from_lines(run)
        except HeaderValueError as error:
            raise RunError(str(error)) from None
        inner = Entity(content_type("message/rfc822") + (b"" if old.isascii() else encoding("8bit")), old)
        token = sha256(old).hexdigest()[:32]
        both = multipart("mixed", (text_entity(expand(text, run)), inner), token)
        lines = [each if each.endswith(b"\n") else each + b"\r\n" for each in fields]
        run.message.enclose(b"".join(lines) + b"MIME-Version: 1.0\r\n" + both.octets())
        if run.part is not None:
            run.part, run.part_path = run.message.root(), ()
        look(run)

    return enclose


_MIME = frozenset({b"mime-version", b"content-type", b"content-transfer-encoding"})


def _from_lines(run: Run) -> list[bytes]:
    owner = run.world.own_addresses[:1] or ((run.envelope.recipient,) if run.envelope.recipient else ())
    if owner:
        return [line("From", [owner[0]])]
    return [lines for lines, key, _ in run.message.entries if key == b"from"][:1]


EXTENSION = Extension(
    names=("replace", "enclose"),
    commands=(
        Command(
            "replace",
            _replace,
            (Place("replacement", Takes.STRING),),
            (Tag(":mime"), Tag(":subject", Takes.STRING), Tag(":from", Takes.STRING)),
            needs=("replace",),
        ),
        Command(
            "enclose",
            _enclose,
            (Place("text", Takes.STRING),),
            (Tag(":subject", Takes.STRING), Tag(":headers", Takes.STRINGS)),
            needs=("enclose",),
        ),
    ),
)
