"""LANG: the languages of what the server says for people to read.

Source: RFC 6856 §3; RFC 4647 §3.4 (lookup). Invariant: a name in the list is one in which every text is written; for now that
is English.
"""

LANGUAGES = {"en": "English"}
PREFERRED = "en"


def chosen_language(language_range: str) -> str | None:
    """The tag of the language that is spoken for a basic language range; None if there is none."""
    wanted = language_range.lower()
    if wanted == "*":  # RFC 6856 §3.2
        return PREFERRED
    while wanted and wanted not in LANGUAGES:
        wanted, _, last = wanted.rpartition("-")
        if len(wanted.rpartition("-")[2]) == 1 and last:  # RFC 4647 §3.4: no range ends in a single letter
            wanted = wanted.rpartition("-")[0]
    return wanted or None
