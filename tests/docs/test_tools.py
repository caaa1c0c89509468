"""The checks of the tree pass on it, and fail on what they are there for."""

from pathlib import Path

import pytest
from tools import check_purity, check_rfc_index, check_sizes, generate_limits

from tests.docs.pages import ROOT


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty tree that the checks look at."""
    (tmp_path / "src/postier/smtp").mkdir(parents=True)
    (tmp_path / "docs/rfc").mkdir(parents=True)
    (tmp_path / "docs/rfc/index.tsv").write_text("5321\tSMTP\tpartial\tsmtp\t\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(tree: Path, text: str) -> Path:
    path = tree / "src/postier/smtp/module.py"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "check", [check_purity, check_rfc_index, check_sizes], ids=lambda tool: tool.__name__
)
def test_the_tree_passes(check: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert check.main() == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "line",
    [
        "async def f() -> None: ...",
        "async def f(x) -> None:\n    await x",
        "open('x')",
        "print('x')",
        "eval('1')",
    ],
)
def test_impurity_is_noticed(tree: Path, line: str) -> None:
    write(tree, '"""Pure."""\n')
    assert check_purity.main() == 0
    write(tree, f'"""Not pure."""\n{line}\n')
    assert check_purity.main() == 1


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ('"""Fine."""\n', False),
        ("x = 1\n", True),
        ('"""Long."""\n' + "x = 1\n" * 420, True),
        ('"""Longer than most because it is so."""\n' + "x = 1\n" * 420, False),
        ('"""Longer than most because it is so."""\n' + "x = 1\n" * 620, True),
        ('"""The table."""\n' + "x = 1\n" * 620, False),
    ],
    ids=["short", "no docstring", "long", "long with a reason", "too long", "a table"],
)
def test_sizes_are_noticed(tree: Path, text: str, *, fails: bool) -> None:
    write(tree, text)
    assert check_sizes.main() == fails


def test_an_unlisted_rfc_is_noticed(tree: Path) -> None:
    write(tree, '"""Source: RFC 5321."""\n')
    assert check_rfc_index.main() == 0
    write(tree, '"""Source: RFC 5321 and RFC 9051."""\n')
    assert check_rfc_index.main() == 1


@pytest.mark.parametrize(
    "row",
    [
        "9051\tIMAP\tpartial\tsmtp",
        "9051\tIMAP\tmostly\tsmtp\t",
        "9051\tIMAP\tpartial\tnowhere\t",
        "5321\tSMTP\tfull\tsmtp\t",
        "x\tSMTP\tfull\tsmtp\t",
    ],
    ids=["too few fields", "no such status", "no such place", "twice", "no number"],
)
def test_a_wrong_row_of_the_index_is_noticed(tree: Path, row: str) -> None:
    write(tree, '"""Fine."""\n')
    index = tree / "docs/rfc/index.tsv"
    index.write_text(f"{index.read_text(encoding='utf-8')}{row}\n", encoding="utf-8")
    assert check_rfc_index.main() == 1


def test_what_is_done_says_where() -> None:
    for line in (ROOT / "docs/rfc/index.tsv").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        number, _, status, where, note = line.split("\t")
        assert where or status in {"planned", "no"}, number
        assert note or status == "full", f"RFC {number}: say what is missing"


def test_limits_are_read_with_their_reasons(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "MAX_LINES = 10  # more are an attack\nNUMBER = 5\nKIB = 1 << 10\nMAX_BYTES = 2 * KIB - 1\n"
        "MAX_NAME = 'x'\nclass Limits:\n    depth: int = 100  # SECURITY 17\n    is_strict: bool = True\n",
        encoding="utf-8",
    )
    assert list(generate_limits.limits(path)) == [
        ("MAX_LINES", "10", "more are an attack"),
        ("MAX_BYTES", "2,047", ""),
        ("Limits.depth", "100", "SECURITY 17"),
    ]
