import click
import pytest

from postier.app import wiring
from postier.app.configuration import load
from postier.app.settings import TlsMode
from postier.mime.address import Address


def test_a_new_server(postier, tmp_path):
    code, out, err = postier("init", "alice@alpha.test", "--non-interactive")
    assert (code, err) == (0, "")
    assert f"postier serve --config {tmp_path}/postier.toml" in out
    assert "self-signed" in out
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "postier.toml").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "postier.toml"]
    read = load(tmp_path / "postier.toml", {})
    assert (read.hostname, read.data) == ("mail.alpha.test", tmp_path / "data")
    assert [(x.protocol.value, str(x.bind), x.tls) for x in read.listener] == [
        ("smtp", "*:25", TlsMode.STARTTLS),
        ("submission", "*:587", TlsMode.STARTTLS),
        ("submission", "*:465", TlsMode.IMPLICIT),
        ("imap", "*:143", TlsMode.STARTTLS),
        ("imap", "*:993", TlsMode.IMPLICIT),
        ("pop3", "*:995", TlsMode.IMPLICIT),
        ("managesieve", "*:4190", TlsMode.STARTTLS),
    ]
    assert postier("config", "check")[0] == 0


def test_every_place_can_be_chosen(postier, tmp_path):
    file, data = tmp_path / "etc" / "deep" / "mail.toml", tmp_path / "var" / "mail"
    code, _, _ = postier("--config", file, "init", "a@b.test", "--data", data, "--hostname", "MX.b.test")
    assert code == 0
    read = load(file, {})
    assert (read.hostname, read.data) == ("mx.b.test", data)
    assert f'data = "{data}"' in file.read_text()


def test_an_existing_file_is_never_changed(postier, tmp_path):
    (tmp_path / "postier.toml").write_text("precious")
    code, out, err = postier("init", "alice@alpha.test")
    assert (code, out) == (1, "")
    assert "exists already" in err
    assert (tmp_path / "postier.toml").read_text() == "precious"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("arguments", [("alice",), ("alice@alpha.test", "--hostname", "a b")])
def test_wrong_names_are_wrong_use(postier, tmp_path, arguments):
    code, _, err = postier("init", *arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert list(tmp_path.iterdir()) == []


def test_founding_steps_get_settings_address_and_password(postier, monkeypatch):
    got = []

    def step(settings, address, password):
        got.append((settings.hostname, address, password))
        return [f"password:      {password}"]

    monkeypatch.setattr(wiring, "FOUNDING", (step,))
    code, out, _ = postier("init", "alice@alpha.test", "--non-interactive")
    assert code == 0
    ((hostname, address, password),) = got
    assert (hostname, address) == ("mail.alpha.test", Address("alice", "alpha.test"))
    assert len(password) == 20
    assert f"password:      {password}\n" in out


@pytest.mark.parametrize("error", [click.ClickException("no"), RuntimeError("bug"), KeyboardInterrupt()])
def test_whatever_fails_nothing_stays(postier, monkeypatch, tmp_path, error):
    def step(settings, address, password):
        (settings.data / "store.db").touch()
        raise error

    monkeypatch.setattr(wiring, "FOUNDING", (step,))
    try:
        code, _, _ = postier("init", "a@b.test", "--config", "x/y/mail.toml", "--data", "v/data")
    except RuntimeError:
        code = 1
    assert code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_that_was_there_stays(postier, monkeypatch, tmp_path):
    def step(settings, address, password):
        raise click.ClickException("no")

    monkeypatch.setattr(wiring, "FOUNDING", (step,))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mail").write_text("precious")
    assert postier("init", "a@b.test")[0] == 1
    assert (tmp_path / "data" / "mail").read_text() == "precious"
    assert not (tmp_path / "postier.toml").exists()


@pytest.mark.parametrize(
    "arguments", [("--data", "file/data"), ("--data", "file"), ("--config", "file/mail.toml")]
)
def test_places_that_cannot_be_made(postier, tmp_path, arguments):
    (tmp_path / "file").write_text("precious")
    code, _, err = postier("init", "a@b.test", *arguments)
    assert (code, err.count("\n")) == (1, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
