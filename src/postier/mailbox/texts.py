"""The texts of a message that SEARCH looks at, decoded and folded.

Not here: matching (`imap.search_match`), the words in them (`words`). Source: RFC 9051 §6.4.4 (TEXT, BODY, HEADER: decoded
charsets, encoded words and transfer encodings). Invariant: the search and its index read the very same texts, from here.
"""

from collections.abc import Iterable

from postier.mime import encoded_words
from postier.mime.collation import search_fold
from postier.mime.decode import text_of
from postier.mime.headers import split_header, unfold
from postier.mime.part import Part


def header_values(raw: bytes, header_bytes: int, name: str) -> Iterable[str]:
    """The value of each field of this (lower-case) name in the header of the message itself."""
    header = split_header(raw, 0, min(header_bytes, len(raw)))
    return [search_fold(encoded_words.decode(value)) for value in header.all(name.encode())]


def header_text(raw: bytes, root: Part) -> str:
    """The whole header, MIME headers of the parts included; a line a field."""
    return search_fold(
        "\n".join(
            f"{key.decode('ascii', 'replace')}: {encoded_words.decode(unfold(value))}"
            for part in root.walk()
            if part.body_start <= len(raw)
            for _, key, value in split_header(raw, part.header_start, part.body_start).entries
        )
    )


def body_text(raw: bytes, root: Part) -> str:
    """The text of the body's text parts."""
    return search_fold(
        "\n".join(
            text_of(raw, part) for part in root.walk() if part.type == "text" and part.body_start < len(raw)
        )
    )
