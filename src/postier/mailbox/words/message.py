"""The words of one message, read from its octets.

Not here: the texts themselves (`mailbox.texts`, which SEARCH decides on). Invariant: the words are those of `texts.header_text`
and `texts.body_text`; those texts are only not made, which would cost as much again.
"""

import msgspec

from postier.mailbox.words.tokens import encoded, words_of, words_of_ascii
from postier.mime import encoded_words
from postier.mime.decode import source_of
from postier.mime.headers import split_header, unfold
from postier.mime.html_text import seen_text
from postier.mime.part import Part

MAX_TEXT = 1_048_576  # octets of one message; a longer text is not indexed but read at each search
MAX_WORDS = 10_000  # different ones of one message; likewise


class MessageWords(msgspec.Struct, frozen=True):
    """The words of subject, header and body; and the octets of the texts, of HTML without the white space that is not seen."""

    fields: tuple[set[bytes], set[bytes], set[bytes]]
    text_bytes: int


def message_words(raw: bytes, root: Part, subject: str) -> MessageWords | None:
    """The words of a message with this (folded) subject; None for one that has too much of them."""
    plain, decoded = _header(raw, root)
    header_size = len(plain) + sum(len(encoded(text)) for text in decoded)
    body = _body(raw, root, MAX_TEXT - header_size)
    if body is None:
        return None
    ascii_, other, size = body
    fields = words_of(subject), words_of_ascii(plain), words_of("\n".join(ascii_))
    if decoded:
        fields[1].update(words_of("\n".join(decoded)))
    for text in other:
        fields[2].update(words_of(text))
    if sum(map(len, fields)) > MAX_WORDS:
        return None
    return MessageWords(fields, header_size + size)


def _header(raw: bytes, root: Part) -> tuple[bytes, list[str]]:
    """Like `texts.header_text`: fields that are ASCII as they stand, for line ends and blanks are in no word; the others."""
    plain: list[bytes] = []
    decoded: list[str] = []
    for part in root.walk():
        if part.body_start > len(raw):
            continue
        for _, key, value in split_header(raw, part.header_start, part.body_start).entries:
            plain.append(key)
            if b"=?" not in value and value.isascii():
                plain.append(value)
            else:
                decoded.append(encoded_words.decode(unfold(value)))
    return b"\n".join(plain), decoded


def _body(raw: bytes, root: Part, room: int) -> tuple[list[str], list[str], int] | None:
    """Like `texts.body_text`: texts that are ASCII, the others, the size of all; None if they are longer than `room`."""
    ascii_: list[str] = []
    other: list[str] = []
    size = 0
    for part in root.walk():
        if part.type != "text" or part.body_start >= len(raw):
            continue
        text = source_of(raw, part)
        if part.subtype == "html":
            text = seen_text(text)
            size -= sum(map(text.count, "\r\n\t")) + 2 * text.count("  ")
        if text.isascii():
            ascii_.append(text)
            octets = len(text)
        else:
            other.append(text)
            octets = len(encoded(text))
        size += octets
        room -= octets
        if room < 0:
            return None
    return ascii_, other, size
