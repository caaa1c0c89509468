import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.outcome import Outcome
from postier.mailauth.spf import SpfResult, received_spf


def test_the_field():
    result = SpfResult(Outcome.PASS, "example.com", "mailfrom", "ip4:192.0.2.1")
    field = received_spf(
        result, ip="192.0.2.1", sender="myname@example.com", helo="foo.example.com", receiver="mx.example.org"
    )
    assert field == (
        b"Received-SPF: pass (mx.example.org: domain of example.com designates 192.0.2.1 as permitted sender)\r\n"
        b" receiver=mx.example.org;\r\n client-ip=192.0.2.1;\r\n identity=mailfrom;\r\n"
        b' envelope-from="myname@example.com";\r\n helo=foo.example.com;\r\n mechanism="ip4:192.0.2.1";\r\n'
    )


@pytest.mark.parametrize(
    "outcome",
    [Outcome.FAIL, Outcome.SOFTFAIL, Outcome.NEUTRAL, Outcome.NONE, Outcome.TEMPERROR, Outcome.PERMERROR],
)
def test_each_result_has_its_words(outcome):
    field = received_spf(
        SpfResult(outcome, "a.test", "helo", problem="why"),
        ip="::1",
        sender="",
        helo="a.test",
        receiver="b.test",
    )
    assert field.startswith(f"Received-SPF: {outcome} (".encode())
    assert b"envelope-from" not in field
    assert b"problem=why" in field


def test_no_mechanism_is_default():
    field = received_spf(
        SpfResult(Outcome.NEUTRAL, "a.test", "helo"), ip="::1", sender="", helo="a.test", receiver="b.test"
    )
    assert b"mechanism=default" in field


@given(st.text(), st.text(), st.text())
def test_nothing_gets_out_of_its_place(sender, helo, problem):
    field = received_spf(
        SpfResult(Outcome.PERMERROR, "a.test", "mailfrom", problem=problem),
        ip="::1",
        sender=sender,
        helo=helo,
        receiver="b",
    )
    assert field.isascii()
    assert field.endswith(b"\r\n")
    assert not re.search(rb"\r\n(?! )", field[:-2])
    assert not re.search(rb"[^ -~\r\n]", field)
    assert max(map(len, field.split(b"\r\n"))) < 998
