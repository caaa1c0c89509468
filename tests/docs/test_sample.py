"""The README's sample is what the demonstration prints."""

import ast
import re

from tests.docs.pages import ROOT, blocks

JOURNEY = ROOT / "src" / "postier" / "app" / "demo" / "journey.py"
_ROW = re.compile(r"^ *\d+\.\d  (.{38})  (\S.*)$")


def step_patterns() -> list[re.Pattern[str]]:
    """A pattern for each `Step(...)` of the journey: its text, anything in place of values."""
    found = [re.compile(r"ready mx\.\w+\.test")]  # the servers' own lines
    for node in ast.walk(ast.parse(JOURNEY.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Step":
            what = node.args[0]
            parts = what.values if isinstance(what, ast.JoinedStr) else [what]
            found.append(
                re.compile(
                    "".join(
                        re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"[\w.]+"
                        for part in parts
                    )
                )
            )
    return found


def sample() -> list[tuple[str, str]]:
    """The steps of the README's sample, with their facts."""
    (block,) = [block for block in blocks(ROOT / "README.md") if "facts" in block]
    rows = [_ROW.match(line) for line in block.splitlines()[1:]]
    return [(row[1].rstrip(), row[2]) for row in rows if row is not None]


def test_each_step_of_the_sample_is_one_of_the_demonstration() -> None:
    patterns = step_patterns()
    assert [step for step, _ in sample() if not any(pattern.fullmatch(step) for pattern in patterns)] == []


def test_each_step_of_the_demonstration_is_in_the_sample() -> None:
    steps = [step for step, _ in sample()]
    assert [p.pattern for p in step_patterns() if not any(p.fullmatch(step) for step in steps)] == []


def test_every_line_of_the_sample_is_a_step() -> None:
    (block,) = [block for block in blocks(ROOT / "README.md") if "facts" in block]
    assert len(sample()) == len(block.splitlines()) - 1
