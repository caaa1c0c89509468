"""The examples of docs/mailauth.md are run in one namespace, top to bottom."""

import pathlib
import re

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "mailauth.md"


def test_the_examples_hold():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 9
    namespace = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), namespace)  # noqa: S102 -- our own page
