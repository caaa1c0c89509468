"""`postier doctor` on a server that does not run yet."""

import json


def test_one_page(postier, tmp_path, nsd):
    port = nsd({"beta.test": "mx IN A 192.0.2.1\n"})
    (tmp_path / "postier.toml").write_text(
        f'hostname = "mx.beta.test"\n[dns]\nresolvers = ["127.0.0.1:{port}"]\n'
        '[[listener]]\nprotocol = "smtp"\nbind = "127.0.0.1:1"\n'
    )
    assert postier("domain", "add", "beta.test")[0] == 0
    code, out, err = postier("doctor", "--json")
    assert (code, err) == (1, "")
    found = {row["part"]: row for row in json.loads(out)}
    assert set(found) >= {
        "ports",
        "host name",
        "certificate",
        "store",
        "dns",
        "keys",
        "unsigned mail",
        "queue",
        "time",
    }
    assert found["ports"]["says"] == "the server does not run"
    assert "missing MX beta.test" in found["dns"]["says"]
    assert found["dns"]["cure"] == "postier domain dns beta.test --check"
    assert found["keys"]["state"] == found["queue"]["state"] == "fine"
    code, out, _ = postier("doctor")
    assert code == 1
    assert "WRONG   ports: the server does not run\n" in out
    assert "  -> postier domain dns beta.test --check\n" in out
    assert " wrong, " in out.splitlines()[-1]


def test_a_store_that_cannot_be_opened_is_a_finding(postier, tmp_path, nsd):
    (tmp_path / "postier.toml").write_text(
        'hostname = "mx.beta.test"\n[dns]\nresolvers = ["127.0.0.1:1"]\n'
        '[store]\nurl = "postgresql://nobody@127.0.0.1:1/none"\n'
    )
    code, out, err = postier("doctor", "--json")
    assert (code, err) == (1, "")
    (store,) = [row for row in json.loads(out) if row["part"] == "store"]
    assert store["state"] == "wrong"
