"""The nouns `domain`, `account` and `alias` on an embedded store, which the first of them makes."""

import json

import pytest


@pytest.fixture
def directory(postier, tmp_path):
    (tmp_path / "postier.toml").write_text(
        'hostname = "mx.beta.test"\n[[listener]]\nprotocol = "imap"\nbind = "*:993"\ntls = "implicit"\n'
    )

    def call(*arguments):
        code, out, err = postier(*arguments)
        assert (code, err) == (0, ""), (arguments, err)
        return json.loads(out) if "--json" in arguments else out

    return call


def test_the_first_command_makes_the_store(directory, tmp_path):
    assert directory("domain", "list", "--json") == []
    assert (tmp_path / "data" / "postier.sqlite").exists()


def test_domains(directory, postier):
    made = directory("domain", "add", "Bücher.test", "--json")
    assert made["domain"] == "xn--bcher-kva.test"
    assert [selector[-1] for selector in made["dkim_selectors"]] == ["r", "e"]
    directory("domain", "add", "beta.test")
    directory("account", "add", "carole@beta.test")
    listed = directory("domain", "list", "--json")
    assert [(row["domain"], row["accounts"], row["aliases"]) for row in listed] == [
        ("beta.test", 1, 0),
        ("xn--bcher-kva.test", 0, 0),
    ]
    assert "beta.test" in directory("domain", "list")
    shown = directory("domain", "show", "beta.test", "--json")
    assert {key["algorithm"] for key in shown["dkim_keys"]} == {"rsa", "ed25519"}
    assert "dkim key: " in directory("domain", "show", "beta.test")
    assert postier("domain", "add", "beta.test") == (1, "", "postier: domain beta.test exists already\n")
    code, _, err = postier("domain", "remove", "beta.test")
    assert (code, err) == (1, "postier: domain beta.test still has 1 accounts and 0 aliases\n")
    directory("domain", "remove", "beta.test", "--force", "--yes")
    assert directory("account", "list", "--json") == []
    assert postier("domain", "show", "beta.test")[0] == 1


def test_the_records_of_a_domain(directory):
    directory("domain", "add", "beta.test")
    records = {
        (row["name"], row["type"]): row["data"] for row in directory("domain", "dns", "beta.test", "--json")
    }
    assert records["beta.test", "MX"] == "10 mx.beta.test."
    assert records["beta.test", "TXT"] == "v=spf1 mx -all"
    assert records["_imaps._tcp.beta.test", "SRV"] == "0 1 993 mx.beta.test."
    assert ("_imap._tcp.beta.test", "SRV") not in records
    zone = directory("domain", "dns", "beta.test", "--zone")
    assert 'beta.test. IN TXT "v=spf1 mx -all"' in zone
    assert "needs A and AAAA" in directory("domain", "dns", "beta.test")


def test_accounts(directory, postier):
    directory("domain", "add", "beta.test")
    made = directory("account", "add", "Carole@beta.test", "--admin", "--quota", "5G", "--json")
    assert made["address"] == "carole@beta.test"
    assert len(made["password"]) > 20
    assert "password: " in directory("account", "add", "bob@beta.test")
    (bob, carole) = directory("account", "list", "--json")
    assert (bob["address"], bob["is_admin"], bob["quota_bytes"]) == ("bob@beta.test", False, None)
    assert (carole["is_admin"], carole["quota_bytes"], carole["used_bytes"]) == (True, 5 << 30, 0)
    assert directory("account", "list", "--domain", "else.test", "--json") == []
    assert "5G" in directory("account", "list")
    directory("account", "set", "carole@beta.test", "--quota", "none", "--no-admin")
    shown = directory("account", "show", "CAROLE@beta.test", "--json")
    assert (shown["is_admin"], shown["quota_bytes"], shown["has_password"]) == (False, None, True)
    assert "aliases:" in directory("account", "show", "carole@beta.test")
    assert directory("account", "password", "carole@beta.test", "--json")["password"] != made["password"]
    directory("account", "remove", "carole@beta.test", "--yes")
    for noun in ("show", "remove", "password"):
        assert postier("account", noun, "carole@beta.test") == (
            1,
            "",
            "postier: there is no account carole@beta.test\n",
        )
    assert postier("account", "set", "bob@beta.test")[0] == 2


