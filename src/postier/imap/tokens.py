"""A cursor over one complete command: the terminals of the IMAP grammar, one compiled pattern each.

Not here: collecting the command from the wire (`lexer`), the grammar of each verb (`commands`). Source: RFC
9051 §4, §9; RFC 9755 §3. Invariants: `text` holds the command without the octets of its literals; a literal
is seen as `{n}` CRLF there and as the next of `literals`. The cursor only moves forward; every method
consumes one terminal or raises `PeerError` (BAD).
"""

import re
from collections.abc import Callable
from typing import TypeVar

from postier.imap.dates import parse_date, parse_date_time
from postier.imap.flags import FlagList, parse_flags
from postier.imap.mailbox_names import decode_mailbox
from postier.imap.refusals import PeerError, bad
from postier.imap.sets import SET_PATTERN, SequenceSet, parse_set

MAX_LIST_ITEMS = 10_000  # items of one parenthesised list; the line limit allows about 30,000

_ATOM = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")  # RFC 9051 §9 atom
_ASTRING_ATOM = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+")  # RFC 9051 §9 1*ASTRING-CHAR
_LIST_MAILBOX = re.compile(
    rb"[!#$%&'*+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~\x80-\xff]+"
)  # RFC 9051 §9 list-mailbox
_QUOTED = re.compile(rb'"([^"\\\r\n\0]*+(?:\\["\\][^"\\\r\n\0]*+)*)"')  # RFC 9051 §9 quoted
_ESCAPED = re.compile(rb"\\(.)")
_LITERAL = re.compile(rb"(~?)\{[0-9]{1,20}\+?\}\r\n")
_MESSAGE_MARK = re.compile(rb"(?:~?|[Uu][Tt][Ff]8 \(~)\{[0-9]{1,20}\+?\}")
_NUMBER = re.compile(rb"[0-9]{1,19}(?![0-9])")
_FLAG_LIST = re.compile(rb"\(([^()]*)\)")
_FLAGS_BARE = re.compile(rb"[^()\r\n]+")
_DATE = re.compile(rb'"?([0-9]{1,2}-[A-Za-z]{3}-[0-9]{4})"?')
_DATE_TIME = re.compile(rb'"([ 0-9][0-9]-[A-Za-z]{3}-[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4})"')
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}|=")

MAX_NUMBER_64 = 2**63 - 1  # RFC 9051 §9 number64

Item = TypeVar("Item")


