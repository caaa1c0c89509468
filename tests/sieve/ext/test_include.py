"""include: RFC 6609."""

import pytest

from postier.sieve.limits import ScriptLimits
from postier.sieve.problems import ScriptError
from postier.sieve.script import compile_script
from postier.sieve.world import ScriptShelf, World
from tests.sieve.scripts import MESSAGE_A, mistakes, run, taken


def run_with(script, personal=None, everybodys=None, limits=None, **options):
    shelf = ScriptShelf(
        {name: compile_script(text) for name, text in (personal or {}).items()},
        {name: compile_script(text) for name, text in (everybodys or {}).items()},
    )
    more = {} if limits is None else {"limits": limits}
    return run(
        f'require ["include", "variables", "fileinto"]; {script}',
        world=World(scripts=shelf),
        **more,
        **options,
    )


@pytest.mark.parametrize(
    ("script", "actions"),
    [
        ('include "keep"; fileinto "after";', ["keep", "fileinto after"]),
        ('include :personal "keep";', ["keep"]),
        ('include :global "keep";', ["fileinto global"]),
        ('include "stop"; keep;', ["implicit keep"]),
        ('include "return"; keep;', ["keep"]),
        ("return; keep;", ["implicit keep"]),
        ('include :optional "none";', ["implicit keep"]),
        ('include "once"; include :once "once";', ["fileinto once"]),
        ('if true { include "keep"; }', ["keep"]),
        ('include "shadow"; fileinto "a${x}";', ["fileinto a"]),
        ('global "x"; include "shared"; fileinto "${x}";', ["fileinto theirs"]),
        ('include "shared"; fileinto "a${global.x}";', ["fileinto atheirs"]),
        ('global ["x"]; set "x" "mine"; include "reads"; ', ["fileinto mine"]),
        (
            'if header :matches "from" "*" {} include "matches"; fileinto "${0}";',
            ["fileinto =", "fileinto coyote@desert.example.org"],
        ),
    ],
)
def test_include(script, actions):
    personal = {
        "keep": "keep;",
        "stop": "stop;",
        "return": 'require ["include", "fileinto"]; if true { return; } fileinto "not here";',
        "once": 'require "fileinto"; fileinto "once";',
        "shadow": 'require "variables"; set "x" "private";',
        "shared": 'require ["include", "variables"]; global "x"; set "x" "theirs";',
        "reads": 'require ["include", "variables", "fileinto"]; global "x"; fileinto "${x}";',
        "matches": 'require ["variables", "fileinto"]; fileinto "=${0}";',
    }
    assert taken(run_with(script, personal, {"keep": 'require "fileinto"; fileinto "global";'})) == actions


def test_require_is_of_each_script():
    with pytest.raises(ScriptError):
        run_with('include "a";', {"a": 'fileinto "x";'})


def test_recursion_is_an_error():
    personal = {"a": 'require "include"; include "b";', "b": 'require "include"; include "a";'}
    result = run_with('include "a";', personal)
    assert result.error == 'the script "a" includes itself'
    assert result.keep.is_implicit
    once = {"a": 'require "include"; include :once "a"; keep;'}
    assert taken(run_with('include "a";', once)) == ["keep"]


def test_missing_scripts_and_broken_ones():
    assert run_with('include "none";').error == 'there is no script "none"'

    class Broken:
        def find(self, name, *, is_global):
            return compile_script("nonsense")

    result = run('require "include"; include "x";', world=World(scripts=Broken()))
    assert result.error.startswith('the script "x" is broken: line 1, column 9')


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ('include "../x";', "cannot be the name of a script"),
        ('include "..";', "cannot be the name of a script"),
        ('include "a\\\\b";', "cannot be the name of a script"),
        ('include "";', "cannot be the name of a script"),
        ('include "a\r\nb";', "cannot be the name of a script"),
        ('include "${x}";', "must be a string without variables"),
        ('include :personal :global "x";', "exclude each other"),
        ('set "x" "y"; global "x";', '"x" has been set before it is declared global'),
        ('global "1";', "is no name of a variable"),
        ('global "a.b";', "is no name of a variable"),
        ('global "global.b";', "has a namespace"),
        ('set "global.a.b" "x";', "is no name of a variable"),
        ('set "global.12" "x";', "is no name of a variable"),
    ],
)
def test_include_mistakes(script, message):
    """SECURITY 15: the name ../x is no script."""
    assert message in mistakes(f'require ["include", "variables"]; {script}')[0]


def test_global_needs_both_extensions():
    assert 'needs require "variables"' in mistakes('require "include"; global "x";')[0]
    assert 'needs require "include"' in mistakes('require "variables"; global "x";')[0]


def test_the_limits_of_includes():
    limits = ScriptLimits(include_depth=3, includes=4)
    deep = {"1": 'require "include"; include "2";', "2": 'require "include"; include "3";', "3": "keep;"}
    assert run_with('include "2";', deep, limits=limits).error is None
    assert run_with('include "1";', deep, limits=limits).error == "scripts are included deeper than 3"
    assert run_with('include "3";' * 4, deep, limits=limits).error is None
    assert run_with('include "3";' * 5, deep, limits=limits).error == "more than 4 scripts are included"


