from postier.mailauth.dkim import DkimResult, Problem
from postier.mailauth.dkim.result import MAX_SHOWN_NAMES
from postier.mailauth.outcome import Outcome


def result(**values):
    known = {
        "domain": "a.test",
        "selector": "s",
        "algorithm": "rsa-sha256",
        "signed": ("from",),
        "key_bits": 2048,
    }
    return DkimResult(Outcome.PASS, **(known | {"canonicalization": "relaxed/simple"} | values))


def test_the_story_of_a_pass():
    assert result(is_testing=True, body_length=7).trace == (
        "rsa-sha256 signature of a.test, selector s",
        "it signs the body and from (relaxed/simple)",
        "l= says that it covers 7 octets of the body",
        "the key at s._domainkey.a.test has 2048 bits; its owner is testing (t=y)",
        "the body is as it was signed",
        "the signed header fields are as they were signed",
    )


def test_the_story_of_a_failure_ends_with_its_reason():
    assert result(problem=Problem.BODY, reason="changed").trace[-2:] == (
        "the key at s._domainkey.a.test has 2048 bits",
        "changed",
    )
    assert result(problem=Problem.SIGNATURE, reason="changed").trace[-2] == "the body is as it was signed"
    assert result(problem=Problem.NO_KEY, reason="gone", key_bits=0).trace[-2:] == (
        "no key to use at s._domainkey.a.test",
        "gone",
    )


def test_the_story_is_bounded_and_printable():
    story = result(signed=("x\x1b" * 500,), problem=Problem.SYNTAX, reason="wrong").trace
    assert all(line.isprintable() for line in story)
    assert max(map(len, story)) < MAX_SHOWN_NAMES + 100
