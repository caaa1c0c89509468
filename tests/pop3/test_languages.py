import pytest

from postier.pop3.languages import chosen_language


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("en-GB", "en"),
        ("en-x-y", "en"),
        ("*", "en"),
        ("de", None),
        ("eng", None),
        ("-", None),
        ("x", None),
    ],
)
def test_lookup(asked, spoken):
    assert chosen_language(asked) == spoken
