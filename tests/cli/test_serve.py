import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent.parent / "src"


def serve(path):
    return subprocess.Popen(
        [sys.executable, "-m", "postier", "serve", "--config", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
    )


def test_serve_says_ready_reloads_and_stops(tmp_path):
    path = tmp_path / "postier.toml"
    path.write_text('hostname = "mx.alpha.test"\nworkers = 1\n')
    with serve(path) as process:
        assert process.stdout.readline().startswith("ready mx.alpha.test: ")
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert "reloading" in err


def test_what_keeps_it_from_starting_is_one_line(tmp_path):
    path = tmp_path / "postier.toml"
    (tmp_path / "file").touch()
    path.write_text('hostname = "mx.alpha.test"\ndata = "file"\nworkers = 1\n')
    with serve(path) as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    assert (
        err
        == f"postier: data folder {tmp_path}/file is not a folder; move that file away or set another data\n"
    )


def test_a_port_in_use_or_an_unserved_protocol_is_named(postier, tmp_path, monkeypatch):
    from postier.app import wiring
    from postier.app.settings import Protocol

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "postier.toml").write_text(
            f'hostname = "mx"\n[[listener]]\nprotocol = "smtp"\nbind = "127.0.0.1:{port}"\n'
        )
        monkeypatch.setattr(wiring, "PROTOCOLS", {})
        code, _, err = postier("serve")
        assert (code, err) == (1, f"postier: 127.0.0.1:{port}: smtp is not served by this build\n")
        monkeypatch.setattr(wiring, "PROTOCOLS", {Protocol.SMTP: None})
        code, _, err = postier("serve")
        assert code == 1
        assert err.splitlines()[-1].startswith(f"postier: 127.0.0.1:{port} (smtp): the port is in use")
