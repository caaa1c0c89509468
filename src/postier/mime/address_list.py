"""Address lists in header fields: mailboxes and groups, as written and as broken.

Not here: the one addr-spec value (`address`), SMTP paths. Source: RFC 5322 §3.4, §4.4; RFC 6532 §3.2; RFC 6854.
Values stay octets as in the field (unquoted, not decoded: ENVELOPE needs them so); `.name` and `.address` give text.
Invariants: never fails, linear, iterative, at most MAX_ADDRESSES entries (groups and their members together).
"""

import re

import msgspec

from postier.mime import encoded_words
from postier.mime.address import Address
from postier.mime.comments import comment_end

MAX_ADDRESSES = 10_000

# The three forms that nearly all mail uses, up to the next comma; anything else is read token by token
_USUAL = re.compile(
    rb'[ \t]*+(?:(?:"([^"\\\r\n]*+)"|([^\x00-\x20"(),:;<>@\[\\\]]++(?:[ \t]++[^\x00-\x20"(),:;<>@\[\\\]]++)*))?'
    rb"[ \t]*+<([^\x00-\x20\"(),:;<>@\[\\\]]++)@([^\x00-\x20\"(),:;<>@\[\\\]]++)>"
    rb"|([^\x00-\x20\"(),:;<>@\[\\\]]++)@([^\x00-\x20\"(),:;<>@\[\\\]]++))[ \t]*+(?:,|\Z)"
)
_LEXEME = re.compile(
    rb'[\x00-\x20]++|"(?:[^"\\]++|\\.)*(?:"|\\?\Z)|\[(?:[^\]\\]++|\\.)*(?:\]|\\?\Z)'
    rb'|[^\x00-\x20"(),:;<>@\[\]\\]++|.',
    re.DOTALL,
)
_NEEDS_QUOTES = re.compile(r'[\s"(),:;<>@\[\]\\]')
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)


class Mailbox(msgspec.Struct, frozen=True, gc=False):
    """One mailbox; `display` is the phrase (or the comment after an old-style address), None when there is none.

    `local` is without its quotes; an empty `domain` says that there was no `@`.
    """

    display: bytes | None
    local: bytes
    domain: bytes
    route: bytes | None = None

    @property
    def name(self) -> str:
        """The display name for people, decoded; empty when there is none."""
        return encoded_words.decode(self.display) if self.display else ""

    @property
    def address(self) -> str:
        """`local@domain` as text, the local part quoted if it must be; only `local` when there is no domain."""
        local = encoded_words.undecoded(self.local)
        if _NEEDS_QUOTES.search(local):
            escaped = local.replace("\\", "\\\\").replace('"', '\\"')
            local = f'"{escaped}"'
        return f"{local}@{encoded_words.undecoded(self.domain)}" if self.domain else local

    def addr_spec(self) -> Address | None:
        """The address as a checked value, or None when it is not one."""
        local, domain = self.local.decode("utf-8", "replace"), self.domain.decode("utf-8", "replace")
        escaped = local.replace("\\", "\\\\").replace('"', '\\"')
        for text in (f"{local}@{domain}", f'"{escaped}"@{domain}'):
            try:
                return Address.parse(text)
            except ValueError:
                continue
        return None


class Group(msgspec.Struct, frozen=True, gc=False):
    """A named group; it may be empty (`undisclosed-recipients:;`)."""

    display: bytes
    members: tuple[Mailbox, ...]

    @property
    def name(self) -> str:
        """The group's name for people, decoded."""
        return encoded_words.decode(self.display)


class AddressList(msgspec.Struct, frozen=True, gc=False):
    """The entries of a field; `is_truncated` when there were more than MAX_ADDRESSES."""

    entries: tuple[Mailbox | Group, ...] = ()
    is_truncated: bool = False

    @property
    def mailboxes(self) -> tuple[Mailbox, ...]:
        """All mailboxes, those of groups included, in order."""
        result: list[Mailbox] = []
        for entry in self.entries:
            match entry:
                case Mailbox():
                    result.append(entry)
                case Group():
                    result.extend(entry.members)
        return tuple(result)


EMPTY = AddressList()


def parse_address_list(value: bytes, limit: int = MAX_ADDRESSES) -> AddressList:
    """Read an unfolded address field; what makes no sense is left out."""
    entries: list[Mailbox | Group] = []
    position, end = 0, len(value)
    while position < end and (match := _USUAL.match(value, position)):
        if len(entries) == limit:
            return AddressList(tuple(entries), is_truncated=True)
        quoted, phrase, local, domain, bare_local, bare_domain = match.groups()
        if bare_local is not None:
            entries.append(Mailbox(None, bare_local, bare_domain))
        else:
            if phrase is not None and (b"\t" in phrase or b"  " in phrase):
                phrase = b" ".join(phrase.split())
            entries.append(Mailbox(phrase if quoted is None else quoted, local, domain))
        position = match.end()
    if position < end:
        reader = _Reader(entries, limit)
        reader.read(value, position)
        return AddressList(tuple(entries), reader.is_full)
    return AddressList(tuple(entries))


