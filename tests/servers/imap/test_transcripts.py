"""Every transcript against the running server on both engines."""

from pathlib import Path

import pytest

from tests.servers.imap.transcript import matches, play, steps

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
async def test_transcript(served, path):
    await play(await served.connect_silently(), path.read_text(encoding="utf-8"))


def test_a_transcript_is_read_as_a_dialogue():
    assert steps("S: hello\nC: a\nC: b\nS: c\n") == [([], ["hello"]), (["a", "b"], ["c"])]
    assert matches("* OK <...> x", "* OK [A] x")
    assert not matches("a.c", "abc")