class Cursor:
    """Reads one command; `utf8` says whether the client enabled IMAP4rev2 or UTF8=ACCEPT, `only_utf8` whether the latter."""

    __slots__ = ("_literal_index", "is_secret", "literals", "only_utf8", "pos", "tag", "text", "utf8")

    def __init__(
        self,
        text: bytes,
        literals: tuple[bytes, ...] = (),
        *,
        tag: bytes = b"",
        pos: int = 0,
        utf8: bool = False,
        only_utf8: bool = False,
        is_secret: bool = False,
    ) -> None:
        self.text = text
        self.literals = literals
        self.tag = tag
        self.pos = pos
        self.utf8 = utf8
        self.only_utf8 = only_utf8  # other charsets conflict (RFC 9755 §3)
        self.is_secret = is_secret  # errors must not quote the text: it holds a password
        self._literal_index = 0

    def peek(self) -> bytes:
        """The next octet, or nothing at the end; never consumes."""
        return self.text[self.pos : self.pos + 1]

    def take(self, octets: bytes) -> bool:
        """Consume exactly these octets if they come next (case matters; for punctuation)."""
        if self.text.startswith(octets, self.pos):
            self.pos += len(octets)
            return True
        return False

    def expect(self, octets: bytes) -> None:
        """Consume exactly these octets."""
        if not self.take(octets):
            raise self.error(f"expected '{octets.decode()}'")

    def space(self) -> None:
        """Exactly one SP (RFC 9051 §9 note 2)."""
        if not self.text.startswith(b" ", self.pos):
            raise self.error("expected a space")
        self.pos += 1

    def end(self) -> None:
        """Nothing may follow."""
        if self.pos != len(self.text):
            raise self.error("unexpected text")

    def error(self, what: str) -> PeerError:
        """A BAD that says where: what comes next, shortened."""
        nearby = self.text[self.pos : self.pos + 20]
        if self.is_secret:
            return bad(f"Syntax error: {what}")
        if not nearby:
            return bad(f"Syntax error: {what} at the end of the command")
        return bad(f"Syntax error: {what} at {nearby.decode('ascii', 'replace')!r}")

    def atom(self) -> bytes:
        """RFC 9051 §9 atom."""
        return self._match(_ATOM, "an atom")

    def keyword(self) -> bytes:
        """An atom in upper case, for words of the grammar."""
        return self._match(_ATOM, "a keyword").upper()

    def try_keyword(self, word: bytes) -> bool:
        """Consume `word` (upper case) if the next atom is that word."""
        found = _ATOM.match(self.text, self.pos)
        if found and found[0].upper() == word:
            self.pos = found.end()
            return True
        return False

    def number(self) -> int:
        """RFC 9051 §9 number64."""
        value = int(self._match(_NUMBER, "a number"))
        if value > MAX_NUMBER_64:
            raise self.error("number over 63 bits")
        return value

    def nz_number(self) -> int:
        """RFC 9051 §9 nz-number64."""
        value = self.number()
        if not value:
            raise self.error("zero is not allowed")
        return value

    def string(self) -> bytes:
        """RFC 9051 §9 string: quoted or literal."""
        text, pos = self.text, self.pos
        if text.startswith(b'"', pos):
            found = _QUOTED.match(text, pos)
            if not found:
                raise self.error("malformed quoted string")
            value = found[1]
            if b"\\" in value:
                value = _ESCAPED.sub(rb"\1", value)
            if not value.isascii() and not _is_utf8(value):
                raise self.error("quoted string is not UTF-8")  # RFC 9755 §3
            self.pos = found.end()
            return value
        found = _LITERAL.match(text, pos)
        if not found or self._literal_index >= len(self.literals):
            raise self.error("expected a string")
        self.pos = found.end()
        value = self.literals[self._literal_index]
        self._literal_index += 1
        if not found[1] and b"\0" in value:
            raise self.error("literal contains NUL")  # RFC 9051 §9 CHAR8
        return value

    def astring(self) -> bytes:
        """RFC 9051 §9 astring."""
        found = _ASTRING_ATOM.match(self.text, self.pos)
        if found:
            self.pos = found.end()
            return found[0]
        return self.string()

    def nstring(self) -> bytes | None:
        """RFC 9051 §9 nstring."""
        return None if self.try_keyword(b"NIL") else self.string()

    def base64(self) -> bytes:
        """RFC 9051 §9 initial-resp, undecoded: base64, or `=` for an empty response."""
        return self._match(_BASE64, "base64")

    def message_mark(self) -> None:
        """The mark of a message literal, which is not among `literals`, at the end of the text.

        Thunderbird (153), once UTF8=ACCEPT is on, says `UTF8 (~{n+}` ... `)` for every message, as RFC 6855 §4 had it;
        RFC 9755 appendix B.1 took that away.
        """
        if not self.is_at_mark():
            raise self.error("expected a message literal")

    def is_at_mark(self) -> bool:
        """Whether nothing but the mark of a literal that is not among `literals` is left."""
        return _MESSAGE_MARK.fullmatch(self.text, self.pos) is not None

    def mailbox(self) -> str:
        """A mailbox name, decoded by the session's convention and in canonical form."""
        return decode_mailbox(self.astring(), utf8=self.utf8)

    def list_mailbox(self) -> bytes:
        """RFC 9051 §9 list-mailbox, undecoded: a name in which `%` and `*` are wildcards."""
        found = _LIST_MAILBOX.match(self.text, self.pos)
        if found:
            self.pos = found.end()
            return found[0]
        return self.string()

    def sequence_set(self) -> SequenceSet:
        """RFC 9051 §9 sequence-set."""
        try:
            return parse_set(self._match(SET_PATTERN, "a sequence set"))
        except ValueError as fault:
            raise bad(f"Syntax error: {fault}") from None

    def flag_list(self, *, may_be_bare: bool = False) -> FlagList:
        """RFC 9051 §9 flag-list; `may_be_bare` for STORE, whose flags may stand without parentheses."""
        found = _FLAG_LIST.match(self.text, self.pos)
        if found:
            self.pos = found.end()
            return parse_flags(found[1])
        if may_be_bare:
            return parse_flags(self._match(_FLAGS_BARE, "flags"))
        raise self.error("expected a flag list")

    def date(self) -> int:
        """RFC 9051 §9 date: the day's first second, in Unix time."""
        found = _DATE.match(self.text, self.pos)
        if not found or (found[0][:1] == b'"') != (found[0][-1:] == b'"'):
            raise self.error("expected a date")
        try:
            value = parse_date(found[1])
        except ValueError:
            raise self.error("no such date") from None
        self.pos = found.end()
        return value

    def date_time(self) -> int:
        """RFC 9051 §9 date-time, in Unix time."""
        found = _DATE_TIME.match(self.text, self.pos)
        if not found:
            raise self.error("expected a date-time")
        try:
            value = parse_date_time(found[1])
        except ValueError:
            raise self.error("no such date") from None
        self.pos = found.end()
        return value

    def items(self, item: Callable[[], Item], *, may_be_empty: bool = False) -> list[Item]:
        """`(` item *(SP item) `)`."""
        self.expect(b"(")
        found: list[Item] = []
        if may_be_empty and self.take(b")"):
            return found
        found.append(item())
        while not self.take(b")"):
            self.space()
            found.append(item())
            if len(found) > MAX_LIST_ITEMS:
                raise bad("Too many items in a list")
        return found

    def _match(self, pattern: re.Pattern[bytes], what: str) -> bytes:
        found = pattern.match(self.text, self.pos)
        if not found:
            raise self.error(f"expected {what}")
        self.pos = found.end()
        return found[0]


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