def test_an_included_script_is_traced():
    shelf = ScriptShelf({"a": compile_script("\n\nkeep;")})
    script = compile_script('require "include"; include "a";')
    trace = script.run(MESSAGE_A, world=World(scripts=shelf), with_trace=True).trace
    assert [(each.line, each.what) for each in trace] == [(1, 'include "a"'), (3, "keep")]


def test_the_deepest_scripts_run():
    nested = "if not not true {" * 30 + "INNER" + "}" * 30
    deep = {}
    for number in range(7, 0, -1):
        inner = "keep;" if number == 7 else f'include "{number + 1}";'
        deep[str(number)] = compile_script('require "include";' + nested.replace("INNER", inner))
    script = compile_script('require "include";' + nested.replace("INNER", 'include "1";'))
    world = World(scripts=ScriptShelf(deep))
    assert taken(script.run(MESSAGE_A, world=world)) == ["keep"]
    assert taken(script.run(MESSAGE_A, world=world, with_trace=True)) == ["keep"]


def test_a_name_is_found_in_its_composed_form():
    assert taken(run_with('include "u\u0308";', {"\u00fc": "keep;"})) == ["keep"]


PARTS = (
    b"Content-Type: multipart/mixed; boundary=b\r\nX-Part: 0\r\n\r\n--b\r\nX-Part: 1\r\n\r\nx\r\n--b\r\n"
    b"X-Part: 2\r\nContent-Type: text/html\r\n\r\n<b>y</b>\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    ("inner", "seen"),
    [
        ('if header :matches "x-part" "*" { set "seen" "${seen}${0}"; }', "012"),
        ('if header :mime :matches "x-part" "*" { set "seen" "${seen}${0}"; }', "012"),
        ('if header :index 1 :matches "x-part" "*" { set "seen" "${seen}${0}"; }', "012"),
        ('if header :mime :anychild "x-part" "2" { set "seen" "${seen}!"; }', "!!"),
        ('if exists "content-type" { set "seen" "${seen}!"; }', "!!"),
        ('if size :under 20 { set "seen" "${seen}!"; }', "!"),
        ('if body :contains "y" { set "seen" "${seen}!"; }', "!!"),
        ('if body :raw "x" { set "seen" "${seen}!"; }', "!"),
        ('foreverypart { if header :mime :matches "x-part" "*" { set "seen" "${seen}${0}"; } }', "01212"),
        ('foreverypart { foreverypart { set "seen" "${seen}!"; } }', "!!"),
        ('if header "x-part" "1" { return; } set "seen" "${seen}!";', "!!"),
        ('addheader "X-Part" "a"; if header :matches "x-part" "*" { set "seen" "${seen}${0}"; }', "a12"),
    ],
)
def test_a_script_that_is_included_in_a_loop_has_the_part_for_its_message(inner, seen):  # RFC 6609 §3.5
    required = 'require ["include", "variables", "foreverypart", "mime", "index", "body", "editheader"]; global "seen";'
    script = 'require ["foreverypart"]; global "seen"; foreverypart { include "a"; } fileinto "=${seen}";'
    assert taken(run_with(script, {"a": required + inner}, message=PARTS)) == [f"fileinto ={seen}"]
    wrapped = {"a": required + 'include "b";', "b": required + inner}
    assert taken(run_with(script, wrapped, message=PARTS)) == [f"fileinto ={seen}"]


def test_what_it_files_is_the_message_and_what_it_replaces_is_the_part():
    shelf = {
        "files": 'require "fileinto"; if header "x-part" "1" { fileinto "Part"; }',
        "replaces": 'require "replace"; if header "x-part" "1" { replace "new"; }',
    }
    script = 'require "foreverypart"; foreverypart { include "files"; }'
    (action,) = run_with(script, shelf, message=PARTS).actions
    assert (action.mailbox, action.content) == ("Part", None)
    script = """require ["foreverypart", "mime"]; foreverypart { include "replaces";
        if header :mime :contenttype "content-type" "text/html" { fileinto "html"; } }"""
    (action,) = run_with(script, shelf, message=PARTS).actions
    before, _, after = action.content.partition(b"new")
    assert before.startswith(b"Content-Type: multipart/mixed; boundary=b\r\nX-Part: 0\r\n\r\n--b\r\n")
    assert after == b"\r\n--b\r\nX-Part: 2\r\nContent-Type: text/html\r\n\r\n<b>y</b>\r\n--b--\r\n"


def test_loops_in_scripts_that_are_included_count():
    loop = 'require ["include", "foreverypart"]; foreverypart {{ include "{}"; }}'
    shelf = {str(number): loop.format(number + 1) for number in range(1, 4)} | {"4": "keep;"}
    script = 'require "foreverypart"; foreverypart { include "1"; }'
    assert run_with(script, shelf).error is None
    assert (
        run_with(script, shelf, limits=ScriptLimits(loop_depth=3)).error == "loops are nested deeper than 3"
    )
