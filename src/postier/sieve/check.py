"""From the tree to what runs: every name, type, tag and `require` is checked once, and closures come out.

Not here: what single commands check and do (`commands`, `tests`, `ext`). Source: RFC 5228 §2.10.5, §2.10.6, §3.1, §3.2;
RFC 5463 §4. With `ihave` required, what is not required itself becomes an error of the run instead of the script.
Invariants: all mistakes are found in one pass, up to `ScriptLimits.problems`; the depth of calls is that of the tree,
which `parse` bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from postier.sieve import vocabulary
from postier.sieve.arguments import sort_arguments
from postier.sieve.comparators import ALWAYS_THERE, COMPARATORS
from postier.sieve.problems import Problem, RunError, ScriptError, Source, nearest
from postier.sieve.running import Op, Run, Test
from postier.sieve.spec import Capabilities, Command, Tests
from postier.sieve.texts import NAME, Scope, Text, Variable, decode_characters, template
from postier.sieve.tracing import describe, traced_op, traced_test
from postier.sieve.tree import Node, StringArgument

if TYPE_CHECKING:
    from postier.sieve.limits import ScriptLimits

# RFC 5463 §4: what changes how the script is read cannot come later
_NOT_BY_IHAVE = frozenset({"encoded-character", "variables", "ihave"})
# RFC 6785 §3.11, RFC 7352 §3.4: they are about delivering
NOT_AT_IMAP_EVENTS = frozenset({"reject", "ereject", "vacation", "vacation-seconds", "duplicate"})
_COMPARATOR = "comparator-"


class Compiler:
    """Checks and compiles one script."""

    def __init__(
        self, source: Source, limits: ScriptLimits, disabled: frozenset[str], *, is_traced: bool
    ) -> None:
        self._source = source
        self.limits = limits
        self.is_traced = is_traced
        self.problems: list[Problem] = []
        self.required: set[str] = set()
        self.globals: set[str] = set()  # names that `global` has declared so far
        self.assigned: set[str] = set()  # names that `set` has used so far
        self.loops: list[str | None] = []  # the names of the loops around
        self.regex_size = 0  # instructions of the regular expressions so far
        self._supported = vocabulary.CAPABILITIES - disabled
        self._guards: list[Capabilities] = []

    def line(self, offset: int) -> int:
        """The line of an offset."""
        return self._source.line(offset)

    def report(self, offset: int, message: str) -> None:
        """A mistake that no run can mend; when there are too many, ScriptError."""
        self.problems.append(self._source.problem(offset, message))
        if len(self.problems) >= self.limits.problems:
            self.fail()

    def fail(self) -> None:
        """Raise ScriptError when there are problems."""
        if self.problems:
            raise ScriptError(tuple(sorted(set(self.problems))))

    def unsupported(self, offset: int, message: str) -> None:
        """Something unknown: with `ihave` it is an error only if it runs (RFC 5463 §4)."""
        if "ihave" not in self.required:
            self.report(offset, message)

    def is_supported(self, needs: Capabilities) -> bool:
        """Whether one of the capabilities is there at all."""
        return not needs or any(each in self._supported for each in needs)

    def supports(self, name: str) -> bool:
        """Whether `require` and `ihave` find the capability."""
        return name in self._supported

    def may_enable(self, name: str) -> bool:
        """Whether `ihave` may switch it on."""
        return name in self.required or (self.supports(name) and name not in _NOT_BY_IHAVE)

    def has(self, name: str) -> bool:
        """Whether the script requires it."""
        return name in self.required

    def demand(self, needs: Capabilities, offset: int, what: str) -> bool:
        """Whether the script may use what `needs` one of these; reports it if not."""
        if not needs or any(each in self.required for each in needs):
            return True
        if not self.is_supported(needs) and not any(self.supports(each) for each in needs):
            self.unsupported(offset, f'{what} needs the extension "{needs[0]}", which is not available')
            return False
        if "ihave" in self.required and not all(each in _NOT_BY_IHAVE for each in needs):
            self._guards.append(needs)
            return True
        self.report(offset, f'{what} needs require "{needs[0]}"')
        return False

    def demand_comparator(self, name: str, offset: int) -> bool:
        """RFC 5228 §2.7.3: comparators are extensions, but for two."""
        if name in ALWAYS_THERE:
            return True
        if name not in COMPARATORS:
            self.unsupported(
                offset, f'there is no comparator "{name[:40]}"{nearest(name, list(COMPARATORS))}'
            )
            return False
        return self.demand((_COMPARATOR + name,), offset, f'the comparator "{name}"')

    def text(self, offset: int, written: str) -> Text:
        """A string of the script, ready to be expanded."""
        try:
            if "encoded-character" in self.required:
                written = decode_characters(written)
            if "variables" in self.required:
                return template(written, self._variable)
        except ValueError as error:
            self.report(offset, str(error))
        return written

    def constant(self, text: Text, offset: int, what: str) -> str | None:
        """The string of a place where no variables may be."""
        if isinstance(text, str):
            return text
        self.report(offset, f"{what} must be a string without variables")
        return None

    def name_of_variable(self, text: Text, offset: int) -> Variable | None:
        """A variable that can be set (RFC 5229 §4, RFC 6609 §3.4.2)."""
        written = self.constant(text, offset, "the name of a variable")
        if written is None:
            return None
        match = NAME.fullmatch(written)
        namespace = (match[1] or "").lower() if match else ""
        if match is None or match[2].isdigit() or namespace not in ("", "global"):
            self.report(offset, f'"{written[:40]}" is no name of a variable that can be set')
            return None
        if len(match[2]) > self.limits.variable_name_characters:
            limit = self.limits.variable_name_characters
            self.report(offset, f"the name of a variable is longer than {limit} characters")
            return None
        try:
            return self._variable(namespace, match[2].lower())
        except ValueError as error:
            self.report(offset, str(error))
            return None

    def _variable(self, namespace: str, name: str) -> Variable:
        if namespace == "global" and "include" in self.required and not name.isdigit():
            return Variable(Scope.GLOBAL, name)
        if namespace:
            raise ValueError(f'there is no namespace "{namespace[:40]}" for variables')
        if not name.isdigit():
            return Variable(Scope.GLOBAL if name in self.globals else Scope.SCRIPT, name)
        number = name.lstrip("0") or "0"
        if len(number) > 3 or int(number) > self.limits.match_variables:
            raise ValueError(f"there are match variables up to ${{{self.limits.match_variables}}} only")
        return Variable(Scope.MATCH, name, int(number))

    def script(self, nodes: tuple[Node, ...]) -> Op:
        """All commands of a script."""
        count = 0
        for node in nodes:
            if node.name != "require":
                break
            self._require(node)
            count += 1
        if "imapsieve" in self.required:
            for name in sorted(self.required & NOT_AT_IMAP_EVENTS):
                self.report(nodes[0].offset, f'"{name}" cannot be used with "imapsieve"')
        return self.block(nodes[count:])

    def _require(self, node: Node) -> None:
        if len(node.arguments) != 1 or not isinstance(node.arguments[0], StringArgument) or node.tests:
            self.report(node.offset, '"require" takes a string or a list of strings')
            return
        if node.block is not None:
            self.report(node.offset, '"require" takes no block')
        argument = node.arguments[0]
        for name, offset in zip(argument.values, argument.offsets, strict=True):
            if self.supports(name):
                self.required.add(name)
            else:
                known = sorted(self._supported)
                self.report(offset, f'there is no extension "{name[:60]}"{nearest(name, known)}')

    def block(self, nodes: Sequence[Node]) -> Op:
        """Commands one after the other, with `if`, `elsif` and `else` brought together."""
        ops: list[tuple[int, Op]] = []
        index = 0
        while index < len(nodes):
            node = nodes[index]
            index += 1
            if node.name != "if":
                op = self._command(node)
            else:
                chain = [node]
                while index < len(nodes) and nodes[index].name in ("elsif", "else"):
                    chain.append(nodes[index])
                    index += 1
                    if chain[-1].name == "else":
                        break
                op = self._conditional(chain)
            ops.append((self.line(node.offset), op))
        return _sequence(tuple(ops))

    def _conditional(self, chain: list[Node]) -> Op:
        branches: list[tuple[int, Test, Op]] = []
        otherwise: Op | None = None
        tests = 0
        for node in chain:
            if node.arguments:
                self.report(node.arguments[0].offset, f'"{node.name}" takes no arguments before its test')
            if node.block is None:
                self.report(node.offset, f'"{node.name}" needs a block in {{ }}')
            wanted = 0 if node.name == "else" else 1
            if len(node.tests) != wanted or node.has_test_list:
                self.report(node.offset, f'"{node.name}" takes {"one test" if wanted else "no test"}')
                continue
            if wanted:
                tests += _count(node)
                test = self.test(node.tests[0])
                branches.append((self.line(node.offset), test, self.block(node.block or ())))
            else:
                otherwise = self.block(node.block or ())
        return _choice(tuple(branches), otherwise, tests)

    def _command(self, node: Node) -> Op:
        if node.name == "require":
            self.report(node.offset, '"require" must stand before all other commands')
            return _nothing
        if node.name in ("elsif", "else"):
            self.report(node.offset, f'"{node.name}" must follow an "if" or "elsif"')
            return _nothing
        op = cast("Op | None", self._built(node, vocabulary.COMMANDS, "command"))
        if op is None:
            return _failing(f'"{node.name}" is not available')
        return traced_op(op, self.line(node.offset), describe(node)) if self.is_traced else op

    def test(self, node: Node) -> Test:
        """One test."""
        test = cast("Test | None", self._built(node, vocabulary.TESTS, "test"))
        if test is None:
            return _failing_test(f'"{node.name}" is not available')
        return traced_test(test, self.line(node.offset), describe(node)) if self.is_traced else test

    def _built(self, node: Node, words: dict[str, Command], what: str) -> Op | Test | None:
        outer, self._guards = self._guards, []
        try:
            built = self._build(node, words, what)
            guards = tuple(self._guards)
        finally:
            self._guards = outer
        if built is None or not guards:
            return built
        return _guarded(built, guards, node.name)

    def _build(self, node: Node, words: dict[str, Command], what: str) -> Op | Test | None:
        command = words.get(node.name)
        if command is None:
            others = vocabulary.TESTS if words is vocabulary.COMMANDS else vocabulary.COMMANDS
            if node.name in others:
                told = f'"{node.name}" is a {"test" if what == "command" else "command"}, not a {what}'
                self.report(node.offset, told)
            else:
                told = f'there is no {what} "{node.name[:40]}"{nearest(node.name, list(words))}'
                self.unsupported(node.offset, told)
            return None
        if not self.demand(command.needs, node.offset, f'"{node.name}"'):
            return None
        arguments = sort_arguments(self, command, vocabulary.tags_of(command), node)
        if not self._shape_is_right(command, node) or arguments is None:
            for test in node.tests:
                self.test(test)
            if node.block:
                self.block(node.block)
            return None
        if command.tests is not Tests.NONE:
            arguments.tests = tuple([self.test(test) for test in node.tests])
        built: Op | Test | None = command.build(self, arguments)
        return built

    def _shape_is_right(self, command: Command, node: Node) -> bool:
        match command.tests:
            case Tests.NONE:
                is_right = not node.tests
            case Tests.ONE:
                is_right = len(node.tests) == 1 and not node.has_test_list
            case Tests.LIST:
                is_right = node.has_test_list
        if not is_right:
            self.report(node.offset, f'"{node.name}" takes {command.tests.value}')
        if (node.block is not None) is not command.has_block:
            is_right = False
            needs = "needs a block in { }" if command.has_block else 'takes no block; it ends with ";"'
            self.report(node.offset, f'"{node.name}" {needs}')
        return is_right


def _count(node: Node) -> int:
    count, waiting = 0, list(node.tests)
    while waiting:
        count += 1
        waiting.extend(waiting.pop().tests)
    return count


def _sequence(ops: tuple[tuple[int, Op], ...]) -> Op:
    count = len(ops)

    def run_all(run: Run) -> None:
        run.count_steps(count)
        for line, op in ops:
            run.line = line
            op(run)

    return run_all


def _choice(branches: tuple[tuple[int, Test, Op], ...], otherwise: Op | None, tests: int) -> Op:
    def choose(run: Run) -> None:
        run.count_steps(tests)
        for line, test, op in branches:
            run.line = line
            if test(run):
                op(run)
                return
        if otherwise is not None:
            otherwise(run)

    return choose


def _nothing(run: Run) -> None:
    """What stands for a command that is wrong."""


def _failing(message: str) -> Op:
    def fail(_: Run) -> None:
        raise RunError(message)

    return fail


def _failing_test(message: str) -> Test:
    def fail(_: Run) -> bool:
        raise RunError(message)

    return fail


def _guarded(built: Op | Test, guards: tuple[Capabilities, ...], name: str) -> Op | Test:
    """RFC 5463 §4 (1): usable from the successful `ihave` on, all the way to the end of the script."""

    def guarded(run: Run) -> Any:
        for needs in guards:
            if run.frame.enabled.isdisjoint(needs):
                raise RunError(
                    f'"{name}" needs the extension "{needs[0]}", which no "ihave" has found so far'
                )
        return built(run)

    return guarded
