"""The tokens of a script.

Not here: what they form (`parse`). Source: RFC 5228 §8.1. Scripts come with CRLF or with LF alone; in the value of a
string every line end is CRLF, as the grammar has it. Invariants: linear; every token knows its offset; the first octet
that starts no token is a ScriptError that says what was expected.
"""

import re
from collections.abc import Iterator
from enum import Enum

import msgspec

from postier.sieve.limits import ScriptLimits
from postier.sieve.problems import Problem, ScriptError, Source

MAX_NUMBER = 2**63 - 1  # RFC 5228 §2.4.1 wants 2^31 - 1

_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\n]++|#[^\n]*+\n?|/\*)"
    r"|(?P<text>text:[ \t]*+(?:#[^\n]*+)?\r?(?:\n|\Z))"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*+)"
    r"|(?P<tag>:[A-Za-z_][A-Za-z0-9_]*+)"
    r"|(?P<number>[0-9]++[KMGkmg]?(?![A-Za-z0-9_]))"
    r'|(?P<string>"(?:[^"\\]++|\\.)*")'
    r"|(?P<mark>[][{}(),;])",
    re.IGNORECASE | re.DOTALL,
)
_TEXT_END = re.compile(r"^\.\r?(?:\n|\Z)", re.MULTILINE)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_STUFFED = re.compile(r"^\.\.", re.MULTILINE)
_LINE_END = re.compile(r"\r?\n")
_FACTORS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class Kind(Enum):
    """The kinds of tokens."""

    WORD = "a command or test"
    TAG = "a tag"
    NUMBER = "a number"
    STRING = "a string"
    MARK = "a mark"
    END = "the end of the script"


class Token(msgspec.Struct, frozen=True, gc=False):
    """One token; `text` is the name in lower case, the value of a string, or the mark."""

    kind: Kind
    offset: int
    text: str = ""
    number: int = 0


def tokens(source: Source, limits: ScriptLimits) -> Iterator[Token]:
    """The tokens of a script, the last one END; raises ScriptError."""
    text = source.text
    position, end = 0, len(text)
    while position < end:
        found = _TOKEN.match(text, position)
        if found is None:
            raise ScriptError((_broken(source, position),))
        start, position, written = position, found.end(), found[0]
        match found.lastgroup:
            case "blank":
                if written == "/*":
                    close = text.find("*/", position)
                    if close < 0:
                        raise ScriptError((source.problem(start, "the comment /* has no */"),))
                    position = close + 2
            case "word":
                yield Token(Kind.WORD, start, written.lower())
            case "tag":
                yield Token(Kind.TAG, start, written.lower())
            case "number":
                yield Token(Kind.NUMBER, start, number=_number(source, start, written))
            case "string":
                value = written[1:-1]
                if "\\" in value:
                    value = _ESCAPED.sub(r"\1", value)
                yield Token(Kind.STRING, start, _checked(source, start, value, limits))
            case "text":
                last = _TEXT_END.search(text, position)
                if last is None:
                    message = 'the string "text:" has no line with a single dot'
                    raise ScriptError((source.problem(start, message),))
                value = _STUFFED.sub(".", text[position : last.start()])
                position = last.end()
                yield Token(Kind.STRING, start, _checked(source, start, value, limits))
            case _:
                yield Token(Kind.MARK, start, written)
    yield Token(Kind.END, end)


def _number(source: Source, start: int, written: str) -> int:
    factor = _FACTORS.get(written[-1].upper())  # RFC 5234 §2.3: "K" means "k" too, whatever eid5579 says
    digits = written[:-1] if factor else written
    # A number of very many digits is never turned into an integer: that would take quadratic time
    value = int(digits) * (factor or 1) if len(digits) <= len(str(MAX_NUMBER)) else MAX_NUMBER + 1
    if value > MAX_NUMBER:
        raise ScriptError((source.problem(start, f"the number is larger than {MAX_NUMBER}"),))
    return value


def _checked(source: Source, start: int, value: str, limits: ScriptLimits) -> str:
    if len(value) > limits.string_characters:
        message = f"the string is longer than {limits.string_characters} characters"
        raise ScriptError((source.problem(start, message),))
    if "\x00" in value:  # RFC 5228 §2.4.2
        raise ScriptError((source.problem(start, "a string holds NUL; write it as ${hex:00}"),))
    return _LINE_END.sub("\r\n", value) if "\n" in value else value


def _broken(source: Source, position: int) -> Problem:
    character = source.text[position]
    if character == '"':
        message = 'the string has no closing "'
    elif character.isdigit():
        message = "a number is digits with K, M or G behind them"
    elif character == ":":
        message = "a tag is a colon and a name"
    else:
        message = f"expected a command, found {character!a}"
    return source.problem(position, message)
