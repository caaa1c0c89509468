import pytest

from tests.smtp.transcripts import FOLDER, play, read

FILES = sorted(FOLDER.glob("*.txt"))


@pytest.mark.parametrize("step", [None, 1, 2, 3, 7], ids=lambda step: f"by-{step or 'turn'}")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_transcript(path, step):
    play(read(path), step)
