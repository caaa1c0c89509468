"""`postier contacts` on an embedded store, and the scripts that ask them."""

import json

import pytest

ADDRESS = "carole@beta.test"
CARDS = (
    b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Zo\xc3\xab \x1b[1m\r\nEMAIL;TYPE=pref:Zoe@X.test\r\nEMAIL:odd\r\nEND:VCARD\r\n"
    b"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:yan\r\nFN:Yan\r\nNOTE:tall\r\nEND:VCARD\r\n"
    b"BEGIN:VCARD\r\nVERSION:2.1\r\nEND:VCARD\r\n"
)


@pytest.fixture
def server(postier, tmp_path):
    (tmp_path / "postier.toml").write_text('hostname = "mx.beta.test"\n[sieve]\nlists = "lists"\n')
    for arguments in (("domain", "add", "beta.test"), ("account", "add", ADDRESS)):
        assert postier(*arguments)[0] == 0
    return postier


def listed(server, *arguments):
    code, out, _ = server("contacts", "list", ADDRESS, "--json", *arguments)
    assert code == 0
    return [(each["name"], each["addresses"], each["book"]) for each in json.loads(out)]


def test_contacts_are_added_listed_and_removed(server):
    assert server("contacts", "add", ADDRESS, "Zoe@X.test", "z@y.test", "--name", "Zoe") == (
        0,
        "added Zoe\n",
        "",
    )
    code, out, _ = server("contacts", "add", ADDRESS, "a@b\u00fccher.test", "--book", "Family", "--json")
    assert (code, json.loads(out)["addresses"]) == (0, ["a@xn--bcher-kva.test"])
    assert listed(server) == [
        ("Zoe", ["z@y.test", "zoe@x.test"], ""),
        ("a@xn--bcher-kva.test", ["a@xn--bcher-kva.test"], "Family"),
    ]
    assert "Zoe   z@y.test, zoe@x.test" in server("contacts", "list", ADDRESS, "--book", "")[1]
    assert server("contacts", "remove", ADDRESS, "ZOE@x.test") == (0, "removed 1\n", "")
    code, out, _ = server("contacts", "remove", ADDRESS, "--all", "--book", "Family", "--json")
    assert (code, json.loads(out)) == (0, {"removed": 1})
    assert listed(server) == []


def test_cards_come_and_go(server, tmp_path):
    (tmp_path / "cards.vcf").write_bytes(CARDS)
    code, out, err = server("contacts", "import", ADDRESS, "cards.vcf")
    assert (code, out) == (1, "imported 2 contacts, 2 of them new; 1 could not be read\n")
    assert err == "cards.vcf:13: version 2.1 is not read, only 3.0 and 4.0\n"
    code, out, _ = server("contacts", "import", ADDRESS, "cards.vcf", "--json")
    assert json.loads(out)["new"] == 0
    assert listed(server) == [("Yan", [], ""), ("Zoë \x1b[1m", ["zoe@x.test"], "")]
    assert "Zoë \\x1b[1m" in server("contacts", "list", ADDRESS)[1]
    code, out, _ = server("contacts", "export", ADDRESS)
    assert (code, out.count("BEGIN:VCARD"), "NOTE:tall\r\n" in out) == (0, 2, True)
    assert ("VERSION:3.0" in out, "EMAIL;TYPE=pref:Zoe@X.test\r\n" in out) == (True, True)
    (tmp_path / "again.vcf").write_text(out, newline="")
    assert server("contacts", "import", ADDRESS, "again.vcf", "--book", "b")[0] == 0
    assert server("contacts", "export", ADDRESS, "--book", "b")[1] == out
    newer = json.loads(server("contacts", "export", ADDRESS, "--version", "4.0", "--book", "", "--json")[1])
    assert [("VERSION:4.0" in each, "EMAIL;PREF=1:Zoe@X.test" in each) for each in newer] == [
        (True, False),
        (True, True),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("list", "nobody@beta.test"), 1, "there is no account"),
        (("list", ADDRESS, "--book", "none"), 1, "there is no address book none"),
        (("remove", ADDRESS, "none"), 1, "there is no contact none"),
        (("remove", ADDRESS), 2, "say WHO, or --all"),
        (("remove", ADDRESS, "x", "--all"), 2, "say WHO, or --all"),
        (("add", ADDRESS), 2, "Missing argument"),
        (("add", ADDRESS, "zoe"), 2, "has no '@'"),
        (("add", ADDRESS, "a@b.test", "--book", "default"), 1, "can't be the name"),
        (("import", ADDRESS, "none.vcf"), 2, "does not exist"),
    ],
)
def test_what_is_refused(server, arguments, code, words):
    got, out, err = server("contacts", *arguments)
    assert (got, out, words in err) == (code, "", True), err


def test_a_file_of_cards_has_a_limit(server, tmp_path, monkeypatch):
    from postier.cli import contacts

    (tmp_path / "cards.vcf").write_bytes(CARDS)
    monkeypatch.setattr(contacts, "MAX_IMPORT_OCTETS", len(CARDS))
    assert server("contacts", "import", ADDRESS, "cards.vcf")[1] != ""
    monkeypatch.setattr(contacts, "MAX_IMPORT_OCTETS", len(CARDS) - 1)
    assert server("contacts", "import", ADDRESS, "cards.vcf")[:2] == (1, "")


def test_scripts_ask_for_them(server, tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "tag:x,2026:vip").write_text("yan@x.test\n")
    (tmp_path / "letter.eml").write_text("From: Zoe <ZOE@x.test>\n\nbody\n")
    (tmp_path / "rules.sieve").write_text(
        """require ["extlists", "fileinto", "mailbox", "include", "envelope"];
        include :optional "more";
        if not envelope :is "to" "carole@beta.test" { stop; }
        if allof (header :list "from" ":addrbook:default", mailboxexists "Archive") { fileinto "Archive"; }
        redirect :list "tag:x,2026:vip";
        """
    )
    server("contacts", "add", ADDRESS, "zoe@x.test")
    code, out, _ = server("sieve", "run", "rules.sieve", "letter.eml", "--account", ADDRESS)
    assert (code, [line.strip() for line in out.splitlines()]) == (
        0,
        [
            "line 4: fileinto mailbox='Archive'",
            "line 5: redirect address='tag:x,2026:vip' is_list=True members=('yan@x.test',)",
        ],
    )
    assert server("sieve", "run", "rules.sieve", "letter.eml", "--account", "no@beta.test")[0] == 1


def test_scripts_on_stored_mail_ask_for_them(server, tmp_path):
    from tests.cli.test_sieve_store import contents, fill

    (tmp_path / "rules.sieve").write_text(
        'require ["extlists", "fileinto"]; if address :list "from" ":addrbook:default" { fileinto "Archive"; }'
    )
    fill(tmp_path, "one")
    assert server("sieve", "apply", "rules.sieve", ADDRESS)[1] == "1 messages\n"
    server("contacts", "add", ADDRESS, "zoe@x.test")
    server("sieve", "apply", "rules.sieve", ADDRESS)
    assert contents(tmp_path) == {"Archive": [("one", 0)]}
