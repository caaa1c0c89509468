import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.threads import (
    MAX_REFERENCES,
    base_subject,
    is_reply,
    message_id,
    message_ids,
    references_of,
)


@pytest.mark.parametrize(
    ("subject", "base", "marked"),
    [
        ("Lunch", "Lunch", False),
        ("", "", False),
        ("Re: Lunch", "Lunch", True),
        ("RE: re:Fwd: FW: Lunch", "Lunch", True),
        ("Re[2]: Lunch", "Lunch", True),
        ("Re [x] : Lunch", "Lunch", True),
        ("[list] Re: [list] Lunch", "Lunch", True),
        ("[list] Lunch", "Lunch", False),
        ("[a][b] [c] Lunch [d]", "Lunch [d]", False),
        ("[only]", "[only]", False),
        ("[a] [b]", "[b]", False),
        ("Re: [a] [b]", "[b]", True),
        ("Re:", "", True),
        ("Lunch (fwd)", "Lunch", True),
        ("Lunch (FWD) (fwd)  ", "Lunch", True),
        ("[Fwd: Lunch]", "Lunch", True),
        ("[fwd: Re: [x] Lunch (fwd)]", "Lunch", True),
        ("[Fwd: [Fwd: Lunch]]", "Lunch", True),
        ("Re: [Fwd: Lunch]", "Lunch", True),
        ("a\t b   c", "a b c", False),
        (" Lunch ", "Lunch", False),
        ("\tLunch", "Lunch", False),
        ("Reply: x", "Reply: x", False),
        ("Re : x", "x", True),
        ("Fwdd: x", "Fwdd: x", False),
        ("[a Re: x", "[a Re: x", False),
    ],
)
def test_base_subject(subject: str, base: str, *, marked: bool) -> None:
    assert base_subject(subject) == base
    assert is_reply(subject) is marked


@given(st.text(st.sampled_from("rRefwd:[]() \tx"), max_size=40))
def test_a_base_subject_is_its_own(subject: str) -> None:
    base = base_subject(subject)
    assert base_subject(base) == base


def test_hostile_subjects_are_linear() -> None:
    for piece in ("Re: ", "[]", "[", "]", "(fwd)", "[fwd:", "Re[", " ", "[fwd:]", "re "):
        base_subject(piece * 60_000)
        base_subject(piece * 60_000 + "]" * 60_000)


def test_message_ids() -> None:
    assert message_id(b" <a@b> ") == "a@b"
    assert message_id(b"a@b") == "a@b"
    assert message_id(b"no id here") is None
    assert message_id(b"<>") is None
    assert message_ids(b"<a@b> junk <c@\td> <e") == ("a@b", "c@d")
    assert message_id(b"<" + b"x" * 998 + b">") == "x" * 998
    assert message_ids(b"<" + b"x" * 999 + b">") == ()


def test_limit_of_references() -> None:
    at_limit = b"".join([b"<%d@x>" % n for n in range(MAX_REFERENCES)])
    assert len(message_ids(at_limit)) == MAX_REFERENCES
    over = message_ids(at_limit + b"<last@x>")
    assert (len(over), over[0], over[1], over[-1]) == (MAX_REFERENCES, "0@x", "2@x", "last@x")


def test_references_of() -> None:
    assert references_of(b"<a@b> <c@d>", b"<e@f>") == ("a@b", "c@d")
    assert references_of(b"none", b"Your mail of <e@f> <g@h>") == ("e@f",)
    assert references_of(None, None) == ()
