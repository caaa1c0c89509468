"""SECURITY row 15 and 21: what a hostile script cannot do."""

import time

import pytest

from postier.sieve.problems import ScriptError
from postier.sieve.script import compile_script

MESSAGE = b"From: a@b.example\r\nSubject: " + b"a" * 5_000 + b"!\r\n\r\n" + b"b" * 100_000 + b"\r\n"
MAX_CPU_S = 10.0  # far above what any of these takes, far below what an explosion would


def run(script):
    started = time.process_time()
    result = compile_script(script).run(MESSAGE)
    assert time.process_time() - started < MAX_CPU_S
    return result


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(a*)*b$", "(.*)(.*)(.*)(.*)x", "(x+x+)+y", "([a-z]+)*[0-9]"]
)
def test_an_expression_does_not_explode(pattern):
    result = run(f'require ["regex", "variables"]; if header :regex "subject" "{pattern}" {{ discard; }}')
    assert result.error or result.keep


def test_a_thousand_redirects_are_an_error_and_the_mail_is_kept():
    result = run("".join([f'redirect "a{number}@b.example";' for number in range(1_000)]))
    assert result.error
    assert result.actions == ()
    assert result.keep.is_implicit


def test_thousands_of_body_tests_end():
    tests = 'if body :matches "*?b?c*" { stop; }' * 3_000
    assert run(f'require "body"; {tests}').error


@pytest.mark.parametrize("name", ["../x", "a/b", "", "x\x01", "x" * 129])
def test_a_path_is_no_script(name):
    with pytest.raises(ScriptError):
        compile_script(f'require "include"; include "{name}";')


def test_a_giant_script_is_refused_before_it_is_read():
    with pytest.raises(ScriptError, match="larger than"):
        compile_script(b'"' * (2 << 20))
