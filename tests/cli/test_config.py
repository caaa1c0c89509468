import json

import pytest


def test_check_names_every_mistake_and_exits_1(postier, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text('hostname = "mx"\n[limits]\nmesage_size = 1\nrecipients = 1\n')
    code, out, err = postier("config", "check", "--config", path)
    assert (code, out) == (1, "")
    assert (
        err.splitlines()[0]
        == f"{path}:3: limits.mesage_size: unknown key; the nearest is limits.message_size"
    )
    assert err.splitlines()[1].startswith(f"{path}:4: limits.recipients: 1 is out of range")
    code, out, _ = postier("config", "check", "--json", "--config", path)
    assert code == 1
    assert [(problem["line"], problem["key"]) for problem in json.loads(out)] == [
        (3, "limits.mesage_size"),
        (4, "limits.recipients"),
    ]


def test_other_commands_tell_the_first_mistake_in_one_line(postier, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text("x = 1\ny = 2\n")
    code, out, err = postier("config", "show", "--config", path)
    assert (code, out) == (1, "")
    assert err.startswith(f"postier: {path}:1: x: unknown key; the nearest is ")
    assert err.endswith("(and 2 more: `postier config check`)\n")


def test_a_missing_file_is_told(postier, tmp_path):
    code, _, err = postier("config", "show", "--config", tmp_path / "none")
    assert code == 1
    assert (
        err
        == f"postier: {tmp_path}/none: cannot be read: No such file or directory; `postier init ADDRESS` writes a configuration\n"
    )


def test_show_hides_secrets(postier, config, monkeypatch):
    monkeypatch.setenv("POSTIER__LIMITS__RECIPIENTS", "200")
    code, out, _ = postier("config", "show", "--config", config)
    assert code == 0
    assert "s3cret" not in out
    assert out.splitlines()[0].split() == ["key", "value", "from"]
    rows = {row["key"]: row for row in json.loads(postier("config", "show", "--config", config, "--json")[1])}
    assert rows["store.url"] == {
        "key": "store.url",
        "value": '"postgresql://a:[hidden]@h/d"',
        "origin": f"{config}:3",
    }
    assert rows["limits.recipients"]["origin"] == "environment variable POSTIER__LIMITS__RECIPIENTS"


@pytest.mark.parametrize("key", ["limits.message_size", "limits", "store.url_file"])
def test_explain(postier, key):
    code, out, _ = postier("config", "explain", key)
    assert code == 0
    assert out.startswith((key, f"[{key}]: "))
