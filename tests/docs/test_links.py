"""Links between pages lead somewhere, and files that pages name are there."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, inline, name_of, prose

SOURCE = ROOT / "src" / "postier"
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_NAMED_FILE = re.compile(r"[\w./-]*\w\.(?:py|tsv|md|sh)")
_NAMED_FOLDER = re.compile(r"(?:src|tests|docs|tools|bench|fuzz)/[\w./-]*/")


def is_there(name: str, page: Path) -> bool:
    """Whether a file named in a page is one: from the page, the root, the package, or by a name of its own."""
    places = (page.parent, ROOT, SOURCE)
    if any((place / name).exists() for place in places):
        return True
    return "/" not in name and any(SOURCE.rglob(name))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    links = [
        link for link in _LINK.findall(prose(page)) if not link.startswith(("http:", "https:", "mailto:"))
    ]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_named_files_are_there(page: Path) -> None:
    named = [
        piece for piece in inline(page) if _NAMED_FILE.fullmatch(piece) or _NAMED_FOLDER.fullmatch(piece)
    ]
    assert [name for name in named if not is_there(name, page)] == []


def test_a_missing_file_is_noticed() -> None:
    assert not is_there("store/nowhere.py", ROOT / "README.md")
    assert not is_there("nowhere.py", ROOT / "README.md")


def test_every_decision_is_listed_and_has_its_parts() -> None:
    folder = ROOT / "docs" / "adr"
    decisions = sorted(path for path in folder.glob("0*.md"))
    listed = _LINK.findall((folder / "README.md").read_text(encoding="utf-8"))
    assert [path.name for path in decisions] == listed
    for number, path in enumerate(decisions, 1):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {number:04}: "), path
        assert all(f"**{part}**" in text for part in ("Question.", "Decision.", "Rejected.", "Costs.")), path


def test_the_licence_is_the_one_that_the_package_names() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert text.rstrip().endswith("limitations under the License.")
    assert '"Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
