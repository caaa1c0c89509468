"""A rotation as an administrator drives it, with a real DNS server."""

import json

import pytest


@pytest.fixture
def configured(postier, tmp_path):
    """`configured(port)` writes a configuration that asks this DNS server."""

    def write(port):
        (tmp_path / "postier.toml").write_text(
            f'hostname = "mx.beta.test"\n[dns]\nresolvers = ["127.0.0.1:{port}"]\n'
        )

    write(1)
    return write


@pytest.fixture
def run(postier):
    def call(*arguments):
        code, out, err = postier(*arguments)
        assert (code, err) == (0, ""), (arguments, err)
        return json.loads(out) if "--json" in arguments else out

    return call


def stages(run):
    return {row["selector"][-1]: row["state"] for row in run("domain", "dkim", "list", "beta.test", "--json")}


def test_from_stage_to_stage(configured, run, postier, nsd):
    old = run("domain", "add", "beta.test", "--json")["dkim_selectors"]
    zone = run("domain", "dns", "beta.test", "--zone") + "mx IN A 192.0.2.1\n"
    configured(nsd({"beta.test": zone}))
    made = run("domain", "dkim", "rotate", "beta.test", "--json")["dkim_keys"]
    assert {key["state"] for key in made} == {"published"}
    new = [key["selector"] for key in made]
    assert not set(old) & set(new)
    assert postier("domain", "dkim", "rotate", "beta.test")[0] == 1

    rows = run("domain", "dns", "beta.test", "--check", "--json")  # a new key that waits is nothing wrong
    assert sorted({row["state"] for row in rows}) == ["pending", "published"]
    code, out, err = postier("domain", "dkim", "activate", "beta.test")
    assert (code, out) == (1, "")
    assert f"DNS does not have the record of {new[0]}._domainkey.beta.test yet (missing)" in err
    assert {row["state"] for row in run("domain", "dkim", "list", "beta.test", "--json")} == {
        "active",
        "published",
    }

    zone = run("domain", "dns", "beta.test", "--zone") + "mx IN A 192.0.2.1\n"
    configured(nsd({"beta.test": zone}))
    assert run("domain", "dkim", "activate", "beta.test", "--json") == {"selectors": new}
    assert set(stages(run).values()) == {"active"}
    told = run("domain", "dkim", "retire", "beta.test")
    assert f"{old[0]} (rsa) of beta.test signs no more" in told
    assert "keep the records for 14 days, until " in told
    listed = {row["selector"]: row for row in run("domain", "dkim", "list", "beta.test", "--json")}
    assert {name: row["state"] for name, row in listed.items()} == {
        **dict.fromkeys(new, "active"),
        **dict.fromkeys(old, "retired"),
    }
    assert listed[old[0]]["keep_record_until"] > listed[old[0]]["since"]
    assert listed[new[0]]["keep_record_until"] is None
    assert "keep its record until" in run("domain", "dkim", "list", "beta.test")
    rows = run("domain", "dns", "beta.test", "--check", "--json")
    assert {row["state"] for row in rows} == {"published"}

    code, _, err = postier("domain", "dkim", "remove", "beta.test", old[0])
    assert code == 1
    assert "may be under way for 14 days still" in err
    run("domain", "dkim", "remove", "beta.test", old[0], "--force")
    assert old[0] not in run("domain", "dkim", "list", "beta.test")


def test_a_wrong_or_unreachable_record_activates_nothing_unless_forced(configured, run, postier, nsd):
    run("domain", "add", "beta.test")
    made = run("domain", "dkim", "rotate", "beta.test", "--json")["dkim_keys"]
    other = "\n".join(f'{key["name"]}. IN TXT "v=DKIM1; k={key["algorithm"]}; p=AAAA"' for key in made)
    for port, state in ((1, "unknown"), (nsd({"beta.test": other}), "wrong")):
        configured(port)
        code, _, err = postier("domain", "dkim", "activate", "beta.test")
        assert (code, f"({state}: " in err) == (1, True)
    assert "signs now" in run("domain", "dkim", "activate", "beta.test", "--force")


def test_the_printed_records_can_be_published_as_they_are(configured, run, nsd):
    run("domain", "add", "beta.test")
    configured(nsd({"beta.test": run("domain", "dkim", "rotate", "beta.test")}))
    assert "signs now" in run("domain", "dkim", "activate", "beta.test")


def test_domains_and_keys_that_are_not_there(configured, postier, run):
    run("domain", "add", "beta.test")
    for arguments, words in (
        (("list", "else.test"), "there is no domain else.test"),
        (("rotate", "else.test"), "there is no domain else.test"),
        (("activate", "beta.test"), "no keys of beta.test wait to be activated"),
        (("retire", "beta.test"), "no keys of beta.test are replaced"),
        (("remove", "beta.test", "9r"), "has no DKIM key 9r"),
    ):
        code, out, err = postier("domain", "dkim", *arguments)
        assert (code, out) == (1, "")
        assert words in err
