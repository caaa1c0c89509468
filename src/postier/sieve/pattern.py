r"""Regular expressions: from POSIX extended syntax to a program for `automaton`.

Not here: running it. Source: the ERE of POSIX (IEEE 1003.1, chapter 9.4), as the draft of the Sieve regex extension
takes them; and \w \s \d with their opposites and the edges of words \b \B \< \>, which filters in use rely on. No back-references: they cannot be
matched in linear time. Invariants: depth and program size are bounded, whatever the expression says; `.` takes any
character; `^` and `$` are the ends of the value.
"""

from collections.abc import Callable
from enum import Enum

import msgspec

MAX_DEPTH = 50  # groups in groups
MAX_REPEAT = 255  # RE_DUP_MAX of POSIX


class PatternError(ValueError):
    """An expression that is not one, or is too large."""


class Op(Enum):
    """Instructions."""

    TAKE = 0  # one character of a set
    SPLIT = 1  # go on at `first`, and at `second` with less right
    SAVE = 2  # remember the place as number `first`
    START = 3  # only at the start of the value
    END = 4  # only at its end
    MATCH = 5
    EDGE = 6  # only at an edge of a word: number `first` of EDGES


class CharacterSet(msgspec.Struct, frozen=True):
    """Characters: single ones, ranges, classes; or all but these."""

    singles: frozenset[str] = frozenset()
    ranges: tuple[tuple[str, str], ...] = ()
    classes: tuple[Callable[[str], bool], ...] = ()
    is_negated: bool = False
    ignores_case: bool = False

    def has(self, character: str) -> bool:
        """Whether the set takes a character."""
        found = self._has(character)
        if not found and self.ignores_case and character.isascii() and character.isalpha():
            found = self._has(character.swapcase())
        return found is not self.is_negated

    def _has(self, character: str) -> bool:
        if character in self.singles:
            return True
        return any(low <= character <= high for low, high in self.ranges) or any(
            is_in(character) for is_in in self.classes
        )


class Instruction(msgspec.Struct, frozen=True):
    """One instruction; what is not MATCH or SPLIT goes on at the next."""

    op: Op
    first: int = 0
    second: int = 0
    taken: CharacterSet | None = None


_CLASSES: dict[str, Callable[[str], bool]] = {
    "alpha": str.isalpha,
    "digit": lambda each: "0" <= each <= "9",
    "alnum": str.isalnum,
    "upper": str.isupper,
    "lower": str.islower,
    "space": str.isspace,
    "blank": lambda each: each in " \t",
    "punct": lambda each: each.isascii() and each.isprintable() and not each.isalnum() and each != " ",
    "print": str.isprintable,
    "graph": lambda each: each.isprintable() and each != " ",
    "cntrl": lambda each: each < " " or each == "\x7f",
    "xdigit": lambda each: each in "0123456789abcdefABCDEF",
}


def is_word(character: str) -> bool:
    """Whether it can stand in a word."""
    return character.isalnum() or character == "_"


_ESCAPES = {
    "w": CharacterSet(classes=(is_word,)),
    "W": CharacterSet(classes=(is_word,), is_negated=True),
    "s": CharacterSet(classes=(str.isspace,)),
    "S": CharacterSet(classes=(str.isspace,), is_negated=True),
    "d": CharacterSet(classes=(_CLASSES["digit"],)),
    "D": CharacterSet(classes=(_CLASSES["digit"],), is_negated=True),
}
_ANY = CharacterSet(is_negated=True)
EDGES = "bB<>"  # an edge, no edge, the start of a word, its end


def is_edge(number: int, *, is_after_word: bool, is_before_word: bool) -> bool:
    """Whether a place between two characters is an edge of this number."""
    match EDGES[number]:
        case "b":
            return is_after_word is not is_before_word
        case "B":
            return is_after_word is is_before_word
        case "<":
            return is_before_word and not is_after_word
        case _:
            return is_after_word and not is_before_word


class Program(msgspec.Struct, frozen=True):
    """A compiled expression with its number of groups."""

    code: tuple[Instruction, ...]
    groups: int


def compile_pattern(text: str, *, ignores_case: bool, max_program: int) -> Program:
    """The program of an expression; raises PatternError."""
    return _Compiler(text, max_program, ignores_case=ignores_case).program()


Code = list[Instruction]  # with jumps relative to each instruction


