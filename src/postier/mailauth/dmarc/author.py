"""The Author Domain of a message: whose name stands in From.

Not here: display names, address lists for the user (`mime`). Source: RFC 9989 §5.3.1, §11.5, RFC 5322 §3.4, §4.4, RFC 6854
(groups), RFC 8616 §6. Invariants: linear time, no recursion; a From that cannot be read for sure yields a problem, never a
guess.
"""

import re
from functools import lru_cache

import msgspec

from postier.mailauth.letter import Field
from postier.mailauth.names import canonical

MAX_FROM_OCTETS = 16_384
MAX_AUTHORS = 50
MAX_KEPT_OCTETS = (
    512  # mail comes again and again from the same people: short fields read lately are remembered
)
MAX_KEPT_FIELDS = 2_048

# The words of an address list: quoted strings, domain literals, specials, everything else. A quoted string without its
# end takes the rest, so that nothing is looked at twice.
_TOKEN = re.compile(
    r'"(?:[^"\\]+|\\.)*"?'
    r"|\[[^\[\]\\]*\]"
    r'|[()<>@,;:\\"\[\]]'
    r"|[^()<>@,;:\\\"\[\]\s]+"
    r"|\s+",
    re.DOTALL,
)
# RFC 5322 §3.2.2: within a comment quotation marks and brackets mean nothing
_COMMENT_TOKEN = re.compile(r"[^()\\]+|\\.|[()\\]", re.DOTALL)


class Author(msgspec.Struct, frozen=True):
    """The domains in From in order without repetition, and why DMARC cannot be applied ("" if it can)."""

    domains: tuple[str, ...]
    problem: str = ""


def author_of(fields: tuple[Field, ...]) -> Author:
    """The Author Domain of a message with these header fields."""
    found = [field for field in fields if field.name == b"from"]
    if not found:
        return Author((), "the message has no From")
    domains: dict[str, None] = {}
    problem = "" if len(found) == 1 else f"the message has {len(found)} From fields"
    for field in found[:MAX_AUTHORS]:
        value = field.value
        names, wrong = _remembered(value) if len(value) <= MAX_KEPT_OCTETS else _domains(value)
        domains |= dict.fromkeys(names)
        problem = problem or wrong
    if not problem and not domains:
        problem = "From names no address"
    if not problem and len(domains) > 1:  # RFC 9989 §5.3.1
        problem = f"From names {len(domains)} domains"
    return Author(tuple(domains), problem)


def _domains(value: bytes) -> tuple[tuple[str, ...], str]:
    """The domains of one From, and what is wrong with it."""
    if len(value) > MAX_FROM_OCTETS:
        return (), "From is too long"
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return (), "From is not UTF-8"
    domains: list[str] = []
    problem = ""
    for mailbox in _mailboxes(_words(text)):
        domain = _domain_of(mailbox)
        if domain is None:
            problem = problem or "From cannot be read"
        elif domain:
            domains.append(domain)
    if len(domains) > MAX_AUTHORS:
        return tuple(domains[:MAX_AUTHORS]), "From names too many addresses"
    return tuple(domains), problem


_remembered = lru_cache(MAX_KEPT_FIELDS)(_domains)


def _words(text: str) -> list[str]:
    """The tokens of a From value without white space and comments (which may nest)."""
    words: list[str] = []
    depth = position = 0
    while position < len(text):
        match = (_COMMENT_TOKEN if depth else _TOKEN).match(text, position)
        assert match is not None  # both take whatever there is
        word, position = match[0], match.end()
        if word == "(":
            depth += 1
        elif depth:
            depth -= word == ")"
        elif not word.isspace():
            words.append(word)
    return words


def _mailboxes(words: list[str]) -> list[list[str]]:
    """The words of each mailbox; group names and their separators are taken off (RFC 6854)."""
    mailboxes: list[list[str]] = [[]]
    is_angle = is_group = False
    for word in words:
        if word == "<":
            is_angle = True
        elif word == ">":
            is_angle = False
        if is_angle:
            mailboxes[-1].append(word)
        elif word == "," or (word == ";" and is_group):
            mailboxes.append([])
        elif word == ":" and not is_group and "@" not in mailboxes[-1]:
            mailboxes[-1] = []
            is_group = True
        else:
            mailboxes[-1].append(word)
    return [mailbox for mailbox in mailboxes if mailbox]


def _domain_of(words: list[str]) -> str | None:
    """The domain of one mailbox; None when it cannot be told for sure, "" for a null address `<>`."""
    if "<" in words:
        start = words.index("<") + 1
        if ">" not in words or words.count("<") != 1 or words[-1] != ">":
            return None
        words = words[start:-1]
        if not words:
            return ""
        if words[0] == "@" and ":" in words:  # RFC 5322 §4.4 obs-route
            words = words[words.index(":") + 1 :]
    if words.count("@") != 1:
        return None
    at = words.index("@")
    local, name = words[:at], words[at + 1 :]
    if len(local) != 1 or len(name) != 1:  # a space within a dot-atom or a second word: two readings
        return None
    domain = canonical(name[0])
    return domain if domain is not None and "[" not in domain else None