class _Reader:
    """Reads token by token what the usual forms do not cover; tolerates anything."""

    __slots__ = ("angle", "comment", "entries", "group", "is_full", "limit", "members", "room", "words")

    def __init__(self, entries: list[Mailbox | Group], limit: int) -> None:
        self.entries = entries
        self.limit = limit
        self.room = limit - len(entries)
        self.is_full = False
        self.group: bytes | None = None
        self.members: list[Mailbox] = []
        self._clear()

    def _clear(self) -> None:
        self.words: list[bytes] = []  # lexemes of the current entry before `<`, b" " for white space
        self.angle: list[bytes] | None = None  # lexemes inside `<...>`
        self.comment: bytes | None = None

    def read(self, value: bytes, position: int) -> None:
        is_inside = False
        while not self.is_full and (match := _LEXEME.match(value, position)):
            lexeme = match[0]
            position = match.end()
            if lexeme == b"(":
                end = comment_end(value, position - 1)
                self.comment = value[position : end - 1] if value[end - 1 : end] == b")" else value[position:]
                position = end
                lexeme = b" "
            if is_inside:
                is_inside = self._read_inside(lexeme)
            elif lexeme == b"<":
                if self.angle is not None:  # a missing comma
                    self._finish_mailbox()
                self.angle = []
                is_inside = True
            elif lexeme == b",":
                self._finish_mailbox()
            elif lexeme == b";":  # ends a group; elsewhere some mailers write it for a comma
                self._finish_mailbox()
                self._finish_group()
            elif lexeme == b":" and self.group is None and self.angle is None and b"@" not in self.words:
                self.group = _phrase(self.words) or b""
                self._clear()
            elif lexeme[0] <= 0x20:
                self.words.append(b" ")
            else:
                if self.angle is not None:
                    self._finish_mailbox()
                self.words.append(lexeme)
        self._finish_mailbox()
        self._finish_group()

    def _read_inside(self, lexeme: bytes) -> bool:
        """One lexeme between `<` and `>`; False at the end."""
        angle = self.angle
        if angle is None or lexeme == b">":
            return False
        if lexeme == b"," and angle[:1] != [b"@"]:  # no source route: the `>` is missing
            self._finish_mailbox()
            return False
        if lexeme[0] > 0x20 and lexeme != b"<":
            angle.append(lexeme)
        return True

    def _finish_mailbox(self) -> None:
        words, angle, comment = self.words, self.angle, self.comment
        self._clear()
        mailbox = _bare(words, comment) if angle is None else _angled(words, angle, comment)
        if mailbox is None:
            return
        if not self.room:
            self.is_full = True
            return
        self.room -= 1
        if self.group is None:
            self.entries.append(mailbox)
        else:
            self.members.append(mailbox)

    def _finish_group(self) -> None:
        if self.group is not None:
            if self.room or self.members:
                self.room = max(0, self.room - 1)
                self.entries.append(Group(self.group, tuple(self.members)))
            else:
                self.is_full = True
            self.group = None
            self.members = []


def _angled(words: list[bytes], angle: list[bytes], comment: bytes | None) -> Mailbox | None:
    route: bytes | None = None
    if angle[:1] == [b"@"] and b":" in angle:  # RFC 5322 §4.4 obs-route
        colon = angle.index(b":")
        route = b"".join(angle[:colon])
        angle = angle[colon + 1 :]
    local, domain = _addr_spec(angle)
    display = _phrase(words)
    if display is None and comment:
        display = _QUOTED_PAIR.sub(rb"\1", comment).strip()
    if not local and not domain and display is None:
        return None
    return Mailbox(display, local, domain, route)


def _bare(words: list[bytes], comment: bytes | None) -> Mailbox | None:
    """An entry without angle brackets: `local@domain (Name)`, or only words."""
    if b"@" not in words:
        phrase = _phrase(words)
        if phrase is None:
            return None
        if b" " in phrase or words[0][:1] == b'"':
            return Mailbox(phrase, b"", b"")
        return Mailbox(None, phrase, b"")
    at = len(words) - 1 - words[::-1].index(b"@")
    local_start = _local_start(words, at)
    local, domain = _addr_spec(words[local_start:])
    display = _phrase(words[:local_start])
    if display is None and comment:
        display = _QUOTED_PAIR.sub(rb"\1", comment).strip()
    return Mailbox(display, local, domain)


def _local_start(words: list[bytes], at: int) -> int:
    """Where the local part before the `@` at index `at` begins; white space around its dots is RFC 5322 §4.4 obs."""
    start = at
    is_joined = True  # the lexeme before belongs to the local part
    while start:
        before = words[start - 1]
        if before == b" ":
            is_joined = is_joined and words[start : start + 1] in ([b"@"], [b"."], [b" "])
        elif is_joined or before == b".":
            is_joined = True
        else:
            break
        start -= 1
    return start


def _addr_spec(lexemes: list[bytes]) -> tuple[bytes, bytes]:
    """Local part and domain of lexemes without their white space; split at the last `@`."""
    lexemes = [lexeme for lexeme in lexemes if lexeme != b" "]
    if b"@" not in lexemes:
        return b"".join([_unquoted(lexeme) for lexeme in lexemes]), b""
    at = len(lexemes) - 1 - lexemes[::-1].index(b"@")
    return b"".join([_unquoted(lexeme) for lexeme in lexemes[:at]]), b"".join(lexemes[at + 1 :])


def _phrase(words: list[bytes]) -> bytes | None:
    """The words as one phrase: quotes removed, white space as one space; None when there are none."""
    text = b"".join([_unquoted(word) for word in words])
    text = b" ".join(text.split())
    return text or None


def _unquoted(lexeme: bytes) -> bytes:
    if lexeme[:1] != b'"':
        return lexeme
    inner = lexeme[1:-1] if len(lexeme) > 1 and lexeme[-1:] == b'"' else lexeme[1:]
    return _QUOTED_PAIR.sub(rb"\1", inner) if b"\\" in inner else inner
