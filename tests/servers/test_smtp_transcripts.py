"""Golden dialogues with the running server, on both engines: `tests/smtp/transcripts.py` says how they are written.

In an `S:` line `*` stands for anything.
"""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.smtp.transcripts import read

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
async def test_dialogue(start, path):
    transcript = read(path)
    node = await start(role=transcript.settings.role, tls=transcript.settings.is_tls_available)
    client = await node.dial()
    for turn in transcript.turns:
        if turn.tls:
            await client.start_tls()
        client.send(turn.sent)
        if turn.eof:
            client.writer.write_eof() if client.writer.can_write_eof() else client.writer.close()
        expected = turn.said.decode().splitlines()
        heard: list[str] = []
        while len(heard) < len(expected) and (reply := await client.hear()):
            heard += reply.splitlines()
        for said, pattern in zip(heard, expected, strict=True):
            assert fnmatchcase(said, pattern.replace("[", "[[]")), f"{path.name}:{turn.line}: {said}"
        if turn.closes and not turn.eof:
            assert await client.has_ended()
