"""What FUZZY finds, and how relevant it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.fuzzy import MAX_WORDS, Closeness, loosened, scores
from postier.imap.search import (
    AddressField,
    AddressText,
    All,
    And,
    AnyText,
    BodyText,
    Flags,
    Fuzzy,
    HeaderText,
    Nothing,
    SubjectText,
)
from postier.imap.search_algebra import Binding, bind, fuzzed, is_fuzzy, needs


@pytest.mark.parametrize(
    ("text", "closeness", "words"),
    [
        ("imap break", Closeness.EXACT, ["imap break"]),
        ("imap break", Closeness.WORDS, ["imap", "break"]),
        ("imap meeting", Closeness.LOOSE, ["imap", "meet"]),
        ("a, b-a", Closeness.WORDS, ["a", "b"]),
        ("...", Closeness.LOOSE, ["..."]),
        ("日本語の手紙", Closeness.LOOSE, ["日本語の"]),
        (" ".join(f"w{n}" for n in range(99)), Closeness.WORDS, [f"w{n}" for n in range(MAX_WORDS)]),
    ],
)
def test_words(text, closeness, words):
    found = loosened(SubjectText(text), closeness)
    parts = [SubjectText(word) for word in words]
    assert found == (parts[0] if len(parts) == 1 else And(tuple(parts)))


def test_every_text_key_is_loosened_and_no_other():
    for made in (
        BodyText,
        AnyText,
        lambda text: AddressText(AddressField.TO, text),
        lambda text: HeaderText("x", text),
    ):
        assert loosened(made("meeting"), Closeness.LOOSE) == made("meet")
    assert loosened(Flags(1), Closeness.LOOSE) == Flags(1)
    assert loosened(All(), Closeness.LOOSE) == All()


words = st.lists(st.sampled_from(("plan", "meeting", "meets", "of", "the", "x")), min_size=1, max_size=4).map(
    " ".join
)


@given(words, words)
def test_each_closeness_finds_what_the_closer_finds(pattern, text):
    found = []
    for closeness in (Closeness.EXACT, Closeness.WORDS, Closeness.LOOSE):
        criterion = loosened(SubjectText(pattern), closeness)
        terms = criterion.terms if isinstance(criterion, And) else (criterion,)
        found.append(all(term.text in text for term in terms))
    assert found == sorted(found)


@given(st.sets(st.integers(1, 500)), st.data())
def test_scores_rank_by_closeness_then_by_age(found, data):
    found = sorted(found)
    with_words = {uid for uid in found if data.draw(st.booleans())}
    exact = {uid for uid in with_words if data.draw(st.booleans())}
    scored = scores(found, with_words, exact)
    assert list(scored) != found or scored.keys() == set(found)
    assert all(1 <= score <= 100 for score in scored.values())
    for one in found:
        for other in found:
            ranks = [(uid in exact) + (uid in with_words) for uid in (one, other)]
            if ranks[0] > ranks[1]:
                assert scored[one] > scored[other]
            elif ranks[0] == ranks[1] and one > other:
                assert scored[one] >= scored[other]
    if exact:
        assert max(scored.values()) == 100


def test_fuzzed_criteria():
    assert fuzzed(SubjectText("a")) == Fuzzy(SubjectText("a"))
    assert not is_fuzzy(SubjectText("a"))
    plain = fuzzed(Flags(1))
    assert is_fuzzy(plain)
    binding = Binding((), lambda _set, _is_uid: ())
    assert bind(plain, binding) == Flags(1)
    assert bind(fuzzed(SubjectText("a b")), binding) == SubjectText("a b")
    assert needs(Fuzzy(BodyText("x"))) == needs(BodyText("x"))
    assert bind(fuzzed(Nothing()), binding) == Nothing()
