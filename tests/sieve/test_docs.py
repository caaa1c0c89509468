"""The examples of docs/sieve.md are run in one namespace, top to bottom; its list of extensions is the real one."""

import re
from pathlib import Path

from postier.sieve.script import capabilities

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sieve.md"


def test_the_examples_run():
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 6
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), namespace)  # noqa: S102 # our own page


def test_the_extensions_are_listed():
    text = PAGE.read_text(encoding="utf-8")
    listed = text.partition("takes some\naway.\n\n")[2].partition("\n\n")[0]
    assert tuple(re.split(r",\s+", listed)) == capabilities()
