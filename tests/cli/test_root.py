import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from postier import __version__
from postier.cli import root
from postier.cli.root import NOUNS

SOURCE = Path(__file__).resolve().parent.parent.parent / "src"


def test_help_names_every_noun(postier):
    code, out, err = postier("--help")
    assert (code, err) == (0, "")
    assert all(f"  {noun} " in out for noun in NOUNS)
    assert "--config FILE" in out


def test_every_noun_has_a_command_with_help_and_config(postier):
    for noun in NOUNS:
        code, out, _ = postier(noun, "--help")
        assert code == 0
        assert "--config FILE" in out


def test_the_version(postier):
    assert postier("--version") == (0, f"postier {__version__}\n", "")
    assert postier("version") == (0, f"postier {__version__}\n", "")
    assert postier("version", "--json") == (0, f'{{\n  "version": "{__version__}"\n}}\n', "")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "which command? `postier --help` lists them"),
        ("config", "which command? `postier config --help` lists them"),
        ("confg", "No such command 'confg'"),
        ("config chek", "No such command 'chek'. Did you mean 'check'?"),
        ("serve --confg x", "No such option"),
        ("serve x", "Got unexpected extra argument"),
        ("config explain", "Missing argument 'KEY'"),
        ("config explain limits.mesage", "the nearest is limits.message_size"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(postier, line, complaint):
    code, out, err = postier(*line.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("postier: ")
    assert complaint in err


@pytest.mark.parametrize("place", range(4))
def test_config_stands_anywhere(postier, config, place):
    words = ["config", "show", "--json"]
    code, out, _ = postier(*words[:place], "--config", config, *words[place:])
    assert code == 0
    assert str(config) in out


def test_config_comes_from_the_environment_or_the_folder(postier, config, monkeypatch, tmp_path):
    monkeypatch.setenv("POSTIER_CONFIG", str(config))
    assert postier("config", "check")[:2] == (0, f"{config}: ok\n")
    monkeypatch.delenv("POSTIER_CONFIG")
    config.rename(tmp_path / "postier.toml")
    assert postier("config", "check")[:2] == (0, "postier.toml: ok\n")


def test_bugs_are_not_hidden(postier, monkeypatch):
    def broken(_):
        raise ZeroDivisionError

    monkeypatch.setattr(root.root, "main", lambda *_, **__: broken(None))
    with pytest.raises(ZeroDivisionError):
        postier("version")


def test_an_interrupt_is_told(postier, monkeypatch):
    def stopped(*_, **__):
        raise click.exceptions.Abort

    monkeypatch.setattr(root.root, "main", stopped)
    assert postier("version") == (1, "", "postier: stopped\n")


def test_help_imports_no_noun_and_nothing_heavy():
    code = (
        "import sys; from postier.cli.root import run; run(['--help']); "
        "print([m for m in sys.modules if m.split('.')[0] in {'rich', 'uvloop', 'structlog', 'msgspec', 'asyncio'} "
        "or m.startswith('postier.app')])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_a_closed_pipe_is_no_error_of_ours():
    shell = f"{sys.executable} -m postier config show --config {SOURCE}/none 2>&1 | true; {sys.executable} -m postier --help | true"
    result = subprocess.run(
        ["sh", "-c", shell],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
    )
    assert result.stderr == ""
