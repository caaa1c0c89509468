"""vCards in and out: who it is, the addresses, and the text that keeps all the rest.

Not here: content lines (`lines`), one version made another (`versions`). Sources: RFC 6350 (4.0), RFC 2426 (3.0); 2.1 is told, not read.
Invariants: any octets are cards and problems, nothing else; a broken card costs no other card; cards do not nest, so one within
another ends neither; the text of a card is its lines as they came, unfolded.
"""

import re
from collections.abc import Iterator

import msgspec

from postier.vcard.lines import Line, escaped, folded, read_line, unfolded

MAX_CARD_CHARACTERS = 128 << 10  # of a card; pictures, sounds and keys are left out of larger ones
MAX_LINES = 2_000  # of one card
MAX_NAME_CHARACTERS = 200  # of a name, cut off
MAX_EMAILS = 50  # of one card
MAX_UID_CHARACTERS = 255  # of one card
VERSIONS = ("3.0", "4.0")

_MARK = re.compile(r"(BEGIN|END):VCARD[ \t]*+", re.IGNORECASE)
_LARGE = frozenset({"KEY", "LOGO", "PHOTO", "SOUND"})
_MAILTO = re.compile("mailto:", re.IGNORECASE)


class Card(msgspec.Struct, frozen=True):
    """One card; `uid` is empty when it has none, `emails` are as they stand there."""

    version: str
    uid: str
    name: str
    emails: tuple[str, ...]
    lines: tuple[str, ...]  # from BEGIN to END, unfolded


class Problem(msgspec.Struct, frozen=True):
    """Why a card, or what stands for one, was not read; `line` is that of its beginning, counted unfolded."""

    line: int
    why: str


def read_cards(octets: bytes) -> Iterator[Card | Problem]:
    """The cards of a file, one after the other."""
    begun: list[str] | None = None
    start = 0
    for number, line in enumerate(unfolded(octets), 1):
        text = line.lstrip(" \t")  # a fold after an empty line would be one again when it is written
        if not text.strip():
            continue
        mark = _MARK.fullmatch(text)
        if mark is not None and mark[1].upper() == "BEGIN":
            if begun is not None:
                yield Problem(start, "the card does not end before the next begins")
            begun, start = [text], number
        elif begun is None:
            yield Problem(number, "a line outside a card")
        else:
            begun.append(text)
            if mark is not None:
                yield _card(begun, start)
                begun = None
    if begun is not None:
        yield Problem(start, "the card does not end")


def _is_large(text: str) -> bool:
    line = read_line(text[:1_000].partition(":")[0] + ":")
    return line is not None and line.name in _LARGE


def _card(texts: list[str], start: int) -> Card | Problem:
    if len(texts) > MAX_LINES:
        return Problem(start, f"the card has more than {MAX_LINES} lines")
    if sum(map(len, texts)) > MAX_CARD_CHARACTERS:
        kept = [each for each in texts if not _is_large(each)]
        if sum(map(len, kept)) > MAX_CARD_CHARACTERS:
            return Problem(start, f"the card has more than {MAX_CARD_CHARACTERS} characters")
        texts = kept
    lines = [line for line in map(read_line, texts[1:-1]) if line is not None]
    version = _first(lines, "VERSION")
    if version not in VERSIONS:
        told = f"version {version[:20]}" if version else "a card without a version"
        return Problem(start, f"{told} is not read, only {' and '.join(VERSIONS)}")
    emails = []
    for line in sorted((each for each in lines if each.name == "EMAIL"), key=_preference):
        email = (
            _MAILTO.sub("", line.text, count=1).strip()
            if line.text[:7].lower() == "mailto:"
            else line.text.strip()
        )
        if email and email not in emails:
            emails.append(email)
    if len(emails) > MAX_EMAILS:
        return Problem(start, f"the card has more than {MAX_EMAILS} addresses")
    uid = _first(lines, "UID")
    if len(uid) > MAX_UID_CHARACTERS:
        return Problem(start, f"the card has a UID of more than {MAX_UID_CHARACTERS} characters")
    name = _first(lines, "FN") or _of_parts(_raw(lines, "N")) or _first(lines, "ORG").strip(";")
    return Card(
        version,
        uid,
        (name or (emails[0] if emails else ""))[:MAX_NAME_CHARACTERS],
        tuple(emails),
        tuple(texts),
    )


def _preference(line: Line) -> int:
    """RFC 6350 §5.3: 1 is the most preferred; RFC 2426 §3.3.2: TYPE=pref."""
    if "pref" in line.values_of("TYPE"):
        return 1
    given = [
        int(each) for each in line.values_of("PREF") if each.isascii() and each.isdigit() and len(each) < 4
    ]
    return min(given, default=101)


def _raw(lines: list[Line], name: str) -> str:
    return next((line.value for line in lines if line.name == name and line.value.strip()), "")


def _first(lines: list[Line], name: str) -> str:
    return " ".join(
        next((line.text for line in lines if line.name == name and line.value.strip()), "").split()
    )


def _of_parts(value: str) -> str:
    """Family;Given;Additional;Prefixes;Suffixes as people say it (RFC 6350 §6.2.2)."""
    parts = [" ".join(read.split()) for read in re.split(r"(?<!\\);", value)]
    parts += [""] * (5 - len(parts))
    family, given, additional, prefixes, suffixes = [each.replace("\\", "") for each in parts[:5]]
    return " ".join(each for each in (prefixes, given, additional, family, suffixes) if each)


def new_card(uid: str, name: str, emails: tuple[str, ...]) -> Card:
    """A card of version 4.0 with these."""
    lines = ["BEGIN:VCARD", "VERSION:4.0", f"UID:{escaped(uid)}", f"FN:{escaped(name)}"]
    lines += [f"EMAIL:{escaped(each)}" for each in emails]
    return Card("4.0", uid, name, emails, (*lines, "END:VCARD"))


def with_uid(card: Card, uid: str) -> Card:
    """The card with a UID, which it had not."""
    lines = (*card.lines[:2], f"UID:{escaped(uid)}", *card.lines[2:])
    return msgspec.structs.replace(card, uid=uid, lines=lines)


def card_octets(card: Card) -> bytes:
    """The card as a file has it."""
    return b"".join(map(folded, card.lines))
