"""Running scripts: sources of messages, and any octets whatever."""

from hypothesis import given, settings
from hypothesis import strategies as st

from postier.mime.structure import parse
from postier.sieve.problems import ScriptError
from postier.sieve.script import compile_script, run_script
from tests.sieve.scripts import MESSAGE_A, taken

WORDS = st.sampled_from(
    ["if ", "elsif ", "else ", "not ", "anyof (", "allof (", "header ", ":is ", ":matches ", ":contains ", '"a" ', '"*" ',
     '["a", "b"] ', "1K ", "{ ", "} ", "( ", ") ", ", ", "; ", "keep ", "discard ", "stop ", "redirect ", "require ",
     '"fileinto" ', "fileinto ", "size ", ":over ", "exists ", "true ", "false ", "/* ", "*/ ", "# \n", "text:\n", "\n.\n",
     '"variables" ', "set ", '"${1}" ', "\\", '"']
)  # fmt: skip


class Watched:
    """A message that notes what is asked of it."""

    def __init__(self, raw):
        self._raw = raw
        self.asked = []

    @property
    def size(self):
        self.asked.append("size")
        return len(self._raw)

    def header(self):
        self.asked.append("header")
        return self._raw[: self._raw.index(b"\r\n\r\n") + 4]

    def raw(self):
        self.asked.append("raw")
        return self._raw

    def root(self):
        self.asked.append("root")
        return parse(self._raw)


def test_the_body_is_read_only_if_a_test_asks():
    rules = (
        'if allof (header "subject" "x", size :over 1) { discard; } if header :contains "to" "rr" { stop; }'
    )
    message = Watched(MESSAGE_A)
    assert taken(run_script(compile_script(rules), message)) == ["implicit keep"]
    assert message.asked == ["header"]
    message = Watched(MESSAGE_A)
    script = compile_script('require "body"; if body :contains "birdseed" { discard; }')
    assert taken(script.run(message)) == ["discard"]
    assert set(message.asked) == {"raw", "root"}


def test_a_script_runs_any_number_of_times():
    script = compile_script('require ["variables", "fileinto"]; set "a" "${a}x"; fileinto "${a}";')
    assert [script.run(b"").actions[0].mailbox for _ in range(3)] == ["x", "x", "x"]


def test_a_byte_order_mark_is_passed_over():
    assert taken(compile_script(b"\xef\xbb\xbfkeep;").run(b"")) == ["keep"]


@settings(deadline=None)
@given(
    st.binary(max_size=300) | st.lists(WORDS, max_size=40).map(lambda words: "".join(words).encode()),
    st.binary(max_size=200),
)
def test_any_octets_give_a_result_or_mistakes(script, message):
    try:
        compiled = compile_script(script)
    except ScriptError as error:
        compiled = None
        problems = error.problems
    if compiled is None:
        assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)
        return
    result = compiled.run(message, with_trace=True)
    assert result.actions == compiled.run(message).actions
