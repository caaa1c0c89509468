import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.bimi import (
    Assertion,
    Authority,
    HttpsQuestion,
    check_domain,
    claim_of_domain,
    examine,
    parse_url,
)
from postier.mailauth.bimi.assertion import MAX_LOOKUPS
from postier.mailauth.questions import (
    NXDOMAIN,
    SERVFAIL,
    TIMEOUT,
    Answer,
    StaticResolver,
    Status,
    TxtQuestion,
    run,
)
from tests.mailauth.bimi.marks import LOGO, NOW_S, OTHER_LOGO, authority

RECORD = "v=BIMI1; l=https://logo.alpha.test/a.svg; a="
WITH_EVIDENCE = RECORD + "https://logo.alpha.test/v.pem;"
STRONG = "v=DMARC1; p=reject"


class World(StaticResolver):
    """DNS and HTTPS of a test: names to TXT records, addresses to files."""

    def __init__(self, records=(), files=()):
        super().__init__(
            {
                TxtQuestion(name): one if isinstance(one, Answer) else Answer((one.encode(),))
                for name, one in {"_dmarc.alpha.test": STRONG, **dict(records)}.items()
            }
        )
        self._files = {"https://logo.alpha.test/a.svg": LOGO, **dict(files)}

    def query(self, question):
        if not isinstance(question, HttpsQuestion):
            return super().query(question)
        self.asked.append(question)
        file = self._files.get(question.url.text, NXDOMAIN)
        return file if isinstance(file, Answer) else Answer((file,))

    def names(self, place="_bimi"):
        return [one.name for one in self.asked if isinstance(one, TxtQuestion) and place in one.name]


def check(world, domain="alpha.test", **options):
    return run(check_domain(domain, now_s=NOW_S, **options), world)


def test_a_logo_without_evidence():
    result = check(World({"default._bimi.alpha.test": RECORD}))
    assert (result.result, result.domain, result.selector) == (Assertion.PASS, "alpha.test", "default")
    assert (result.indicator.document, result.authority) == (LOGO, Authority.NONE)
    assert result.trace == (
        "DMARC of alpha.test is strong enough; its organisation is alpha.test",
        f"default._bimi.alpha.test: {RECORD!r}",
        "the logo is SVG Tiny PS, 352 octets: 'Alpha'".replace("352", str(len(LOGO))),
        "no evidence is given that the logo is the domain's own",
        "the logo may be shown",
    )


def test_a_logo_with_evidence():
    world = World(
        {"default._bimi.alpha.test": WITH_EVIDENCE},
        {"https://logo.alpha.test/v.pem": authority().mark("alpha.test")},
    )
    result = check(world, roots=(authority().root,))
    assert (result.result, result.authority) == (Assertion.PASS, Authority.PASS)
    assert result.evidence.organisation == "Alpha Inc"
    assert "Marks vouches for the logo of Alpha Inc" in result.trace
    unjudged = check(world)
    assert (unjudged.result, unjudged.authority) == (Assertion.PASS, Authority.NONE)


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (authority().mark("beta.test"), "the certificate is for beta.test, not for alpha.test"),
        (Answer(("logo.alpha.test answered 'HTTP/1.1 404'",), Status.SERVFAIL), "answered 'HTTP/1.1 404'"),
        (TIMEOUT, "cannot be fetched: timeout"),
    ],
)
def test_evidence_that_fails(file, why):
    world = World({"default._bimi.alpha.test": WITH_EVIDENCE}, {"https://logo.alpha.test/v.pem": file})
    result = check(world, roots=(authority().root,))
    assert (result.result, result.authority, result.indicator) == (Assertion.FAIL, Authority.FAIL, None)
    assert why in result.problem


def test_the_record_alone_then_the_files():
    files = {"https://logo.alpha.test/v.pem": authority().mark("alpha.test")}
    world = World({"default._bimi.alpha.test": WITH_EVIDENCE}, files)
    claim = run(claim_of_domain("alpha.test"), world)
    assert (claim.place, claim.selector, claim.location.host) == ("alpha.test", "default", "logo.alpha.test")
    assert all(isinstance(one, TxtQuestion) for one in world.asked)
    world.asked.clear()
    roots = (authority().root,)
    result = run(examine(claim, now_s=NOW_S, roots=roots), world)
    assert all(isinstance(one, HttpsQuestion) for one in world.asked)
    assert result == check(world, roots=roots)
    for record in ("v=BIMI1; l=; a=", "v=BIMI1; l=; a=https://x.test/v.pem"):
        found = run(claim_of_domain("alpha.test"), World({"default._bimi.alpha.test": record}))
        assert found.result in {Assertion.DECLINED, Assertion.FAIL}


def test_a_logo_that_is_not_the_certificates():
    files = {
        "https://logo.alpha.test/a.svg": OTHER_LOGO,
        "https://logo.alpha.test/v.pem": authority().mark("alpha.test"),
    }
    world = World({"default._bimi.alpha.test": WITH_EVIDENCE}, files)
    result = check(world, roots=(authority().root,))
    assert result.problem == "the logo of the record is not the one of the certificate"