def test_aliases(directory, postier):
    directory("domain", "add", "beta.test")
    directory("account", "add", "carole@beta.test")
    directory("alias", "add", "sales@beta.test", "carole@beta.test", "x@else.test")
    directory("alias", "add", "*@beta.test", "carole@beta.test")
    rows = directory("alias", "list", "--json")
    assert rows == [
        {"address": "*@beta.test", "targets": ["carole@beta.test"]},
        {"address": "sales@beta.test", "targets": ["carole@beta.test", "x@else.test"]},
    ]
    assert "carole@beta.test, x@else.test" in directory("alias", "list", "--domain", "beta.test")
    assert directory("account", "show", "carole@beta.test", "--json")["aliases"] == [
        "*@beta.test",
        "sales@beta.test",
    ]
    directory("alias", "remove", "sales@beta.test", "carole@beta.test")
    directory("alias", "remove", "*@beta.test")
    assert directory("alias", "list", "--json") == [
        {"address": "sales@beta.test", "targets": ["x@else.test"]}
    ]
    assert postier("alias", "remove", "*@beta.test")[0] == 1
    assert postier("alias", "add", "sales@beta.test")[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("account", "add", "no-at-sign"),
        ("account", "add", "a@b", "--quota", "much"),
        ("account", "list", "--domain", "[192.0.2.1]"),
        ("domain", "add", "a b"),
        ("alias", "add", "a@b", "c"),
    ],
)
def test_wrong_use_is_told_and_makes_nothing(directory, postier, tmp_path, arguments):
    code, out, err = postier(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("postier: Invalid value for ")
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "data").exists()


def test_the_directory_as_a_document(directory, postier, tmp_path):
    directory("domain", "add", "beta.test")
    directory("account", "add", "carole@beta.test")
    directory("alias", "add", "sales@beta.test", "carole@beta.test")
    exported = directory("directory", "export", "--secrets")
    assert "argon2id" in exported
    assert "argon2id" not in directory("directory", "export")
    file = tmp_path / "directory.toml"
    file.write_text(exported + '"*@beta.test" = ["carole@beta.test"]\n')
    assert directory("directory", "apply", file, "--dry-run") == "would be done: alias *@beta.test added\n"
    assert directory("directory", "apply", file, "--json") == {
        "dry_run": False,
        "changes": ["alias *@beta.test added"],
    }
    assert directory("directory", "apply", file) == "nothing to change\n"
    file.write_text("[domains]")
    code, _, err = postier("directory", "apply", file)
    assert code == 1
    assert "unknown field `domains`" in err
    file.write_bytes(b"\xff")
    assert postier("directory", "apply", file)[0] == 1
    assert postier("directory", "apply", tmp_path / "none")[0] == 2


def test_the_records_are_checked_in_dns(directory, postier, tmp_path, nsd):
    directory("domain", "add", "beta.test")
    zone = directory("domain", "dns", "beta.test", "--zone") + "mx IN A 192.0.2.1\n"
    config = tmp_path / "postier.toml"
    before = config.read_text()
    config.write_text(before + f'[dns]\nresolvers = ["127.0.0.1:{nsd({"beta.test": zone})}"]\n')
    rows = directory("domain", "dns", "beta.test", "--check", "--json")
    assert {row["state"] for row in rows} == {"published"}
    config.write_text(
        before + f'[dns]\nresolvers = ["127.0.0.1:{nsd({"beta.test": "mx IN A 192.0.2.1"})}"]\n'
    )
    code, out, _ = postier("domain", "dns", "beta.test", "--check")
    assert code == 1
    assert "missing" in out
