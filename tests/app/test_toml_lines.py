import tomllib

from hypothesis import given
from hypothesis import strategies as st

from postier.app.toml_lines import line_numbers, line_of

DOCUMENT = '''# a comment with [brackets]
hostname = "mx" # = not a key
text = """
[not.a.table]
key = 1
"""
list = [
  "a]", # ]
  [1, 2],
]
'literal key' = \'\'\'
x = 1\'\'\'
a.b."c d" = 1
[ limits ]
size = {inner = "]", other = 2}
[[listener]]
bind = 1

[[listener]]
  bind = 2
[listener.deep]
x = 1
'''


def test_every_statement_has_its_line():
    tomllib.loads(DOCUMENT)
    assert line_numbers(DOCUMENT) == {
        ("hostname",): 2,
        ("text",): 3,
        ("list",): 7,
        ("literal key",): 11,
        ("a",): 13,
        ("a", "b"): 13,
        ("a", "b", "c d"): 13,
        ("limits",): 14,
        ("limits", "size"): 15,
        ("listener",): 16,
        ("listener", 0): 16,
        ("listener", 0, "bind"): 17,
        ("listener", 1): 19,
        ("listener", 1, "bind"): 20,
        ("listener", 1, "deep"): 21,
        ("listener", 1, "deep", "x"): 22,
    }


def test_what_has_no_line_takes_that_of_what_is_around():
    lines = line_numbers(DOCUMENT)
    assert line_of(("limits", "size", "inner"), lines) == 15
    assert line_of(("nothing",), lines) is None


@given(st.text("ab.=[]{}\"'#\n\\ ,1"))
def test_any_text_ends(text):
    assert all(1 <= line <= text.count("\n") + 1 for line in line_numbers(text).values())


keys = st.text("abc_-1", min_size=1, max_size=4)
scalars = st.sampled_from(
    ['"x"', "'#'", "1", '"""a\n[b]\n"""', "[1, [2], # c ]\n]", '{a = "}", b = [1]}', "'''\n'''"]
)


@given(st.lists(st.tuples(keys, scalars), unique_by=lambda pair: pair[0]))
def test_keys_stand_where_they_were_written(pairs):
    text, expected = "", {}
    for key, value in pairs:
        text += "\n# x\n"
        expected[key,] = text.count("\n") + 1
        text += f"{key} = {value}\n"
    assert set(tomllib.loads(text)) == {key for key, _ in pairs}
    assert line_numbers(text) == expected
