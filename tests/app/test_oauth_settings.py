"""[oauth]: every mistake is told by its key, its line and its cure."""

import pytest

from postier.app.configuration import check, effective, load
from postier.app.issuer import expected_of, issuer_of, told_of
from postier.app.issuer_answers import IssuerAnswers
from postier.app.issuer_keys import IssuerKeys
from postier.app.oauth_settings import MAX_SCOPE_CHARACTERS, MAX_TEXT_CHARACTERS

HEAD = 'hostname = "mx"\n[oauth]\n'
ISSUER = 'issuer = "https://login.test"\n'
KEYS = ISSUER + 'keys_url = "https://login.test/keys"\n'
AUDIENCE = 'audience = "mail"\n'
ASKED = ISSUER + 'introspection_url = "https://login.test/ask"\nclient_id = "mx"\nclient_secret = "s"\n'


def said(folder, text):
    path = folder / "postier.toml"
    path.write_text(HEAD + text)
    return [str(problem).removeprefix(f"{path}:") for problem in check(path, {})]


def read(folder, text):
    assert said(folder, text) == []
    return load(folder / "postier.toml", {}).oauth


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (AUDIENCE, "3: oauth.issuer: is missing: write the issuer"),
        (
            ISSUER,
            "3: oauth.keys_url: is missing: write one of oauth.keys_url, oauth.keys_path, oauth.introspection",
        ),
        (KEYS, "3: oauth.audience: is missing: without it every token of the issuer would do"),
        (KEYS + AUDIENCE + 'keys_path = "k"', "6: oauth.keys_path: is given, and keys_url too: write one of"),
        (ASKED + 'keys_url = "https://x/"', "4: oauth.introspection_url: is given, and keys_url too"),
        (KEYS + AUDIENCE + 'client_id = "x"', "6: oauth.client_id: is for introspection_url; remove it"),
        (KEYS + AUDIENCE + 'client_secret = "x"', "6: oauth.client_secret: is for introspection_url"),
        (
            ASKED.replace('client_id = "mx"\n', ""),
            "3: oauth.client_id: is missing: the issuer answers nobody",
        ),
        (ASKED.replace('client_secret = "s"\n', ""), "3: oauth.client_secret: is missing"),
        (ASKED + "accept_untyped = true", "7: oauth.accept_untyped: is for tokens that are checked by keys"),
        (KEYS + AUDIENCE + 'scope = "a b"', "6: oauth.scope: is not one scope"),
        (
            KEYS + AUDIENCE + f'scope = "{"s" * (MAX_SCOPE_CHARACTERS + 1)}"',
            "6: oauth.scope: is not one scope",
        ),
        (
            KEYS + f'audience = "{"a" * (MAX_TEXT_CHARACTERS + 1)}"',
            "5: oauth.audience: is not printable, or over",
        ),
        (KEYS + 'audience = "a\\nb"', "5: oauth.audience: is not printable"),
        (
            KEYS.replace("https://login.test/keys", "http://login.test/keys"),
            "4: oauth.keys_url: 'http://login.test/keys' is not right; expected an https URL",
        ),
        (KEYS.replace("https://login.test/keys", "file:///etc/passwd"), "4: oauth.keys_url: "),
        (
            KEYS.replace("https://login.test", "http://127.0.0.1:80") + AUDIENCE,
            "4: oauth.keys_url: is http://; write https://, or on this machine set oauth.allow_loopback_http = true",
        ),
        (
            KEYS + AUDIENCE + 'openid_configuration = "http://[::1]/"',
            "6: oauth.openid_configuration: is http://",
        ),
        (ISSUER + AUDIENCE + 'keys_path = "gone"', "5: oauth.keys_path: there is no file"),
        (KEYS + AUDIENCE + 'authorities = "gone"', "6: oauth.authorities: there is no file"),
        (KEYS + AUDIENCE + 'client_secret_file = "gone"', "6: oauth.client_secret_file: "),
    ],
)
def test_mistakes(tmp_path, text, complaint):
    (found,) = said(tmp_path, text)
    assert found.startswith(complaint)


def test_texts_at_their_bounds(tmp_path):
    long = f'audience = "{"a" * MAX_TEXT_CHARACTERS}"\nscope = "{"s" * MAX_SCOPE_CHARACTERS}"'
    assert said(tmp_path, KEYS + long) == []


def test_without_the_section_there_is_no_issuer(tmp_path):
    for text in ("", "accept_untyped = false"):
        assert issuer_of(read(tmp_path, text), None) is None


def test_by_keys(tmp_path):
    oauth = read(
        tmp_path, KEYS + AUDIENCE + 'scope = "mail"\nopenid_configuration = "https://login.test/conf"'
    )
    assert isinstance(issuer_of(oauth, None), IssuerKeys)
    expected = expected_of(oauth)
    assert (expected.issuer, expected.audience, expected.claim) == ("https://login.test", "mail", "email")
    told = told_of(oauth)
    assert (told.scope, told.openid_configuration) == ("mail", "https://login.test/conf")


def test_by_asking_with_a_secret_in_a_file(tmp_path):
    (tmp_path / "word").write_text("s3cr3t\n")
    text = ASKED.replace('client_secret = "s"', 'client_secret_file = "word"')
    oauth = read(tmp_path, text)
    assert oauth.client_secret == "s3cr3t"
    assert isinstance(issuer_of(oauth, None), IssuerAnswers)
    assert expected_of(oauth).claim == "username"
    assert told_of(oauth).scope == ""


def test_the_secret_is_not_shown(tmp_path):
    read(tmp_path, ASKED.replace('"s"', '"s3cr3t"'))
    assert "s3cr3t" not in str(effective(tmp_path / "postier.toml", {}))
