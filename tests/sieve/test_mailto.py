"""mailto URIs: RFC 6068, RFC 5436 §2.7."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.sieve.mailto import Mailto, parse_mailto, without_people


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("mailto:a@b.example", Mailto(("a@b.example",))),
        (
            "mailto:a@b.example,c@d.example?cc=e@f.example&subject=Hi%20you&body=a%0Ab&x-pri=1&from=evil@x.example",
            Mailto(("a@b.example", "c@d.example"), ("e@f.example",), "Hi you", "a\nb", (("x-pri", "1"),)),
        ),
        ("mailto:?to=a@b.example&Auto-Submitted=no&Received=x&Bcc=z@z.example", Mailto(("a@b.example",))),
        (
            "mailto:a@b.example?subject=x%0D%0ABcc:%20evil@x.example",
            Mailto(("a@b.example",), (), "x Bcc: evil@x.example"),
        ),
        ("mailto:a@b.example?subject", None),
        ("mailto:a@b.example?to=bad", None),
        ("mailto:" + ",".join(f"a{number}@b.example" for number in range(11)), None),
        ("mailto:a%40b.example", Mailto(("a@b.example",))),
        ("mailto:a@b.example%2Cc@d.example", Mailto(("a@b.example", "c@d.example"))),
        ("mailto:%22a%2Cb%22@c.example", Mailto(('"a,b"@c.example',))),
        # RFC 5436 §2.7: one notification each
        (
            "mailto:a@b.example,A@b.example,c@d.example?cc=c@d.example,e@f.example&to=E@f.example",
            Mailto(("a@b.example", "c@d.example", "E@f.example")),
        ),
        ("mailto:a@b.example?x:=y", None),
        ("mailto:a@b.example;", None),
        ("http://a@b.example", None),
    ],
)
def test_mailto(uri, found):
    assert parse_mailto(uri) == found


@given(st.text(st.sampled_from("ab@.,%2C?&=;<> to:cHi\u00fc"), max_size=40))
def test_any_text_is_a_uri_with_people_or_none(text):
    found = parse_mailto(f"mailto:{text}")
    assert found is None or found.to or found.cc


@given(
    st.lists(st.sampled_from(["a@x.example", '"b,c"@y.example', "d+e@z.example"]), min_size=1, unique=True)
)
def test_who_is_left_when_someone_is_taken_out(people):
    uri = (
        "mailto:"
        + ",".join(each.replace('"b,c"', "%22b%2Cc%22") for each in people)
        + "?subject=a%26b&cc=f@g.example"
    )
    left = without_people(uri, {people[0]})
    assert left is not None
    assert parse_mailto(left) == Mailto(tuple(people[1:]), ("f@g.example",), "a&b")
    assert without_people(uri, {*people, "f@g.example"}) is None
    assert without_people(uri, {"else@x.example"}) == uri
