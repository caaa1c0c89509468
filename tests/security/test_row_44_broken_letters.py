"""SECURITY 44: long lines, NUL, 8-bit, a header that ends with a line that is not empty: one defined normal form."""

from pathlib import Path

import pytest

from postier.mime.headers import split_header
from postier.mime.normalise import is_canonical, normalise

CORPUS = sorted((Path(__file__).parents[1] / "mime" / "corpus").glob("*.eml"))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_the_normal_form_is_stable(path: Path) -> None:
    normal = normalise(path.read_bytes())
    assert is_canonical(normal)
    assert normalise(normal) == normal
    assert "header-not-ended" not in split_header(normal).defects
