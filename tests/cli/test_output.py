import io
import json
import sys

import pytest

from postier.cli.output import Column, printable, progress, show_json, show_table

COLUMNS = (Column("subject", "subject"), Column("size", "size", is_number=True))
ROWS = [
    {"subject": "[bold]hello[/bold] \x1b[31m\n" + "x" * 300, "size": 12, "id": b"ab"},
    {"subject": None, "size": 4096},
]


def test_a_table_is_never_cut_and_carries_no_control_characters(capsys):
    show_table(ROWS, COLUMNS, as_json=False)
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert len(lines) == 3
    assert lines[0].split() == ["subject", "size"]
    assert lines[1].startswith("[bold]hello[/bold] \\x1b[31m\\n" + "x" * 300)
    assert lines[2].split() == ["4096"]


def test_json_holds_every_value(capsys):
    show_table(ROWS, COLUMNS, as_json=True)
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["subject"] == ROWS[0]["subject"]
    assert rows[1] == {"subject": None, "size": 4096}
    show_json([])
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (3, "3"), ("é ok", "é ok"), ("\u202e\x9b", "\\u202e\\x9b"), ("\ud800", "\\ud800")],
)
def test_what_does_not_print_is_escaped(value, text):
    assert printable(value) == text


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_shows_on_a_terminal_only(capsys, monkeypatch):
    with progress("import", 3) as step:
        step(3)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with progress("import", 3) as step:
        step(3)
    assert "import" in sys.stderr.getvalue()


def test_octets_that_are_no_text_come_out_as_json(capsys):
    show_json({"reason": "Gr\udcfc\udcdfe", "line": 1})
    assert json.loads(capsys.readouterr().out) == {"reason": "Gr\udcfc\udcdfe", "line": 1}
