import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.sasl.saslprep import saslprep


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\xadX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\xaa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
    ],
)
def test_examples(text, prepared):
    assert saslprep(text) == prepared  # RFC 4013 §3


@pytest.mark.parametrize("text", ["\u0007", "\u06271", "", "\xad", "a\x7f", "\ue000", "\ud800"])
def test_refused(text):
    with pytest.raises(ValueError):
        saslprep(text)


def test_unassigned_code_points_may_be_asked_for_but_not_stored():
    assert saslprep("a\u0221") == "a\u0221"
    with pytest.raises(ValueError):
        saslprep("a\u0221", is_query=False)
    assert saslprep("\u0627\u0628") == "\u0627\u0628"


@given(st.text())
def test_any_text(text):
    try:
        prepared = saslprep(text)
    except ValueError:
        return
    assert prepared
