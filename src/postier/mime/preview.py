"""The first words of a letter, and whether something is attached to it.

Not here: search text (`decode.text_of`). Source: RFC 8970 §3.3; RFC 8621 §4.1.4 (hasAttachment). Invariants: only the
first octets of the one part are decoded; the result has at most MAX_PREVIEW_CHARACTERS and no line ends.
"""

from postier.mime.decode import source_of
from postier.mime.html_text import html_text
from postier.mime.octets import Buffer
from postier.mime.part import Part

MAX_PREVIEW_CHARACTERS = 200  # RFC 8970 §3.3: SHOULD 200, MUST NOT exceed 256
_TEXT_WINDOWS = (2_048, 32_768)  # octets read first, and again when they held nothing
_HTML_WINDOWS = (8_192, 131_072)

_SIGNATURES = frozenset({"pgp-signature", "pkcs7-signature", "x-pkcs7-signature", "pgp-keys"})


def preview_of(raw: Buffer, leaves: list[Part]) -> str:
    """The preview from the first plain text among the leaves, else from the first HTML, else empty."""
    html: Part | None = None
    for part in leaves:
        if part.type != "text" or part.disposition == "attachment":
            continue
        if part.subtype == "html":
            html = html or part
        elif part.subtype == "plain" and (words := _plain_words(raw, part)):
            return words
    return "" if html is None else _html_words(raw, html)


def _plain_words(raw: Buffer, part: Part) -> str:
    for window in _TEXT_WINDOWS:
        text = source_of(raw, part, window)
        if ">" in text and (text[0] == ">" or "\n>" in text):  # what was answered to is not news
            own = "\n".join([line for line in text.split("\n") if line[:1] != ">"])
            text = own if own.strip() else text
        if (words := _cut(text)) or part.size <= window:
            return words
    return ""


def _html_words(raw: Buffer, part: Part) -> str:
    for window in _HTML_WINDOWS:
        if (words := _cut(html_text(source_of(raw, part, window)))) or part.size <= window:
            return words
    return ""


def _cut(text: str) -> str:
    # Twice as much is enough unless it is mostly blank
    words = _collapsed(text[: 2 * MAX_PREVIEW_CHARACTERS])
    if len(words) < MAX_PREVIEW_CHARACTERS < len(text):
        words = _collapsed(text)
    return words[:MAX_PREVIEW_CHARACTERS]


def _collapsed(text: str) -> str:
    """The text with one space for each run of white space, and none around it."""
    # There are fewer lines than words. The only white space that is printable is the space
    words = " ".join(filter(None, text.splitlines()))
    return words.strip() if words.isprintable() and "  " not in words else " ".join(text.split())


def has_attachment(leaves: list[Part]) -> bool:
    """Whether a person would say that something is attached: not for bodies, inline pictures and signatures."""
    return True in [is_attachment(part) for part in leaves]


def is_attachment(part: Part) -> bool:
    """Whether this leaf (or enclosed message) is an attachment."""
    if part.disposition == "attachment":
        return part.subtype not in _SIGNATURES
    if part.type == "text":
        return part.subtype not in ("plain", "html", "calendar") and part.filename is not None
    if part.subtype in _SIGNATURES or part.type == "multipart":
        return False
    return not (part.content_id is not None and part.type == "image")
