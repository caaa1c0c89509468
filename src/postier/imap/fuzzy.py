r"""FUZZY: what else than the text itself a text key finds, and how relevant what it found is.

Not here: reading it (`search_syntax`), finding. Source: RFC 6203. A text is found also where all its words occur, in any order, and
where words occur that begin alike ("meeting" finds "meets"). What has the text itself is most relevant, what has only the words
less, the rest least; among alike the newer is more relevant. Invariants: each closeness finds all that the closer one does, but
under NOT; scores are 1 to 100.
"""

import enum
import re
from collections.abc import Collection, Sequence

from postier.imap.search import AddressText, AnyText, BodyText, Criterion, HeaderText, Leaf, SubjectText
from postier.imap.search_algebra import conjunction

MIN_STEM = 4  # characters of a word that stay, whatever its ending
ENDING = 3  # characters of a word that may be its ending
MAX_WORDS = 16  # of one text; the others are not looked for

_WORD = re.compile(r"[\w\u0300-\u036f\u3099\u309a]+")  # with the marks that folding parts from their letters
_BANDS = ((67, 100), (34, 66), (1, 33))


class Closeness(enum.Enum):
    """How much a text must resemble what is searched."""

    EXACT = "the text itself"
    WORDS = "its words"
    LOOSE = "the beginnings of its words"


def loosened(term: Leaf, closeness: Closeness) -> Criterion:
    """What a key under FUZZY finds; keys that are no texts find what they always do."""
    match term:
        case SubjectText(text) | BodyText(text) | AnyText(text):
            return conjunction([type(term)(word) for word in _words(text, closeness)])
        case AddressText(field, text):
            return conjunction([AddressText(field, word) for word in _words(text, closeness)])
        case HeaderText(name, text):
            return conjunction([HeaderText(name, word) for word in _words(text, closeness)])
        case _:
            return term


def scores(found: Sequence[int], with_words: Collection[int], exact: Collection[int]) -> dict[int, int]:
    """The relevancy of each of `found`, which are ascending UIDs (RFC 6203 §4)."""
    bands: tuple[list[int], ...] = ([], [], [])
    for uid in found:
        bands[0 if uid in exact else 1 if uid in with_words else 2].append(uid)
    scored = {}
    for (low, high), members in zip(_BANDS, bands, strict=True):
        steps = max(len(members) - 1, 1)
        for age, uid in enumerate(reversed(members)):
            scored[uid] = high - (high - low) * age // steps
    return scored


def _words(text: str, closeness: Closeness) -> Sequence[str]:
    if closeness is Closeness.EXACT:
        return (text,)
    words = dict.fromkeys(_WORD.findall(text)[:MAX_WORDS])
    if closeness is Closeness.LOOSE:
        words = dict.fromkeys(word[: max(MIN_STEM, len(word) - ENDING)] for word in words)
    return tuple(words) or (text,)
