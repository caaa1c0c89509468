"""Every command, option, make target and setting that a page names exists."""

import re
import shlex
from pathlib import Path

import click
import pytest

from postier.app.catalogue import SETTINGS
from postier.cli.root import root
from tests.docs.pages import PAGES, ROOT, code, command_lines, inline, name_of

COMMANDS = sorted({(name_of(page), line) for page in PAGES for line in command_lines(page)})
TARGETS = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
_PLACEHOLDER = re.compile(r"[A-Z][A-Z_-]*")


def problem(line: str) -> str | None:
    """What is wrong with a command line that a page shows; None if nothing is."""
    command: click.Command = root
    words = shlex.split(line.replace("…", ""))
    context = click.Context(command, info_name="postier")
    for number, word in enumerate(words):
        if not isinstance(command, click.Group):
            words = words[number:]
            break
        if _PLACEHOLDER.fullmatch(word):
            return None
        found = command.get_command(context, word)
        if found is None:
            return f"there is no {word}"
        command, context = found, click.Context(found, parent=context, info_name=word)
    else:
        words = []
    known = {option for parameter in command.get_params(context) for option in parameter.opts}
    unknown = [word for word in words if word.startswith("--") and word not in known]
    return f"no option {', '.join(unknown)}" if unknown else None


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[f"{page}: {line}" for page, line in COMMANDS])
def test_a_named_command_exists(page: str, line: str) -> None:
    assert problem(line) is None, page


def test_commands_are_found_in_the_pages() -> None:
    named = {line.split()[0] for _, line in COMMANDS}
    assert {"init", "serve", "config", "account", "domain", "demo"} <= named


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("fly", "there is no fly"),
        ("account fly", "there is no fly"),
        ("account add a@x.test --wings", "no option --wings"),
    ],
)
def test_a_wrong_command_is_noticed(line: str, why: str) -> None:
    assert problem(line) == why


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_named_make_target_exists(page: Path) -> None:
    named = {match for piece in code(page) for match in re.findall(r"(?:^|\s)make ([a-z-]+)", piece)}
    assert named <= TARGETS


def test_every_make_target_is_in_the_help() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == TARGETS


# What Sieve's `environment` tells at IMAP events, RFC 6785 §7.1
EVENT_FACTS = {f"imap.{name}" for name in ("cause", "changedflags", "email", "mailbox", "user")}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_named_setting_exists(page: Path) -> None:
    sections = {name.partition(".")[0] for name in SETTINGS if "." in name}
    named = {
        piece
        for piece in inline(page)
        if re.fullmatch(r"[a-z]+\.[a-z_]+", piece)
        and piece.partition(".")[0] in sections
        and not piece.endswith((".py", ".md"))
        and piece not in EVENT_FACTS
    }
    assert {name for name in named if name not in SETTINGS} == set()