class _Compiler:
    """Recursive descent over the expression, as deep as its groups."""

    def __init__(self, text: str, max_program: int, *, ignores_case: bool) -> None:
        self._text = text
        self._at = 0
        self._max = max_program
        self._ignores_case = ignores_case
        self._groups = 0

    def program(self) -> Program:
        code = self._alternatives(0)
        if self._at < len(self._text):
            raise PatternError(f'")" at {self._at + 1} closes nothing')
        whole = [Instruction(Op.SAVE, 0), *code, Instruction(Op.SAVE, 1), Instruction(Op.MATCH)]
        return Program(tuple(_absolute(self._sized(whole))), self._groups)

    def _peek(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    def _sized(self, code: Code) -> Code:
        if len(code) > self._max:
            raise PatternError(f"the expression needs more than {self._max} instructions")
        return code

    def _alternatives(self, depth: int) -> Code:
        if depth > MAX_DEPTH:
            raise PatternError(f"groups are nested deeper than {MAX_DEPTH}")
        branches = [self._branch(depth)]
        while self._peek() == "|":
            self._at += 1
            branches.append(self._branch(depth))
        code = branches.pop()
        while branches:
            first = branches.pop()
            # split first, rest; first; jump over the rest
            jump = Instruction(Op.SPLIT, len(code) + 1, len(code) + 1)
            code = self._sized([Instruction(Op.SPLIT, 1, len(first) + 2), *first, jump, *code])
        return code

    def _branch(self, depth: int) -> Code:
        code: Code = []
        while (character := self._peek()) and character not in "|)":
            code += self._repeated(self._piece(depth))
            self._sized(code)
        if character == ")" and not depth:
            raise PatternError(f'")" at {self._at + 1} closes nothing')
        return code

    def _piece(self, depth: int) -> Code:
        character = self._text[self._at]
        self._at += 1
        match character:
            case "(":
                self._groups += 1
                number = self._groups
                inner = self._alternatives(depth + 1)
                if self._peek() != ")":
                    raise PatternError('a "(" is not closed')
                self._at += 1
                return [Instruction(Op.SAVE, 2 * number), *inner, Instruction(Op.SAVE, 2 * number + 1)]
            case "[":
                return [Instruction(Op.TAKE, taken=self._bracket())]
            case ".":
                return [Instruction(Op.TAKE, taken=_ANY)]
            case "^":
                return [Instruction(Op.START)]
            case "$":
                return [Instruction(Op.END)]
            case "*" | "+" | "?":
                raise PatternError(f'"{character}" at {self._at} repeats nothing')
            case "\\" if self._peek() and self._peek() in EDGES:
                self._at += 1
                return [Instruction(Op.EDGE, EDGES.index(self._text[self._at - 1]))]
            case "\\":
                return [Instruction(Op.TAKE, taken=self._escape())]
            case _:
                return [self._single(character)]

    def _single(self, character: str) -> Instruction:
        taken = CharacterSet(frozenset(character), ignores_case=self._ignores_case)
        return Instruction(Op.TAKE, taken=taken)

    def _escape(self) -> CharacterSet:
        character = self._peek()
        self._at += 1
        if not character:
            raise PatternError('nothing follows the last "\\"')
        if character in _ESCAPES:
            return _ESCAPES[character]
        if character.isdigit():
            raise PatternError("there are no back-references")
        if character.isalpha():
            raise PatternError(f'"\\{character}" has no meaning')
        return CharacterSet(frozenset(character))

    def _repeated(self, code: Code) -> Code:
        while True:
            match self._peek():
                case "*":
                    low, high = 0, None
                case "+":
                    low, high = 1, None
                case "?":
                    low, high = 0, 1
                case "{" if self._text[self._at + 1 : self._at + 2].isdigit():
                    low, high = self._bounds()
                case _:
                    return code
            self._at += 1
            if (low and len(code) * low > self._max) or (high and len(code) * high > self._max):
                raise PatternError(f"the expression needs more than {self._max} instructions")
            code = self._sized(_repeat(code, low, high))

    def _bounds(self) -> tuple[int, int | None]:
        close = self._text.find("}", self._at)
        if close < 0:
            raise PatternError('a "{" is not closed')
        low_text, comma, high_text = self._text[self._at + 1 : close].partition(",")
        self._at = close
        if not _is_bound(low_text) or (high_text and not _is_bound(high_text)):
            raise PatternError(f"a repetition is {{n}}, {{n,}} or {{n,m}}, with numbers up to {MAX_REPEAT}")
        low = int(low_text)
        high = int(high_text) if high_text else None if comma else low
        if high is not None and high < low:
            raise PatternError("a repetition ends before it begins")
        return low, high

    def _bracket(self) -> CharacterSet:
        is_negated = self._peek() == "^"
        self._at += is_negated
        singles: set[str] = set()
        ranges: list[tuple[str, str]] = []
        classes: list[Callable[[str], bool]] = []
        is_first = True
        while True:
            character = self._peek()
            if not character:
                raise PatternError('a "[" is not closed')
            if character == "]" and not is_first:
                self._at += 1
                break
            is_first = False
            if self._text.startswith("[:", self._at):
                close = self._text.find(":]", self._at + 2)
                name = self._text[self._at + 2 : close] if close >= 0 else ""
                if name not in _CLASSES:
                    raise PatternError(f'there is no class "[:{name[:20]}:]"')
                classes.append(_CLASSES[name])
                self._at = close + 2
                continue
            low = self._element()
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                high = self._element()
                if high < low:
                    raise PatternError(f'the range "{low}-{high}" ends before it begins')
                ranges.append((low, high))
            else:
                singles.add(low)
        return CharacterSet(frozenset(singles), tuple(ranges), tuple(classes), is_negated, self._ignores_case)

    def _element(self) -> str:
        """One character, or a collating element of one: [.-.] and [=a=]."""
        for opening in ("[.", "[="):
            if self._text.startswith(opening, self._at):
                close = opening[1] + "]"
                if self._text[self._at + 3 : self._at + 5] != close:
                    raise PatternError("a collating element is one character")
                character = self._text[self._at + 2]
                self._at += 5
                return character
        character = self._text[self._at]
        self._at += 1
        return character


def _is_bound(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= MAX_REPEAT


def _repeat(code: Code, low: int, high: int | None) -> Code:
    size = len(code)
    if high is None:
        loop = [Instruction(Op.SPLIT, 1, size + 2), *code, Instruction(Op.SPLIT, -size - 1, -size - 1)]
        if low:  # code; split back, on
            return [*code * low, Instruction(Op.SPLIT, -size, 1)]
        return loop
    optional: Code = []
    for _ in range(high - low):
        optional = [Instruction(Op.SPLIT, 1, size + len(optional) + 1), *code, *optional]
    return code * low + optional


def _absolute(code: Code) -> Code:
    return [
        Instruction(Op.SPLIT, at + each.first, at + each.second) if each.op is Op.SPLIT else each
        for at, each in enumerate(code)
    ]
