import pytest

from postier.managesieve.names import MAX_NAME_CHARACTERS, script_name


@pytest.mark.parametrize(
    "name",
    ["main", "Urlaub im Süden", "x" * MAX_NAME_CHARACTERS, "ü" * MAX_NAME_CHARACTERS, ".a", "a..b", "日本"],
)
def test_good_names(name):
    assert script_name(name.encode()) == name


def test_a_name_has_one_form():
    assert script_name("Su\u0308den".encode()) == "S\u00fcden"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"x" * (MAX_NAME_CHARACTERS + 1),
        b"../x",
        b"a/b",
        b"a\\b",
        b".",
        b"..",
        b"a\0",
        b"a\r\nb",
        b"\x7f",
        b"\xff",
        b"\xc2\x85",
        "a\u2028b".encode(),
    ],
)
def test_bad_names(octets):
    assert script_name(octets) is None
