"""Texts as they are compared and put in order, whatever their case, accents' spelling and width.

Not here: which texts those are. Sources: RFC 5051 (i;unicode-casemap), which RFC 5255 §4.2 wants for SEARCH, SORT and THREAD.
Invariants: linear; texts that are equal to i;unicode-casemap have equal search forms; a search form is its own search form;
that of a part of a text is a part of the text's (but for several marks on one letter, which stand in one order).
"""

import unicodedata
from functools import lru_cache

MAX_KEY_OCTETS = 1_024  # of a sort key: subjects that are alike so far are in the order of the mailbox


def unicode_fold(text: str) -> str:
    """Titlecased and decomposed (RFC 5051 §2)."""
    if text.isascii():
        return text.upper()
    return "".join(map(fold_character, text))


@lru_cache(maxsize=4096)
def fold_character(character: str) -> str:
    """RFC 5051 §2 (2), for one character."""
    title = character.title()
    return unicodedata.normalize("NFKD", title if len(title) == 1 else character)


def sort_key(text: str) -> bytes:
    """Octets in whose order texts stand (RFC 5051 §2: after the preparation as i;octet)."""
    return unicode_fold(text).encode("utf-8", "replace")[:MAX_KEY_OCTETS]


def search_fold(text: str) -> str:
    """The form in which texts are searched; it makes equal what i;unicode-casemap does, and what full case folding adds,
    as ß and ss: who types one of them finds the other.
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKD", text).casefold().replace("ı", "i")  # noqa: RUF001 - its capital is I