def test_the_organisations_record_stands_in():
    world = World({"brand._bimi.alpha.test": RECORD})
    result = check(world, "news.alpha.test", selector="brand")
    assert (result.result, result.domain, result.selector) == (Assertion.PASS, "alpha.test", "brand")
    assert world.names() == ["brand._bimi.news.alpha.test", "brand._bimi.alpha.test"]


def test_a_subdomain_declines():
    world = World({"default._bimi.news.alpha.test": "v=BIMI1; l=; a=;", "default._bimi.alpha.test": RECORD})
    result = check(world, "news.alpha.test")
    assert (result.result, result.domain) == (Assertion.DECLINED, "news.alpha.test")
    assert check(world).result is Assertion.PASS


def test_selectors_from_local_parts():
    world = World(
        {"default._bimi.alpha.test": "v=BIMI1; l=; a=; lps=true", "news-1._bimi.alpha.test": RECORD}
    )
    result = check(world, local_part="News.1+x")
    assert (result.result, result.selector) == (Assertion.PASS, "news-1")
    assert check(world, local_part="else").result is Assertion.DECLINED
    assert check(world, local_part="default").result is Assertion.DECLINED
    assert check(world, local_part="what?").result is Assertion.DECLINED


def test_the_number_of_lookups():
    both = "v=BIMI1; l=; a=; lps=true"
    world = World({"s._bimi.alpha.test": both})
    check(world, "a.b.c.alpha.test", selector="s", local_part="x")
    assert len(world.names()) <= MAX_LOOKUPS


@pytest.mark.parametrize(
    ("records", "result", "why"),
    [
        ({}, Assertion.NONE, "alpha.test has no BIMI record"),
        ({"default._bimi.alpha.test": "v=spf1 -all"}, Assertion.NONE, "no BIMI record"),
        ({"default._bimi.alpha.test": "v=BIMI1; x=1"}, Assertion.FAIL, "l= is missing"),
        ({"default._bimi.alpha.test": "v=BIMI1; l=; a=https://a.test/x"}, Assertion.FAIL, "names no logo"),
        ({"default._bimi.alpha.test": SERVFAIL}, Assertion.TEMPERROR, "cannot be looked up (servfail)"),
        (
            {"default._bimi.alpha.test": Answer((b"v=BIMI1; l=", b"v=BIMI1; l="))},
            Assertion.NONE,
            "2 BIMI records",
        ),
        (
            {"default._bimi.alpha.test": "v=BIMI1; l=https://logo.alpha.test/else.svg"},
            Assertion.FAIL,
            "cannot be fetched: nxdomain",
        ),
        ({"_dmarc.alpha.test": "v=DMARC1; p=none"}, Assertion.SKIPPED, "p=none"),
        ({"_dmarc.alpha.test": "v=DMARC1; p=reject; sp=none"}, Assertion.SKIPPED, "sp=none"),
        ({"_dmarc.alpha.test": "v=DMARC1; p=quarantine; pct=99"}, Assertion.SKIPPED, "pct=99"),
        ({"_dmarc.alpha.test": "v=DMARC1; p=quarantine; t=y"}, Assertion.SKIPPED, "t=y"),
        ({"_dmarc.alpha.test": "v=DMARC1; p=wrong"}, Assertion.SKIPPED, "p=none"),
        ({"_dmarc.alpha.test": NXDOMAIN}, Assertion.SKIPPED, "no DMARC record"),
        ({"_dmarc.alpha.test": TIMEOUT}, Assertion.TEMPERROR, "cannot be looked up"),
    ],
)
def test_why_there_is_no_logo(records, result, why):
    found = check(World(records))
    assert found.result is result
    assert why in found.problem
    assert found.trace[-1] == found.problem


@pytest.mark.parametrize(
    "record", ["p=quarantine", "p=quarantine; pct=100", "p=reject; pct=5", "p=reject; t=y"]
)
def test_strong_policies(record):
    world = World({"_dmarc.alpha.test": f"v=DMARC1; {record}", "default._bimi.alpha.test": RECORD})
    assert check(world).result is Assertion.PASS


def test_author_and_organisation_both_count():
    records = {"default._bimi.alpha.test": RECORD}
    weak = World({"_dmarc.news.alpha.test": "v=DMARC1; p=none", **records})
    assert "news.alpha.test" in check(weak, "news.alpha.test").problem
    weak = World({"_dmarc.news.alpha.test": STRONG, "_dmarc.alpha.test": "v=DMARC1; p=none", **records})
    assert "of alpha.test" in check(weak, "news.alpha.test").problem


@given(st.binary(), st.binary(), st.binary())
def test_any_answers(record, logo, evidence):
    world = World(
        {
            "default._bimi.alpha.test": Answer((record,)),
            "x._bimi.alpha.test": Answer((b"v=BIMI1;" + record,)),
            "y._bimi.alpha.test": WITH_EVIDENCE,
        },
        {"https://logo.alpha.test/v.pem": evidence, "https://logo.alpha.test/a.svg": logo},
    )
    for selector in ("default", "x", "y"):
        check(world, selector=selector, roots=(authority().root,))


def test_urls_of_questions_are_https():
    assert parse_url("https://logo.alpha.test/a.svg").port == 443
