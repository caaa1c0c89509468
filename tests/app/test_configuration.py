import ipaddress
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postier.app.catalogue import SECTIONS, SETTINGS
from postier.app.configuration import ConfigurationError, check, effective, hide_secrets, keep_fixed, load
from postier.app.reading import LEAST_MESSAGE_LIMIT, MAX_FILE_BYTES
from postier.app.settings import LogLevel, Protocol, TlsMode
from postier.app.values import Endpoint

DESIGN_EXAMPLE = """
hostname = "mx.alpha.test"
data = "./data"
workers = 2
[store]
url = "sqlite:"
[blobs]
url = "pack:"
[dns]
resolvers = ["127.0.0.1:5353"]
[tls]
certificate = "tls.crt"
key = "tls.key"
[[listener]]
protocol = "smtp"
bind = "127.0.0.1:2525"
tls = "starttls"
[limits]
message_size = "50M"
exempt_networks = ["127.0.0.0/8"]
[delivery]
port = 25
allow_private_addresses = false
[access]
plaintext_login = false
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "postier.toml"
        path.write_text(text)
        return path

    return write


def said(path, environ=None):
    return [str(problem).removeprefix(f"{path.parent}/") for problem in check(path, environ or {})]


def test_the_example_of_the_design_is_read(write, tmp_path):
    read = load(write(DESIGN_EXAMPLE), {})
    assert read.hostname == "mx.alpha.test"
    assert read.data == tmp_path / "data"
    assert read.workers == 2
    assert read.dns.resolvers == (Endpoint("127.0.0.1", 5353),)
    assert (read.tls.certificate, read.tls.key) == (tmp_path / "tls.crt", tmp_path / "tls.key")
    assert [(x.protocol, x.bind, x.tls) for x in read.listener] == [
        (Protocol.SMTP, Endpoint("127.0.0.1", 2525), TlsMode.STARTTLS)
    ]
    assert read.limits.message_size == 50 << 20
    assert read.limits.exempt_networks == (ipaddress.ip_network("127.0.0.0/8"),)


def test_defaults(write):
    read = load(write('hostname = "mx.alpha.test"'), {})
    assert read.workers == len(os.sched_getaffinity(0))
    assert (read.store.url, read.blobs.url, read.listener) == ("sqlite:", "pack:", ())
    assert read.delivery.lifetime_s == 5 * 86400


def test_relative_paths_do_not_depend_on_the_working_folder(write, tmp_path, monkeypatch):
    write('hostname = "mx"')
    monkeypatch.chdir(tmp_path)
    assert load(Path("postier.toml"), {}).data == tmp_path / "data"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("hostnam = 1", "hostnam: unknown key; the nearest is hostname"),
        ("message_size = 1", "message_size: unknown key; the nearest is limits.message_size"),
        ("[limits]\nmesage_size = 1", "limits.mesage_size: unknown key; the nearest is limits.message_size"),
        ("[tls]\nacme = {}", "tls.acme: unknown key; the nearest is tls."),
        ("[stoer]\nurl = 1", "stoer: unknown section; the nearest is [store]"),
        ('"" = 1', "unknown key; the nearest is "),
        ("limits = 1", "limits: is a section: write [limits] and its keys below"),
        ('[listener]\nbind = "x"', "listener: may be repeated: write [[listener]], in double brackets"),
        ("[limits]\nrecipients = 5", "limits.recipients: 5 is out of range; expected a whole number"),
        (
            '[limits]\nmessage_size = "5X"',
            "limits.message_size: '5X' is not right; expected a size, such as 50M",
        ),
        ("[access]\nplaintext_login = 1", "access.plaintext_login: 1 is not right; expected true or false"),
        ('[dns]\nresolvers = "::1"', "dns.resolvers: expected a list, each an IP address"),
        ('[log]\nlevel = "loud"', 'log.level: \'loud\' is not right; expected one of "debug", "info"'),
        ("[store]\nurl = 17", "store.url: the value is not right; expected text in quotes"),
        ('[store]\nurl_file = "gone"', "store.url_file: "),
        ('[tls]\nkey = "k"', "tls.certificate: is missing: tls.key is given, and they go together"),
        ('[delivery]\nretry_first_s = "5h"', "delivery.retry_first_s: is longer than delivery.retry_max_s"),
        ("[imap]\nmessage_limit = 999", "imap.message_limit: is lower than 1000"),
    ],
)
def test_a_mistake_is_named_by_its_line(write, line, complaint):
    path = write(f'hostname = "mx"\n\n{line}\n')
    is_about_section = "section" in complaint or "repeated" in complaint
    number = 3 if is_about_section else 3 + line.count("\n")
    assert said(path)[0].startswith(f"postier.toml:{number}: {complaint}")
    assert len(said(path)) == 1


@pytest.mark.parametrize("limit", [0, LEAST_MESSAGE_LIMIT])
def test_no_message_limit_or_one_that_mail_programs_may_count_on(write, limit):
    assert said(write(f'hostname = "mx"\n[imap]\nmessage_limit = {limit}\n')) == []


def test_all_mistakes_are_told_in_the_order_of_the_file(write):
    path = write("[limits]\nrecipients = 1\nhostname = 1\n[[listener]]\nbind = 3\n")
    assert [x.partition(": ")[0] + " " + x.split(": ")[1] for x in said(path)] == [
        "postier.toml:2 limits.recipients",
        "postier.toml:3 limits.hostname",
        "postier.toml:4 listener.protocol",
        "postier.toml:5 listener.bind",
        "postier.toml hostname",
    ]


def test_files_that_are_no_toml(write, tmp_path):
    assert said(write('hostname = "mx"\nx = \n')) == ["postier.toml:2: is not valid TOML: Invalid value"]
    assert said(write("x = [1")) == ["postier.toml:1: is not valid TOML: Unclosed array"]
    (tmp_path / "postier.toml").write_bytes(b"x = 1\n# \xff\n")
    assert said(tmp_path / "postier.toml") == ["postier.toml:2: is not UTF-8 text"]
    assert said(write("#" * (MAX_FILE_BYTES + 1)))[0].startswith("postier.toml: is larger than")
    assert said(write("x = " + "[" * 100_000)) == ["postier.toml: is nested too deeply"]
    assert said(tmp_path / "gone.toml")[0].startswith("gone.toml: cannot be read: No such file or directory")


def test_named_certificates_must_be_there_for_check(write):
    path = write('hostname = "mx"\n[tls]\ncertificate = "a.crt"\nkey = "a.key"\n')
    (path.parent / "a.crt").touch()
    assert said(path) == [
        f"postier.toml:4: tls.key: there is no file {path.parent}/a.key; give the path of a PEM file"
    ]


def test_one_address_for_two_listeners_is_a_mistake(write):
    listener = '[[listener]]\nprotocol = "smtp"\nbind = "127.0.0.1:{}"\n'
    assert said(write('hostname = "mx"\n' + listener.format(0) * 2)) == []
    assert said(write('hostname = "mx"\n' + listener.format(25) * 2)) == [
        "postier.toml:7: listener.bind: 127.0.0.1:25 is already taken by another [[listener]]"
    ]


def test_http_has_no_starttls(write):
    listener = '[[listener]]\nprotocol = "http"\nbind = "127.0.0.1:0"\n'
    assert said(write('hostname = "mx"\n' + listener)) == [
        'postier.toml:2: listener.tls: HTTP has no STARTTLS; write "implicit" or "none"'
    ]


def test_the_environment_overrides_the_file(write):
    path = write(DESIGN_EXAMPLE)
    read = load(
        path,
        {
            "POSTIER__LIMITS__MESSAGE_SIZE": "1M",
            "POSTIER__HOSTNAME": "other.test",
            "POSTIER__DNS__RESOLVERS": "::1, 127.0.0.1:54",
            "POSTIER__ACCESS__PLAINTEXT_LOGIN": "true",
            "POSTIER__WORKERS": "3",
            "POSTIER_CONFIG": "x",
        },
    )
    assert (read.limits.message_size, read.hostname, read.workers) == (1 << 20, "other.test", 3)
    assert read.dns.resolvers == (Endpoint("::1", 53), Endpoint("127.0.0.1", 54))
    assert read.access.plaintext_login


def test_mistakes_in_the_environment_name_the_variable(write):
    path = write('hostname = "mx"')
    assert said(path, {"POSTIER__LIMITS__MESAGE_SIZE": "1"}) == [
        "environment variable POSTIER__LIMITS__MESAGE_SIZE: unknown; the nearest is POSTIER__LIMITS__MESSAGE_SIZE"
    ]
    assert said(path, {"POSTIER__LIMITS__MESSAGE_SIZE": "x"})[0].startswith(
        "environment variable POSTIER__LIMITS__MESSAGE_SIZE: limits.message_size: 'x' is not right"
    )
    assert said(path, {"POSTIER__LISTENER__BIND": "x"}) == [
        "environment variable POSTIER__LISTENER__BIND: listener.bind: [[listener]] can only stand in the file"
    ]
    assert said(path, {"POSTIER__HOSTNAME_FILE": "x"})[0].startswith(
        "environment variable POSTIER__HOSTNAME_FILE: unknown"
    )


def test_secrets_come_from_files(write, tmp_path):
    (tmp_path / "url").write_text("postgresql://mail:s3cret@db/mail\n")
    path = write('hostname = "mx"\n[store]\nurl_file = "url"\n')
    assert load(path, {}).store.url == "postgresql://mail:s3cret@db/mail"
    assert load(write('hostname = "mx"'), {"POSTIER__STORE__URL_FILE": "url"}).store.url.startswith(
        "postgresql:"
    )
    assert said(write('hostname = "mx"\n[store]\nurl = "sqlite:"\nurl_file = "url"\n')) == [
        "postier.toml:4: store.url: is given twice, as url and url_file"
    ]


def test_a_wrong_secret_is_not_shown(write, tmp_path):
    (tmp_path / "url").write_text("s3c\0ret")
    assert "s3c" not in "".join(said(write('hostname = "mx"\n[store]\nurl_file = "url"\n')))


def test_what_holds_is_shown_with_its_origin_and_without_secrets(write):
    path = write('hostname = "mx"\n[store]\nurl = "postgresql://mail:s3cret@db/mail?sslpassword=abc&x=1"\n')
    rows = {row.key: row for row in effective(path, {"POSTIER__LOG__LEVEL": "debug"})}
    assert rows["store.url"].value == '"postgresql://mail:[hidden]@db/mail?sslpassword=[hidden]&x=1"'
    assert rows["store.url"].origin == f"{path}:3"
    assert (rows["log.level"].value, rows["log.level"].origin) == (
        '"debug"',
        "environment variable POSTIER__LOG__LEVEL",
    )
    assert rows["limits.message_size"].origin == "default"
    with pytest.raises(ConfigurationError):
        effective(write("x = 1"), {})


@pytest.mark.parametrize(
    "url", ["sqlite:", "postgresql://user@host/db", "s3://bucket?endpoint=http://127.0.0.1:9000"]
)
def test_urls_without_secrets_stay(url):
    assert hide_secrets(url) == url


def test_a_reload_keeps_what_cannot_change(write):
    old = load(write(DESIGN_EXAMPLE), {})
    text = DESIGN_EXAMPLE.replace("2525", "2526").replace("workers = 2", "workers = 9").replace("50M", "9M")
    new = load(write(text.replace('"sqlite:"', '"postgresql://u@h/d"') + '[log]\nlevel = "debug"\n'), {})
    merged, fixed = keep_fixed(old, new)
    assert set(fixed) == {"workers", "store.url", "listener"}
    assert (merged.workers, merged.store, merged.listener) == (old.workers, old.store, old.listener)
    assert merged.limits.message_size == 9 << 20
    assert merged.log.level is LogLevel.DEBUG
    assert keep_fixed(old, old) == (old, ())


def test_every_setting_has_one_sentence():
    for setting in SETTINGS.values():
        assert setting.key.doc.endswith("."), setting.dotted
        assert setting.name.endswith("_s") == (setting.key.kind.value == "duration"), setting.dotted
    assert all(section.doc for section in SECTIONS.values())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.binary()
    | st.text('[]ablimts.="\n1{}').map(str.encode)
    | st.sampled_from([DESIGN_EXAMPLE.encode()]).flatmap(
        lambda text: st.integers(0, len(text)).map(lambda end: text[:end] + text[end + 1 :])
    )
)
def test_any_file_gives_settings_or_problems(tmp_path, content):
    path = tmp_path / "postier.toml"
    path.write_bytes(content)
    problems = check(path, {})
    if all("there is no file" in problem.reason for problem in problems):
        load(path, {})
    else:
        with pytest.raises(ConfigurationError) as caught:
            load(path, {})
        assert caught.value.problems == problems
