"""What the issuer answers about a token."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.accounts.tokens.claims import LEEWAY_S, Expected
from postier.accounts.tokens.introspection import (
    MAX_ANSWER_OCTETS,
    basic_authorization,
    introspection_form,
    judge_answer,
)
from postier.accounts.tokens.verdict import Refusal, TokenAccepted, TokenRefused
from tests.accounts.tokens.signing import ALICE, AUDIENCE, ISSUER, NOW_S

EXPECTED = Expected(issuer=ISSUER, audience="", scope="", claim="username")


def judged(expected=EXPECTED, **more):
    answer = {"active": True, "username": ALICE} | more
    answer = {name: value for name, value in answer.items() if value is not None}
    found = judge_answer(json.dumps(answer).encode(), expected, NOW_S)
    return found.refusal if isinstance(found, TokenRefused) else found


def test_the_least_answer():
    assert judged() == TokenAccepted(ALICE, None)
    assert judged(exp=NOW_S + 5) == TokenAccepted(ALICE, NOW_S + 5)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"active": False}, Refusal.INACTIVE),
        ({"active": None}, Refusal.ANSWER),
        ({"active": "true"}, Refusal.ANSWER),
        ({"active": 1}, Refusal.ANSWER),
        ({"exp": NOW_S - LEEWAY_S}, Refusal.EXPIRED),
        ({"exp": "soon"}, Refusal.CLAIMS),
        ({"nbf": NOW_S + LEEWAY_S + 1}, Refusal.TOO_EARLY),
        ({"iss": "https://other.test"}, Refusal.ISSUER),
        ({"username": "alice"}, Refusal.NO_ADDRESS),
        ({"username": None}, Refusal.NO_ADDRESS),
        ({"token_type": "DPoP"}, Refusal.BOUND),
        ({"cnf": {}}, Refusal.BOUND),
    ],
)
def test_refusals(more, why):
    assert judged(**more) is why


def test_audience_and_scope_are_demanded_when_configured():
    expected = Expected(issuer=ISSUER, audience=AUDIENCE, scope="mail", claim="username")
    assert judged(expected) is Refusal.AUDIENCE
    assert judged(expected, aud=AUDIENCE) is Refusal.SCOPE
    assert judged(expected, aud=[AUDIENCE], scope="a mail") == TokenAccepted(ALICE, None)


def test_an_answer_at_its_bound():
    answer = json.dumps({"active": True, "username": ALICE}).encode()
    assert judge_answer(answer.ljust(MAX_ANSWER_OCTETS), EXPECTED, NOW_S) == TokenAccepted(ALICE, None)
    assert judge_answer(answer.ljust(MAX_ANSWER_OCTETS + 1), EXPECTED, NOW_S) == TokenRefused(Refusal.ANSWER)


@given(st.binary(max_size=200))
def test_any_answer_gives_a_verdict(answer):
    assert judge_answer(answer, EXPECTED, NOW_S) == TokenRefused(Refusal.ANSWER)


def test_the_request():
    assert introspection_form("a+b/c=&x=y") == b"token=a%2Bb%2Fc%3D%26x%3Dy&token_type_hint=access_token"
    # RFC 6749 §2.3.1: each is form-encoded before, so that a colon can stand in either
    assert basic_authorization("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw") == (
        "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"
    )
    assert basic_authorization("a:b", "c d") == "Basic YSUzQWI6Yytk"
