"""LIST patterns: does a mailbox name match one of them?

Not here: the LIST command (`commands.list`). Source: RFC 9051 §6.3.9. Invariant: matching takes time linear
in the name times the pattern, for every pattern (each state of the match is one bit; there is no
backtracking).
"""

from collections.abc import Callable, Iterable

from postier.imap.mailbox_names import DELIMITER

MAX_PATTERN_CHARS = 1000
MAX_PATTERNS = 100

NameTest = Callable[[str], bool]


def pattern_test(reference: str, patterns: Iterable[str]) -> NameTest:
    """A test for canonical names: the reference put before each pattern, `*` any text, `%` any text of one level."""
    tests = [_one_test(_canonical_pattern(reference + pattern)) for pattern in patterns]
    if len(tests) == 1:
        return tests[0]
    return lambda name: any(test(name) for test in tests)


def _canonical_pattern(pattern: str) -> str:
    if pattern[:5].upper() == "INBOX" and (len(pattern) == 5 or pattern[5] in "/%*"):
        return "INBOX" + pattern[5:]
    return pattern


def _one_test(pattern: str) -> NameTest:
    prefix = pattern.rstrip("*%")
    tail = pattern[len(prefix) :]
    if "*" not in prefix and "%" not in prefix:
        if not tail:
            return prefix.__eq__
        if "*" in tail:
            return lambda name: name.startswith(prefix)
        start = len(prefix)
        return lambda name: name.startswith(prefix) and DELIMITER not in name[start:]
    return _general_test(pattern)


def _general_test(pattern: str) -> NameTest:
    """Simulate the pattern's automaton: bit n of `states` says that the first n steps are matched."""
    steps: list[str] = []
    for char in pattern:
        if char in "*%" and steps and steps[-1] in "*%":
            steps[-1] = "*" if "*" in (char, steps[-1]) else "%"
        else:
            steps.append(char)
    stays_always = sum(1 << place for place, step in enumerate(steps) if step == "*")
    stays_in_level = sum(1 << place for place, step in enumerate(steps) if step == "%") | stays_always
    moves: dict[str, int] = {}
    for place, step in enumerate(steps):
        if step not in "*%":
            moves[step] = moves.get(step, 0) | 1 << place
    accepted = 1 << len(steps)

    def skip(states: int) -> int:
        # a wildcard may match nothing; adjacent wildcards were merged, so one step is enough
        return states | (states & stays_in_level) << 1

    def test(name: str) -> bool:
        states = skip(1)
        for char in name:
            stays = stays_always if char == DELIMITER else stays_in_level
            states = skip((states & stays) | (states & moves.get(char, 0)) << 1)
            if not states:
                return False
        return bool(states & accepted)

    return test
