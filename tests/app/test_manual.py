import importlib.util
import tomllib
from pathlib import Path

import pytest

from postier.app import manual
from postier.app.catalogue import SETTINGS
from postier.app.configuration import load
from postier.app.settings import Listener, Protocol
from postier.app.values import Endpoint

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_pages_are_not_stale():
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "tools" / "generate_docs.py")
    generate_docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate_docs)
    assert generate_docs.stale() == [], "run `python tools/generate_docs.py`"


def test_every_key_can_be_explained():
    for key, setting in SETTINGS.items():
        assert setting.key.doc in manual.explain(key)
    assert manual.explain("limits.message_size").splitlines() == [
        "limits.message_size: The largest message accepted.",
        "  value:       a size, such as 50M (K, M, G, T are powers of 1024) or a number of bytes; from 64K to 2G",
        '  default:     "50M"',
        "  changes at:  reload (SIGHUP)",
        "  environment: POSTIER__LIMITS__MESSAGE_SIZE",
    ]
    assert "limits.recipients: " in manual.explain("limits")
    assert manual.explain("store.url_file").startswith("store.url_file: the path of a file")


@pytest.mark.parametrize(
    ("key", "nearest"), [("mesage_size", "limits.message_size"), ("", ""), ("tls.key_file", "tls.key")]
)
def test_an_unknown_key_names_the_nearest(key, nearest):
    with pytest.raises(KeyError) as caught:
        manual.explain(key)
    assert not nearest or caught.value.args == (nearest,)


def test_the_written_file_is_read_back(tmp_path):
    listeners = [
        Listener(protocol=Protocol.SMTP, bind=Endpoint("*", 25)),
        Listener(protocol=Protocol.IMAP, bind=Endpoint("::1", 143)),
    ]
    text = manual.configuration_file("mx.alpha.test", 'da"ta', listeners)
    path = tmp_path / "postier.toml"
    path.write_text(text)
    read = load(path, {})
    assert (read.hostname, read.data, list(read.listener)) == ("mx.alpha.test", tmp_path / 'da"ta', listeners)


def test_the_commented_defaults_of_the_file_are_right(tmp_path):
    text = manual.configuration_file("mx.alpha.test", "data", [])
    path = tmp_path / "postier.toml"
    path.write_text(text)
    plain = load(path, {})
    uncommented = "\n".join(
        line.removeprefix("#") if line[:1] == "#" and line[1:2] != " " else line for line in text.splitlines()
    )
    assert len(tomllib.loads(uncommented)["limits"]) > 5
    path.write_text(uncommented)
    assert load(path, {}) == plain
