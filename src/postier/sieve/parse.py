"""From tokens to a tree.

Not here: whether commands exist and take what they are given (`check`). Source: RFC 5228 §8.2. Invariants: the parser
goes down one call for each block or test inside another, and `ScriptLimits.nesting` bounds that; one look ahead, linear;
the first mistake ends it with a ScriptError.
"""

from collections.abc import Iterator
from typing import NoReturn

from postier.sieve.lex import Kind, Token, tokens
from postier.sieve.limits import ScriptLimits
from postier.sieve.problems import ScriptError, Source
from postier.sieve.tree import Argument, Node, NumberArgument, StringArgument, TagArgument


def parse(source: Source, limits: ScriptLimits) -> tuple[Node, ...]:
    """The commands of a script; raises ScriptError."""
    return _Parser(source, limits).script()


class _Parser:
    """Reads one script."""

    def __init__(self, source: Source, limits: ScriptLimits) -> None:
        self._source = source
        self._limits = limits
        self._tokens: Iterator[Token] = tokens(source, limits)
        self._token = next(self._tokens)
        self._nodes = 0

    def script(self) -> tuple[Node, ...]:
        commands: list[Node] = []
        while self._token.kind is not Kind.END:
            commands.append(self._command(0))
        return tuple(commands)

    def _fail(self, offset: int, message: str) -> NoReturn:
        raise ScriptError((self._source.problem(offset, message),))

    def _next(self) -> Token:
        token = self._token
        if token.kind is not Kind.END:
            self._token = next(self._tokens)
        return token

    def _is_mark(self, marks: str) -> bool:
        return self._token.kind is Kind.MARK and self._token.text in marks

    def _expect(self, mark: str, where: str) -> None:
        if not self._is_mark(mark):
            self._fail(self._token.offset, f'expected "{mark}" {where}, found {_shown(self._token)}')
        self._next()

    def _command(self, depth: int) -> Node:
        name = self._name("a command", depth)
        arguments = self._arguments()
        tests, has_list = self._tests(depth)
        block: tuple[Node, ...] | None = None
        if self._is_mark("{"):
            block = self._block(depth + 1)
        elif self._is_mark(";"):
            self._next()
        else:
            wanted = '";" or "{"' if tests else '";", an argument or "{"'
            self._fail(
                self._token.offset, f'expected {wanted} after "{name.text}", found {_shown(self._token)}'
            )
        return Node(name.offset, name.text, arguments, tests, has_list, block)

    def _block(self, depth: int) -> tuple[Node, ...]:
        opening = self._next()
        commands: list[Node] = []
        while not self._is_mark("}"):
            if self._token.kind is Kind.END:
                self._fail(opening.offset, 'this "{" has no "}"')
            commands.append(self._command(depth))
        self._next()
        return tuple(commands)

    def _test(self, depth: int) -> Node:
        name = self._name("a test", depth)
        arguments = self._arguments()
        tests, has_list = self._tests(depth)
        return Node(name.offset, name.text, arguments, tests, has_list)

    def _name(self, what: str, depth: int) -> Token:
        token = self._token
        if token.kind is not Kind.WORD:
            self._fail(token.offset, f"expected {what}, found {_shown(token)}")
        if depth > self._limits.nesting:
            self._fail(token.offset, f"blocks and tests are nested deeper than {self._limits.nesting}")
        self._nodes += 1
        if self._nodes > self._limits.commands:
            self._fail(token.offset, f"the script has more than {self._limits.commands} commands and tests")
        return self._next()

    def _tests(self, depth: int) -> tuple[tuple[Node, ...], bool]:
        if self._token.kind is Kind.WORD:
            return (self._test(depth + 1),), False
        if not self._is_mark("("):
            return (), False
        self._next()
        found = [self._test(depth + 1)]
        while self._is_mark(","):
            self._next()
            found.append(self._test(depth + 1))
        self._expect(")", "or a comma after the tests")
        return tuple(found), True

    def _arguments(self) -> tuple[Argument, ...]:
        found: list[Argument] = []
        while True:
            token = self._token
            match token.kind:
                case Kind.TAG:
                    found.append(TagArgument(token.offset, token.text))
                    self._next()
                case Kind.NUMBER:
                    found.append(NumberArgument(token.offset, token.number))
                    self._next()
                case Kind.STRING:
                    found.append(StringArgument(token.offset, (token.text,), (token.offset,), is_list=False))
                    self._next()
                case Kind.MARK if token.text == "[":
                    found.append(self._list())
                case _:
                    return tuple(found)
            if len(found) > self._limits.list_strings:
                self._fail(token.offset, f"a command has more than {self._limits.list_strings} arguments")

    def _list(self) -> StringArgument:
        opening = self._next()
        values: list[str] = []
        offsets: list[int] = []
        while True:
            if self._token.kind is not Kind.STRING:
                self._fail(self._token.offset, f"expected a string in the list, found {_shown(self._token)}")
            token = self._next()
            values.append(token.text)
            offsets.append(token.offset)
            if len(values) > self._limits.list_strings:
                self._fail(token.offset, f"a list holds more than {self._limits.list_strings} strings")
            if not self._is_mark(","):
                break
            self._next()
        self._expect("]", "or a comma after a string of the list")
        return StringArgument(opening.offset, tuple(values), tuple(offsets), is_list=True)


def _shown(token: Token) -> str:
    match token.kind:
        case Kind.WORD | Kind.TAG | Kind.MARK:
            return f'"{token.text[:40]}"'
        case _:
            return str(token.kind.value)
