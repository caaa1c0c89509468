"""Filters as people think of them, to Sieve and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.sieve.filters import (
    Beside,
    Condition,
    Deed,
    Do,
    Field,
    Filter,
    FilterError,
    Relation,
    read_filters,
    write_filters,
)
from postier.sieve.script import compile_script
from postier.sieve.world import ScriptShelf
from tests.sieve.scripts import MESSAGE_A, run, taken

COYOTE = Filter(
    "Coyote",
    (
        Condition(Field.FROM, Relation.CONTAINS, ("coyote",)),
        Condition(Field.SIZE, Relation.UNDER, ("10000",)),
    ),
    (Deed(Do.FILE, 'My "Acme" \\ Mail'), Deed(Do.READ), Deed(Do.STOP)),
)
OTHER = Filter("All", (Condition(Field.ALL),), (Deed(Do.FORWARD, "a@b.example", is_copy=True),))
OWN = 'require ["fileinto", "comparator-i;ascii-numeric"];\r\n# mine\r\nfileinto "own";\r\n'


def test_filters_are_written_run_and_read_back():
    script = write_filters((COYOTE, OTHER))
    result = run(script)
    assert taken(result) == ['fileinto My "Acme" \\ Mail']
    assert result.actions[0].flags == ("\\Seen",)
    assert read_filters(script).filters == (COYOTE, OTHER)
    assert taken(run(script, b"From: x@y.example\r\n\r\n")) == ["redirect a@b.example", "implicit keep"]


def test_what_is_switched_off_stays_but_does_nothing():
    off = Filter("off", OTHER.conditions, (Deed(Do.DISCARD),), is_enabled=False)
    script = write_filters((off,))
    assert read_filters(script).filters == (off,)
    assert taken(run(script)) == ["implicit keep"]


def test_the_owners_script_stays_as_it_is():
    script = write_filters((OTHER,), OWN)
    assert taken(run(script)) == ["redirect a@b.example", "fileinto own"]
    read = read_filters(script)
    assert read.before + read.after == OWN
    changed = write_filters((COYOTE,), script)
    assert read_filters(changed).filters == (COYOTE,)
    assert read_filters(changed).before + read_filters(changed).after == OWN
    assert taken(run(changed)) == ['fileinto My "Acme" \\ Mail']
    assert read_filters(OWN).filters is None


def test_what_was_changed_by_hand_is_not_overwritten():
    script = write_filters((OTHER,)).replace("a@b.example", "c@d.example")
    read = read_filters(script)
    assert (read.filters, read.is_changed_by_hand, read.before) == (None, True, script)
    with pytest.raises(FilterError, match="changed by hand"):
        write_filters((COYOTE,), script)
    assert read_filters(write_filters((OTHER,)).replace("\r\n", "\n")).filters == (OTHER,)


def test_whole_scripts_stand_beside_the_filters():
    beside = Beside(("first",), ("last", "none"))
    script = write_filters((OTHER,), beside=beside)
    assert read_filters(script).beside == beside
    shelf = ScriptShelf(
        {name: compile_script(f'require "fileinto"; fileinto "{name}";') for name in ("first", "last")}
    )
    assert taken(run(script, scripts=shelf)) == ["fileinto first", "redirect a@b.example", "fileinto last"]


@pytest.mark.parametrize(
    ("condition", "message", "holds"),
    [
        (Condition(Field.TO, Relation.IS, ("roadrunner@acme.example.com",)), MESSAGE_A, True),
        (Condition(Field.TO, Relation.DOMAIN, ("acme.example.com",)), MESSAGE_A, True),
        (Condition(Field.FROM, Relation.DOMAIN, ("acme.example.com",)), MESSAGE_A, False),
        (Condition(Field.FROM, Relation.MATCHES, ("coyote@*",), is_not=True), MESSAGE_A, False),
        (Condition(Field.SUBJECT, Relation.MATCHES, ("*present*",)), MESSAGE_A, True),
        (Condition(Field.LIST, Relation.CONTAINS, ("x.y",)), b"List-Id: <x.y>\r\n\r\n", True),
        (Condition(Field.HEADER, Relation.IS, ("a", "b"), "X-A"), b"X-A: b\r\n\r\n", True),
        (Condition(Field.BODY, Relation.CONTAINS, ("birdseed",)), MESSAGE_A, True),
        (Condition(Field.SIZE, Relation.OVER, ("100000",)), MESSAGE_A, False),
    ],
)
def test_conditions(condition, message, holds):
    script = write_filters((Filter("x", (condition,), (Deed(Do.DISCARD),)),))
    assert (taken(run(script, message)) == ["discard"]) is holds


@pytest.mark.parametrize(
    ("conditions", "deeds"),
    [
        ((), (Deed(Do.STOP),)),
        ((Condition(Field.ALL),), ()),
        ((Condition(Field.SUBJECT),), (Deed(Do.STOP),)),
        ((Condition(Field.SIZE, Relation.IS, ("1",)),), (Deed(Do.STOP),)),
        ((Condition(Field.SIZE, Relation.OVER, ("1M",)),), (Deed(Do.STOP),)),
        ((Condition(Field.SUBJECT, Relation.OVER, ("1",)),), (Deed(Do.STOP),)),
        ((Condition(Field.HEADER, Relation.IS, ("1",)),), (Deed(Do.STOP),)),
        ((Condition(Field.ALL),), (Deed(Do.FILE),)),
        ((Condition(Field.ALL),), (Deed(Do.FILE, "a\x01"),)),
        ((Condition(Field.ALL),), (Deed(Do.FORWARD, "nobody"),)),
        ((Condition(Field.ALL),), (Deed(Do.REJECT, "x" * 2_001),)),
        ((Condition(Field.ALL),) * 101, (Deed(Do.STOP),)),
    ],
)
def test_what_is_no_filter(conditions, deeds):
    with pytest.raises(FilterError):
        write_filters((Filter("x", conditions, deeds),))


def test_texts_that_the_script_would_expand():
    priced = Filter("x", (Condition(Field.SUBJECT, values=("${price}",)),), (Deed(Do.DISCARD),))
    assert taken(run(write_filters((priced,)), b"Subject: only ${price}\r\n\r\n")) == ["discard"]
    with pytest.raises(FilterError, match="put the script beside"):
        write_filters((priced,), 'require ["variables"];\r\n')
    with pytest.raises(FilterError, match="cannot be the name of a script"):
        write_filters((priced,), beside=Beside(("../x",)))
    with pytest.raises(FilterError, match="more than 500"):
        write_filters((priced,) * 501)


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20) | st.sampled_from(
    [
        "# end of postier filters",
        "a\r\n# end of postier filters\r\n",
        'x\r\n# filter {"a":1}',
        '"; discard; "',
        "${x}",
        "\\",
        "*/",
    ]
)
CONDITIONS = st.builds(
    Condition,
    st.sampled_from([Field.FROM, Field.TO, Field.SUBJECT, Field.LIST, Field.BODY, Field.ALL]),
    st.sampled_from([Relation.CONTAINS, Relation.IS, Relation.MATCHES]),
    st.lists(TEXTS, min_size=1, max_size=3).map(tuple),
    is_not=st.booleans(),
)
DEEDS = st.builds(Deed, st.sampled_from([Do.FLAG, Do.REJECT]), TEXTS) | st.builds(
    Deed, st.sampled_from([Do.READ, Do.DISCARD, Do.STOP])
)
FILTERS = st.builds(
    Filter,
    TEXTS,
    st.lists(CONDITIONS, min_size=1, max_size=3).map(tuple),
    st.lists(DEEDS, min_size=1, max_size=3).map(tuple),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(FILTERS, max_size=3).map(tuple), st.sampled_from(["", OWN]))
def test_any_filters_compile_and_read_back(filters, own):
    script = write_filters(filters, own)
    compile_script(script)
    read = read_filters(script)
    assert read.filters == filters
    assert read.before + read.after == own


@given(st.text(max_size=200))
def test_any_text_is_read(text):
    read = read_filters(text)
    assert read.before == text
