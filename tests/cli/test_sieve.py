"""`postier sieve` on files."""

import json

import pytest

SCRIPT = """require ["fileinto", "variables", "mailbox"];
if header :matches "subject" "*[*]*" {
  if mailboxexists "${2}" { fileinto "${2}"; stop; }
}
redirect :copy "a@b.example";
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "good.sieve").write_text(SCRIPT.replace('"mailbox"]', '"mailbox", "copy"]'))
    (tmp_path / "bad.sieve").write_text(SCRIPT + "kep;\n")
    (tmp_path / "letter.eml").write_text("From: x@y.example\nSubject: hello [list] \x1b[1m\n\nbody\n")
    return tmp_path


def test_check(postier, files):
    assert postier("sieve", "check", files / "good.sieve") == (0, "the script is right\n", "")
    code, out, _ = postier("sieve", "check", files / "bad.sieve")
    assert code == 1
    assert [line.removeprefix(f"{files}/") for line in out.splitlines()] == [
        'bad.sieve:5:10: :copy needs require "copy"',
        'bad.sieve:6:1: there is no command "kep" (did you mean "keep"?)',
    ]
    code, out, _ = postier("sieve", "check", "--json", files / "bad.sieve")
    assert (code, json.loads(out)["problems"][1]["line"]) == (1, 6)
    code, out, _ = postier("sieve", "check", "--json", files / "good.sieve")
    assert (code, json.loads(out)["requires"]) == (0, ["copy", "fileinto", "mailbox", "variables"])


def test_run(postier, files):
    code, out, _ = postier("sieve", "run", files / "good.sieve", files / "letter.eml", "--mailbox", "list")
    assert (code, out) == (0, "line 3: fileinto mailbox='list'\n")
    code, out, _ = postier("sieve", "run", files / "good.sieve", files / "letter.eml")
    assert (code, out) == (0, "line 5: redirect address='a@b.example' is_copy=True\nimplicit keep\n")
    code, _, err = postier("sieve", "run", files / "bad.sieve", files / "letter.eml")
    assert code == 1
    assert "line 5, column 10" in err


def test_trace_and_json(postier, files):
    code, out, _ = postier("sieve", "run", "--trace", files / "good.sieve", files / "letter.eml")
    assert code == 0
    assert out.splitlines()[0] == '    2  header :matches "subject" "*[*]*" -> true'
    assert "\x1b" not in out
    code, out, _ = postier("sieve", "run", "--trace", "--json", files / "good.sieve", files / "letter.eml")
    found = json.loads(out)
    assert [each["action"] for each in found["actions"]] == ["redirect", "keep"]
    assert found["actions"][1]["is_implicit"]
    assert found["trace"][1] == {"line": 3, "what": 'mailboxexists "${2}"', "result": False, "detail": ""}


def test_envelope_include_and_errors(postier, files):
    (files / "main.sieve").write_text(
        'require ["include", "envelope"]; if envelope "from" "s@x.example" { include "other"; }\ninclude "none";\n'
    )
    (files / "other.sieve").write_text('require "editheader"; addheader "X-A" "b"; keep;\n')
    code, out, _ = postier(
        "sieve", "run", files / "main.sieve", files / "letter.eml", "--include", files,
        "--envelope-from", "s@x.example", "--envelope-to", "r@x.example",
    )  # fmt: skip
    assert (code, out) == (1, 'implicit keep\nline 2: error: there is no script "none"\n')
    (files / "main.sieve").write_text('require "include"; include "other";')
    code, out, _ = postier("sieve", "run", files / "main.sieve", files / "letter.eml", "--include", files)
    assert (code, out) == (0, "line 1: keep (the message is changed)\n")
    code, out, _ = postier(
        "sieve", "run", "--json", files / "main.sieve", files / "letter.eml", "--include", files
    )
    assert json.loads(out)["actions"][0]["content"].startswith("X-A: b\r\n")
