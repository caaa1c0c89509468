import ipaddress
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.app.settings import TlsMode
from postier.app.values import MAX_INTEGER, Endpoint, Kind, read_value, toml_text, write_value

RIGHT = [
    (Kind.SIZE, "50M", 50 << 20),
    (Kind.SIZE, "50MiB", 50 << 20),
    (Kind.SIZE, "1 k", 1024),
    (Kind.SIZE, 4096, 4096),
    (Kind.SIZE, "0", 0),
    (Kind.DURATION, "5d", 432000),
    (Kind.DURATION, "1h30m", 5400),
    (Kind.DURATION, "90", 90),
    (Kind.DURATION, 90, 90),
    (Kind.INTEGER, "12", 12),
    (Kind.BOOLEAN, "yes", True),
    (Kind.BOOLEAN, False, False),
    (Kind.HOSTNAME, "MX.Alpha.Test", "mx.alpha.test"),
    (Kind.BIND, "127.0.0.1:25", Endpoint("127.0.0.1", 25)),
    (Kind.BIND, "[::1]:0", Endpoint("::1", 0)),
    (Kind.BIND, "*:65535", Endpoint("*", 65535)),
    (Kind.BIND, "localhost:25", Endpoint("localhost", 25)),
    (Kind.RESOLVER, "127.0.0.1", Endpoint("127.0.0.1", 53)),
    (Kind.RESOLVER, "::1", Endpoint("::1", 53)),
    (Kind.RESOLVER, "[::1]", Endpoint("::1", 53)),
    (Kind.RESOLVER, "127.0.0.1:5353", Endpoint("127.0.0.1", 5353)),
    (Kind.NETWORK, "127.0.0.0/8", ipaddress.ip_network("127.0.0.0/8")),
    (Kind.NETWORK, "::1", ipaddress.ip_network("::1/128")),
    (Kind.ADDRESS, "Submit@Alpha.test", "submit@alpha.test"),
    (Kind.URL, "https://login.alpha.test/keys", "https://login.alpha.test/keys"),
    (Kind.SECRET, "s3cr3t", "s3cr3t"),
    (Kind.TEXT, "mail", "mail"),
]
WRONG = [
    (Kind.SIZE, "50X"),
    (Kind.SIZE, "-1"),
    (Kind.SIZE, -1),
    (Kind.SIZE, True),
    (Kind.SIZE, 1.5),
    (Kind.SIZE, str(MAX_INTEGER + 1)),
    (Kind.SIZE, "9999999999999999999T"),
    (Kind.DURATION, "5 days"),
    (Kind.DURATION, "1h 30m"),
    (Kind.DURATION, ""),
    (Kind.DURATION, "٣s"),
    (Kind.INTEGER, "1.5"),
    (Kind.INTEGER, True),
    (Kind.INTEGER, 2**63),
    (Kind.BOOLEAN, 1),
    (Kind.BOOLEAN, "maybe"),
    (Kind.HOSTNAME, "[127.0.0.1]"),
    (Kind.HOSTNAME, "a b"),
    (Kind.HOSTNAME, 3),
    (Kind.BIND, "25"),
    (Kind.BIND, "::1:25"),
    (Kind.BIND, "[::1]"),
    (Kind.BIND, "[127.0.0.1]:25"),
    (Kind.BIND, "127.0.0.1:65536"),
    (Kind.BIND, "a*:25"),
    (Kind.BIND, 25),
    (Kind.RESOLVER, "localhost"),
    (Kind.RESOLVER, "127.0.0.1:0"),
    (Kind.RESOLVER, 53),
    (Kind.NETWORK, "127.0.0.1/8"),
    (Kind.NETWORK, 1),
    (Kind.ADDRESS, "submit"),
    (Kind.ADDRESS, 1),
    (Kind.PATH, ""),
    (Kind.PATH, "a\0b"),
    (Kind.TEXT, ""),
    (Kind.TEXT, 1),
]


@pytest.mark.parametrize(("kind", "raw", "value"), RIGHT)
def test_right_values_are_read_and_written_back(kind, raw, value):
    assert read_value(kind, raw) == value
    written = tomllib.loads(f"x = {write_value(kind, value)}")["x"]
    assert read_value(kind, written) == value


@pytest.mark.parametrize(("kind", "raw"), WRONG)
def test_wrong_values_say_what_is_expected(kind, raw):
    with pytest.raises(ValueError, match="expected "):
        read_value(kind, raw)


def test_choices_are_listed():
    assert read_value(Kind.CHOICE, "none", choices=TlsMode) is TlsMode.NONE
    assert write_value(Kind.CHOICE, TlsMode.NONE) == '"none"'
    with pytest.raises(ValueError, match='expected one of "none", "starttls", "implicit"'):
        read_value(Kind.CHOICE, "tls", choices=TlsMode)


def test_paths_are_relative_to_a_folder():
    assert read_value(Kind.PATH, "tls.crt", folder=Path("/etc/postier")) == Path("/etc/postier/tls.crt")
    assert read_value(Kind.PATH, "/tls.crt", folder=Path("/etc/postier")) == Path("/tls.crt")


@given(st.integers(0, MAX_INTEGER), st.sampled_from([Kind.SIZE, Kind.DURATION, Kind.INTEGER]))
def test_numbers_go_round(value, kind):
    written = tomllib.loads(f"x = {write_value(kind, value)}")["x"]
    assert read_value(kind, written) == value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_goes_round(text):
    assert tomllib.loads(f"x = {toml_text(text)}")["x"] == text


@given(
    st.sampled_from([kind for kind in Kind if kind is not Kind.CHOICE]),
    st.text() | st.integers() | st.booleans(),
)
def test_anything_is_read_or_refused(kind, raw):
    try:
        value = read_value(kind, raw)
    except ValueError:
        with pytest.raises(ValueError, match=r"^expected "):
            read_value(kind, raw)
    else:
        assert value is not None
