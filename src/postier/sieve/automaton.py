"""Running compiled expressions: all ways at once, character by character, never back.

Not here: the syntax (`pattern`). Source: K. Thompson's simulation, with the states of a deterministic automaton made as
they are met for the question "does it match", and threads that carry places for the question "what did the groups
take". Leftmost, then longest. Invariants: time is at most value length times program size, and every step is charged to
the caller, who ends the run when it is too much; what is remembered is bounded by the size of the expression.
"""

from collections.abc import Callable

from postier.sieve.pattern import Op, Program, is_edge, is_word

# What an automaton remembers, in moves and instructions of its states; then it begins anew
MAX_KNOWN_FACTOR = 8  # times the size of the program
MAX_KNOWN_FLOOR = 256

Charge = Callable[[int], None]
Places = tuple[int, ...]


class _State:
    """A set of instructions that wait for a character."""

    __slots__ = ("is_final", "is_final_at_end", "moves", "waiting")

    def __init__(self, waiting: tuple[int, ...], *, is_final: bool, is_final_at_end: bool) -> None:
        self.waiting = waiting
        self.is_final = is_final
        self.is_final_at_end = is_final_at_end
        self.moves: dict[str, _State] = {}


class Automaton:
    """One expression, ready to run."""

    def __init__(self, program: Program) -> None:
        self._code = program.code
        self._groups = program.groups
        self._has_edges = any(each.op is Op.EDGE for each in program.code)
        self._states: dict[tuple[int, ...], _State] = {}
        self._known = 0
        self._max_known = MAX_KNOWN_FLOOR + MAX_KNOWN_FACTOR * len(program.code)
        self._first: _State | None = None

    def is_in(self, value: str, charge: Charge) -> bool:
        """Whether the expression matches anywhere in the value."""
        if self._has_edges:  # a state would have to know the characters around it
            return self.groups(value, charge) is not None
        state = self._first
        if state is None:
            state = self._first = self._state([0], charge, is_start=True)
        for character in value:
            if state.is_final:
                return True
            following = state.moves.get(character)
            if following is None:
                following = self._move(state, character, charge)
            state = following
        return state.is_final or state.is_final_at_end

    def _move(self, state: _State, character: str, charge: Charge) -> _State:
        code = self._code
        taken = [
            at + 1 for at in state.waiting if (each := code[at].taken) is not None and each.has(character)
        ]
        charge(len(state.waiting) + 1)
        following = self._state([*taken, 0], charge, is_start=False)
        if self._known >= self._max_known:
            self._states.clear()
            self._known = 0
            self._first = None
            for known in (state, following):
                known.moves.clear()
        self._known += 1
        state.moves[character] = following
        return following

    def _state(self, places: list[int], charge: Charge, *, is_start: bool) -> _State:
        waiting, is_final, steps = self._reach(places, is_start=is_start, is_end=False)
        _, is_final_at_end, more = self._reach(places, is_start=is_start, is_end=True)
        charge(steps + more)
        key = (*waiting, -1 - is_final - 2 * is_final_at_end)
        found = self._states.get(key)
        if found is None:
            found = _State(waiting, is_final=is_final, is_final_at_end=is_final_at_end)
            self._states[key] = found
            self._known += len(waiting)
        return found

    def _reach(self, places: list[int], *, is_start: bool, is_end: bool) -> tuple[tuple[int, ...], bool, int]:
        """The instructions that take a character, reached without taking one; whether MATCH is reached; the steps."""
        code = self._code
        seen: set[int] = set()
        waiting: list[int] = []
        is_final = False
        stack = list(places)
        while stack:
            at = stack.pop()
            if at in seen:
                continue
            seen.add(at)
            each = code[at]
            match each.op:
                case Op.TAKE:
                    waiting.append(at)
                case Op.SPLIT:
                    stack += (each.second, each.first)
                case Op.SAVE:
                    stack.append(at + 1)
                case Op.START:
                    if is_start:
                        stack.append(at + 1)
                case Op.END:
                    if is_end:
                        stack.append(at + 1)
                case Op.MATCH:
                    is_final = True
        waiting.sort()
        return tuple(waiting), is_final, len(seen)

    def groups(self, value: str, charge: Charge) -> list[str] | None:
        """What the whole and each group took, leftmost and longest; None when nothing matches."""
        blank: Places = (-1,) * (2 * self._groups + 2)
        best: Places | None = None
        threads: list[tuple[int, Places]] = []
        length = len(value)
        for at in range(length + 1):
            if best is None:
                threads.append((0, blank))
            elif not threads:
                break
            reached, final, steps = self._spread(threads, at, value)
            charge(len(threads) + steps + 1)
            if final is not None and (best is None or final[0] <= best[0]):
                best = final
            if at == length:
                break
            character = value[at]
            code = self._code
            threads = [
                (place + 1, saved)
                for place, saved in reached
                if (taken := code[place].taken) is not None
                and (best is None or saved[0] <= best[0])
                and taken.has(character)
            ]
        if best is None:
            return None
        return [
            value[best[i] : best[i + 1]] if best[i] >= 0 and best[i + 1] >= 0 else ""
            for i in range(0, len(best), 2)
        ]

    def _spread(
        self, threads: list[tuple[int, Places]], at: int, value: str
    ) -> tuple[list[tuple[int, Places]], Places | None, int]:
        """The threads that wait for a character, the one with more right first, the best that has matched, and how many
        instructions that took.
        """
        code = self._code
        seen: set[int] = set()
        reached: list[tuple[int, Places]] = []
        final: Places | None = None
        stack = threads[::-1]
        while stack:
            place, saved = stack.pop()
            if place in seen:
                continue
            seen.add(place)
            each = code[place]
            match each.op:
                case Op.TAKE:
                    reached.append((place, saved))
                case Op.SPLIT:
                    stack.append((each.second, saved))
                    stack.append((each.first, saved))
                case Op.SAVE:
                    stack.append((place + 1, (*saved[: each.first], at, *saved[each.first + 1 :])))
                case Op.START:
                    if not at:
                        stack.append((place + 1, saved))
                case Op.END:
                    if at == len(value):
                        stack.append((place + 1, saved))
                case Op.EDGE:
                    if _is_edge_at(each.first, value, at):
                        stack.append((place + 1, saved))
                case Op.MATCH:
                    if final is None:
                        final = saved
        return reached, final, len(seen)


def _is_edge_at(number: int, value: str, at: int) -> bool:
    return is_edge(
        number,
        is_after_word=at > 0 and is_word(value[at - 1]),
        is_before_word=at < len(value) and is_word(value[at]),
    )
