"""Transcripts: `C:` lines are sent, `S:` lines must come; `<...>` in these stands for any text, `S: ...` for any lines."""

import re


def steps(text):
    """[(lines to send, patterns that must come next)]."""
    dialogue = []
    sent, expected = [], []
    for line in text.splitlines():
        side, words = line[:2], line[3:]
        if side == "C:":
            if expected:
                dialogue.append((sent, expected))
                sent, expected = [], []
            sent.append(words)
        elif side == "S:":
            expected.append(words)
        else:
            assert not line.strip() or line.startswith("#"), line
    dialogue.append((sent, expected))
    return dialogue


def matches(pattern, line):
    parts = [re.escape(part) for part in pattern.split("<...>")]
    return re.fullmatch(".*".join(parts), line) is not None


async def play(client, text):
    """Play the client's part; raises AssertionError at the first line that differs."""
    for sent, expected in steps(text):
        client.send("".join(f"{line}\r\n" for line in sent))
        may_skip = False
        for pattern in expected:
            if pattern == "...":
                may_skip = True
                continue
            line = (await client.raw_line()).decode()
            while may_skip and line and not matches(pattern, line):
                line = (await client.raw_line()).decode()
            may_skip = False
            assert matches(pattern, line), f"after {sent}: expected {pattern!r}, got {line!r}"
