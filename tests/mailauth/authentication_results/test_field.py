import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.authentication_results import (
    AuthenticationResults,
    MethodResult,
    Property,
    build,
    parse,
)
from postier.mailauth.authentication_results.field import MAX_RESULTS, MAX_VALUE_OCTETS, without_comments

RESULTS = [
    MethodResult(
        "spf",
        "pass",
        properties=(Property("smtp", "mailfrom", "alice@example.com"),),
        comment="a (nested) \\ comment",
    ),
    MethodResult(
        "dkim",
        "fail",
        "body hash wrong",
        (Property("header", "d", "example.com"), Property("header", "b", "a/b+c==")),
        "x",
    ),
    MethodResult("iprev", "pass", "", (Property("policy", "iprev", "2001:db8::1"),)),
]


def test_build():
    assert build("mx.example.org", RESULTS) == (
        b"Authentication-Results: mx.example.org;\r\n"
        b" spf=pass (a \\(nested\\) \\\\ comment) smtp.mailfrom=alice@example.com;\r\n"
        b' dkim=fail (x) reason="body hash wrong" header.d=example.com\r\n  header.b="a/b+c==";\r\n'
        b' iprev=pass policy.iprev="2001:db8::1"\r\n'
    )
    assert build("mx.example.org", []) == b"Authentication-Results: mx.example.org; none\r\n"


def test_round_trip():
    field = build("mx.example.org", RESULTS)
    found = parse(field.partition(b":")[2])
    assert found.authserv_id == "mx.example.org"
    assert [MethodResult(r.method, r.result, r.reason, r.properties) for r in RESULTS] == list(found.results)
    assert found.results[0].value_of("smtp", "mailfrom") == "alice@example.com"
    assert found.results[0].value_of("smtp", "helo") == ""


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b" example.org 1; none", AuthenticationResults("example.org")),
        (b" (c;d) example.org (x) 2 ; none", AuthenticationResults("example.org", version=2)),
        (b' "example.org"; spf = pass', AuthenticationResults("example.org", (MethodResult("spf", "pass"),))),
        (b" a; DKIM/1=Pass", AuthenticationResults("a", (MethodResult("dkim", "pass"),))),
        (
            b' a;\r\n dkim=fail (no (key)) reason="it\'s; so" header . i = @example.com junk',
            AuthenticationResults(
                "a", (MethodResult("dkim", "fail", "it's; so", (Property("header", "i", "@example.com"),)),)
            ),
        ),
        (b" a; =x; spf=pass; ;", AuthenticationResults("a", (MethodResult("spf", "pass"),))),
        (b" a; dkim/2=pass; dkim / 01 = pass", AuthenticationResults("a", (MethodResult("dkim", "pass"),))),
        (
            b" a; dkim=pass.no; dkim=pass@no; dkim=pass/1; dkim=pas s=x; spf=x",
            AuthenticationResults("a", (MethodResult("dkim", "pas"), MethodResult("spf", "x"))),
        ),
        (
            b' a; spf=pass smtp.mailfrom="a b; \\"c\\""@example.com smtp.helo="x y"',
            AuthenticationResults(
                "a",
                (
                    MethodResult(
                        "spf",
                        "pass",
                        "",
                        (
                            Property("smtp", "mailfrom", '"a b; \\"c\\""@example.com'),
                            Property("smtp", "helo", "x y"),
                        ),
                    ),
                ),
            ),
        ),
        (
            # RFC 8601 §2.2: CFWS wherever it may stand
            b'(a)b(c)1(d);(e)auth(f)/(g)1(h)=(i)pass(j)reason(k)=(l)"m"(n)smtp(o).(p)auth(q)=(r)s@t.test(u);(v)dkim=none',
            AuthenticationResults(
                "b",
                (
                    MethodResult("auth", "pass", "m", (Property("smtp", "auth", "s@t.test"),)),
                    MethodResult("dkim", "none"),
                ),
            ),
        ),
        (b" a", AuthenticationResults("a")),
        (b"", None),
        (b" ; spf=pass", None),
        (b" two words; spf=pass", None),
        (b"x" * (MAX_VALUE_OCTETS + 1), None),
    ],
)
def test_parse(value, found):
    assert parse(value) == found


def test_results_are_bounded():
    assert len(parse(b"a" + b"; spf=pass" * (MAX_RESULTS + 9)).results) == MAX_RESULTS


def test_comments():
    assert without_comments(r'a (b (c) \) d) e "(f)" (g') == 'a   e "(f)" '


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("alice@example.com", "alice@example.com"),
        ("@example.com", "@example.com"),
        ('"joe q"@example.com', '"joe q"@example.com'),  # RFC 8601 §2.2: a mailbox MUST stand as one
        ('"joe \\"q\\""@example.com', '"joe \\"q\\""@example.com'),
        ('"joe"; spf=pass x="@example.com', r'"\"joe\"; spf=pass x=\"@example.com"'),
        ('"joe\\"@example.com', r'"\"joe\\\"@example.com"'),
        ("a b@example.com", '"a b@example.com"'),
        ("2001:db8::1", '"2001:db8::1"'),
        ("rsa-sha256", "rsa-sha256"),
        ("", '""'),
    ],
)
def test_values(value, written):
    results = [MethodResult("spf", "pass", "", (Property("smtp", "mailfrom", value),))]
    field = build("a", results)
    assert field == f"Authentication-Results: a;\r\n spf=pass smtp.mailfrom={written}\r\n".encode()
    assert list(parse(field.partition(b":")[2]).results) == results


TEXT = st.text(max_size=80)


@given(TEXT, st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=4))
def test_nothing_gets_out_of_its_place(service, entries):
    results = [
        MethodResult("spf", "pass", reason, (Property("smtp", "mailfrom", value),), comment)
        for reason, value, comment in entries
    ]
    field = build(service, results)
    assert field.isascii()
    assert not re.search(rb"[^ -~\r\n]", field)
    assert not re.search(rb"\r\n(?! )", field[:-2])
    assert max(map(len, field.split(b"\r\n"))) < 998
    found = parse(field.partition(b":")[2])
    if found is not None and service.strip() == service and service:
        assert len(found.results) == len(results)
        assert all(result.method == "spf" for result in found.results)


@given(st.binary())
def test_any_bytes(value):
    parse(value)
    parse(b"a; spf=pass " + value)


@pytest.mark.parametrize(
    "unit", [b"(", b")", b'"', b'"\\', b"\\", b";", b"=", b" ", b"a.", b"a.b=", b'a.b="', b"a;", b"(\\"]
)
def test_linear_time(unit):
    start = time.process_time()
    parse((b"a; spf=pass " + unit * MAX_VALUE_OCTETS)[:MAX_VALUE_OCTETS])
    parse((unit * MAX_VALUE_OCTETS)[:MAX_VALUE_OCTETS])
    assert time.process_time() - start < 0.5
