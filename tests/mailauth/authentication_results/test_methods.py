from postier.mailauth.arc import ArcResult
from postier.mailauth.authentication_results import (
    build,
    of_arc,
    of_auth,
    of_dkim,
    of_dkim_all,
    of_dmarc,
    of_iprev,
    of_spf,
    parse,
)
from postier.mailauth.dkim import DkimResult, Problem
from postier.mailauth.dmarc import DmarcResult, Policy
from postier.mailauth.iprev import IprevResult
from postier.mailauth.outcome import Outcome
from postier.mailauth.spf import SpfResult


def words(result):
    return build("mx", [result]).decode().partition(";\r\n ")[2].replace("\r\n ", "").rstrip()


def test_spf():
    result = SpfResult(Outcome.PASS, "example.com", "mailfrom")
    assert words(of_spf(result, ip="192.0.2.1", sender="a@example.com", helo="mx")) == (
        "spf=pass (domain of example.com designates 192.0.2.1 as permitted sender) smtp.mailfrom=a@example.com"
    )
    assert "smtp.mailfrom=example.com" in words(
        of_spf(result, ip="192.0.2.1", sender="\u00e9@example.com", helo="mx")
    )
    result = SpfResult(Outcome.PERMERROR, "mx.test", "helo", problem="twice")
    assert (
        words(of_spf(result, ip="::1", sender="", helo="mx.test"))
        == "spf=permerror (twice) smtp.helo=mx.test"
    )


def test_dkim():
    result = DkimResult(
        Outcome.PASS, "example.com", "s", "@example.com", "rsa-sha256", key_bits=2048, signature=b"abcdefgh"
    )
    assert words(of_dkim(result)) == (
        "dkim=pass (2048-bit key) header.d=example.com header.i=@example.com header.s=s header.a=rsa-sha256 header.b=YWJjZGVm"
    )
    result = DkimResult(
        Outcome.FAIL, "example.com", problem=Problem.BODY, reason="the body was changed", is_testing=True
    )
    assert words(of_dkim(result)) == "dkim=fail (the body was changed) header.d=example.com"
    assert [found.result for found in of_dkim_all(())] == ["none"]
    assert len(of_dkim_all((result, result))) == 2


def test_dmarc():
    result = DmarcResult(Outcome.FAIL, "example.com", Policy.REJECT, Policy.QUARANTINE, Policy.QUARANTINE)
    assert words(of_dmarc(result)) == (
        "dmarc=fail (p=reject, disposition quarantine) header.from=example.com policy.dmarc=quarantine"
    )
    assert (
        words(of_dmarc(DmarcResult(Outcome.NONE, "example.com", problem="no record")))
        == "dmarc=none (no record) header.from=example.com"
    )
    assert words(of_dmarc(DmarcResult(Outcome.PERMERROR, problem="no From"))) == "dmarc=permerror (no From)"


def test_arc():
    result = ArcResult(Outcome.PASS, ("a.test", "b.test"), oldest_pass=2)
    assert (
        words(of_arc(result, ip="192.0.2.1"))
        == "arc=pass (i=1 a.test, i=2 b.test) smtp.remote-ip=192.0.2.1 header.oldest-pass=2"
    )
    assert words(of_arc(ArcResult(Outcome.NONE))) == "arc=none (no chain)"
    assert words(of_arc(ArcResult(Outcome.FAIL, problem="gap"))) == "arc=fail (gap)"


def test_iprev_and_auth():
    assert (
        words(of_iprev(IprevResult(Outcome.PASS, "192.0.2.1", "a.test")))
        == "iprev=pass (a.test) policy.iprev=192.0.2.1"
    )
    assert (
        words(of_auth("alice@example.com", mechanism="SCRAM-SHA-256"))
        == "auth=pass (SCRAM-SHA-256) smtp.auth=alice@example.com"
    )


def test_all_of_it_can_be_read_back():
    results = [of_iprev(IprevResult(Outcome.PASS, "2001:db8::1")), of_auth("a@b.test"), *of_dkim_all(())]
    found = parse(build("mx.test", results).partition(b":")[2])
    assert [result.method for result in found.results] == ["iprev", "auth", "dkim"]
