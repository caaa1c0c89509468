import pytest

from postier.cli.root import run


@pytest.fixture
def postier(capsys, monkeypatch, tmp_path):
    """Run one command line in a folder of its own; gives exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POSTIER_CONFIG", raising=False)

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "mail.toml"
    path.write_text('hostname = "mx.alpha.test"\n[store]\nurl = "postgresql://a:s3cret@h/d"\n')
    return path
