"""A letter with a header in UTF-8, as a mail program that knows ASCII headers only can show it.

Not here: when that is wanted (the protocols). Source: RFC 6858 (simplified downgrading), after which users lose what cannot be
written and nothing is made up: an internationalised address becomes one that belongs to nobody, its text the name that is
shown. Where the RFC drops a parameter we write it by RFC 2231, which says the same. Invariants: the result's header is ASCII;
fields that are ASCII already, and the body, stay as they are; a header that is not UTF-8 is old mail in some charset of its own,
which mail programs know how to guess: it is given as it is. All this holds for the headers of parts and of enclosed letters as well.
"""

import re

from postier.mime import encoded_words
from postier.mime.address_list import Mailbox, parse_address_list
from postier.mime.header_lines import HeaderValueError, line, parameter, phrase, text_line
from postier.mime.headers import split_header, unfold
from postier.mime.params import Parameters, parse_content_type, parse_disposition
from postier.mime.part import Part
from postier.mime.structure import parse_message

NOBODY = "invalid@internationalized-address.invalid"  # RFC 6858 §2.1

_ADDRESS_FIELDS = frozenset(  # RFC 6858 §2.1
    b"bcc cc from reply-to resent-bcc resent-cc resent-from resent-sender resent-to return-path sender to".split()
)
_COMPOSITE = re.compile(rb"(?i)multipart|message/")  # a header of parts or of a letter may be below
_NAME = re.compile(r"[A-Za-z0-9!#$&+\-.^_`|~]{1,60}\*?")


def needs_surrogate(header: bytes) -> bool:
    """Whether it takes UTF-8 to read this header."""
    if header.isascii():
        return False
    try:
        header.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def surrogate(content: bytes, header_octets: int) -> bytes | None:
    """As `surrogate_of`, of a letter whose parts are not known yet."""
    header = content[:header_octets]
    if content.isascii() or (header.isascii() and not _COMPOSITE.search(header)):
        return None
    return surrogate_of(content, parse_message(content).root)


def surrogate_of(content: bytes, root: Part) -> bytes | None:
    """The letter with ASCII in all its headers, those of its parts and of the letters in it; None if it needs no surrogate.

    A message/global has become a message/rfc822, which it can be now (RFC 9755 §6: other mail programs know no other).
    """
    pieces: list[bytes] = []
    done = 0
    for part in root.walk():
        is_global = part.is_message and part.subtype == "global"
        if not is_global and not needs_surrogate(content[part.header_start : part.body_start]):
            continue
        section = split_header(content, part.header_start, part.body_start)
        pieces.append(content[done : section.first_start])
        done = section.first_start
        for lines, key, value in section.entries:
            done += len(lines)
            if key == b"content-type" and is_global:
                pieces.append(
                    line(lines.partition(b":")[0].strip().decode("ascii", "replace"), ["message/rfc822"])
                )
            elif lines.isascii() or not needs_surrogate(lines):
                pieces.append(lines)
            else:
                pieces.append(_written(lines.partition(b":")[0].strip().decode(), key, unfold(value)))
    if not done:
        return None
    return b"".join([*pieces, content[done:]])


def _written(name: str, key: bytes, value: bytes) -> bytes:
    """One field in ASCII; b"" for one that cannot be written (RFC 6858 §2.4)."""
    try:
        if key in _ADDRESS_FIELDS:
            return _addresses(name, value)
        match key:
            case b"subject" | b"comments":
                return text_line(name, encoded_words.decode(value))
            case b"content-type":
                media = parse_content_type(value)
                return b"" if media is None else _typed(name, f"{media.type}/{media.subtype}", media.params)
            case b"content-disposition":
                disposition = parse_disposition(value)
                return b"" if disposition is None else _typed(name, disposition.name, disposition.params)
    except HeaderValueError:
        pass
    return b""


def _addresses(name: str, value: bytes) -> bytes:
    tokens: list[str] = []
    for mailbox in parse_address_list(value).mailboxes:
        words = _words(mailbox)
        if tokens:
            tokens[-1] += ","
            words[0] = f" {words[0]}"
        tokens += words
    return line(name, tokens) if tokens else b""


def _words(mailbox: Mailbox) -> list[str]:
    is_plain = mailbox.local.isascii() and mailbox.domain.isascii()
    shown = mailbox.name if is_plain else f"{mailbox.name} {mailbox.address}"
    words = phrase(encoded_words.undecoded(shown.encode("utf-8", "replace")))
    address = mailbox.address if is_plain else NOBODY
    return [*words, f" <{address}>"] if words else [f"<{address}>"]


def _typed(name: str, value: str, params: Parameters) -> bytes:
    tokens = [value]
    for key, octets in params:
        parameter_name, text = key.decode("utf-8", "replace"), octets.decode("utf-8", "replace")
        if not _NAME.fullmatch(parameter_name):
            continue
        is_encoded = parameter_name.endswith("*") and text.isascii() and '"' not in text and " " not in text
        if parameter_name.endswith("*") and not is_encoded:
            continue
        for token in [f"; {parameter_name}={text}"] if is_encoded else parameter(parameter_name, text):
            tokens[-1] += ";"
            tokens.append(token[1:])
    return line(name, tokens)
