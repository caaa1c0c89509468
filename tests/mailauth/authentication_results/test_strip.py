import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.authentication_results import strip_ours

OURS = "mx.example.org"


@pytest.mark.parametrize(
    "field",
    [
        b"Authentication-Results: mx.example.org; spf=pass",
        b"AUTHENTICATION-RESULTS : MX.Example.ORG; none",
        b"Authentication-Results:\r\n\t(a comment; with (nesting)) mx.example.org;\r\n spf=pass",
        b'Authentication-Results: "mx.example.org" 1; spf=pass',
        b'Authentication-Results: "mx.\\example.org"; spf=pass',
        b"Authentication-Results: mx.example.org.; spf=pass",
        b"Authentication-Results: other.test 2; spf=pass",
        b"Authentication-Results: other mx.example.org; spf=pass",
        b"Authentication-Results: ; spf=pass",
        b"Authentication-Results:",
        b"Authentication-Results: mx.example.org",
        b"Authentication-Results\r\n : mx.example.org; spf=pass",
        b"Authentication-Results: mx.exa(x)mple.org; spf=pass",
        b"Authentication-Results: (mx.example.org; spf=pass",
        b'Authentication-Results: "mx.example.org; spf=pass',
        b"Authentication-Results: mx.example.org/1; spf=pass (mx.example.org)",
    ],
)
def test_forged_fields_go(field):
    header = b"A: 1\r\n" + field + b"\r\nB: 2\r\n\r\nbody Authentication-Results: mx.example.org\r\n"
    assert strip_ours(header, OURS) == b"A: 1\r\nB: 2\r\n\r\nbody Authentication-Results: mx.example.org\r\n"


def test_u_labels_are_compared_as_a_labels():
    header = "Authentication-Results: mx.b\u00fccher.test; spf=pass\r\nA: 1\r\n".encode()
    assert strip_ours(header, "mx.xn--bcher-kva.test") == b"A: 1\r\n"
    assert (
        strip_ours(b"Authentication-Results: mx.xn--bcher-kva.test; none\r\nA: 1\r\n", "mx.b\u00fccher.test")
        == b"A: 1\r\n"
    )


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\r\n",
        b"A: 1\r\n\r\nbody",
        b"Authentication-Results: mail.other.test; spf=pass\r\nA: 1\r\n",
        b"X-Authentication-Results: mx.example.org; spf=pass\r\n",
        b"ARC-Authentication-Results: i=1; mx.example.org; spf=pass\r\n",
        b"Subject: Authentication-Results: mx.example.org\r\n",
        b"garbage line\r\nAuthentication-Results: a.test; none\r\n",
    ],
)
def test_everything_else_stays(header):
    assert strip_ours(header, OURS) == header


def test_a_header_of_nothing_else():
    assert strip_ours(b"Authentication-Results: mx.example.org; none\r\n\r\nbody", OURS) == b"\r\nbody"
    assert strip_ours(b"Authentication-Results: mx.example.org; none\r\n", OURS) == b""


@given(st.binary())
def test_any_bytes(value):
    stripped = strip_ours(b"A: 1\r\nAuthentication-Results: " + value + b"\r\nB: 2\r\n", OURS)
    assert stripped.startswith(b"A: 1\r\n")
    assert stripped.endswith(b"B: 2\r\n")
