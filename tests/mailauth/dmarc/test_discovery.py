import pytest

from postier.mailauth import dmarc
from postier.mailauth.dmarc import Policy
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import TIMEOUT, Answer, StaticResolver, TxtQuestion


def explained(domain, records):
    answers = {
        TxtQuestion(f"_dmarc.{name}"): Answer(tuple(text.encode() for text in texts))
        for name, texts in records.items()
    }
    return dmarc.run(dmarc.explain(domain), StaticResolver(answers))


@pytest.mark.parametrize(
    ("records", "result", "published", "place", "organisation"),
    [
        (
            {"a.example.com": ["v=DMARC1; p=reject"]},
            Outcome.PASS,
            Policy.REJECT,
            "a.example.com",
            "a.example.com",
        ),
        ({"example.com": ["v=DMARC1; p=reject"]}, Outcome.PASS, Policy.REJECT, "example.com", "example.com"),
        (
            {"example.com": ["v=DMARC1; p=reject; sp=none"]},
            Outcome.PASS,
            Policy.NONE,
            "example.com",
            "example.com",
        ),
        (  # RFC 9989 §3.2.13: the name does not exist
            {"example.com": ["v=DMARC1; p=none; np=reject"]},
            Outcome.PASS,
            Policy.REJECT,
            "example.com",
            "example.com",
        ),
        (  # RFC 9989 §4.10.2: the organisation is one label below a psd=y
            {"com": ["v=DMARC1; p=quarantine; psd=y"]},
            Outcome.PASS,
            Policy.QUARANTINE,
            "com",
            "example.com",
        ),
        ({}, Outcome.NONE, None, "", "a.example.com"),
        ({"example.com": ["v=DMARC1; p=reject"] * 2}, Outcome.NONE, None, "", "a.example.com"),
        ({"a.example.com": ["v=DMARC1; p=nothing"]}, Outcome.NONE, None, "a.example.com", "a.example.com"),
    ],
)
def test_explained(records, result, published, place, organisation):
    found = explained("a.example.com", records)
    assert (found.result, found.published, found.domain, found.organisation) == (
        result,
        published,
        place,
        organisation,
    )
    assert found.trace[0].startswith("_dmarc.a.example.com publishes ")
    assert bool(found.problem) == (result is not Outcome.PASS)


def test_several_records_are_told():
    found = explained("example.com", {"example.com": ["v=DMARC1; p=reject", "v=DMARC1; p=none", "other"]})
    assert found.trace[0] == "_dmarc.example.com publishes 2 records, so none counts"


def test_words_of_a_record():
    record = "v=DMARC1; p=reject; adkim=s; t=y; rua=mailto:a@x.test; ruf=mailto:b@x.test"
    found = explained("example.com", {"example.com": [record]})
    assert found.trace[-4:] == (
        "mail from example.com that fails: refuse it (reject); it is being tested (t=y), so one step milder",
        "DKIM must be of the same domain, SPF of the same organisation",
        "aggregate reports go to mailto:a@x.test",
        "failure reports go to mailto:b@x.test",
    )


def test_errors():
    assert explained("a..b", {}).result is Outcome.PERMERROR
    found = dmarc.run(
        dmarc.explain("example.com"), StaticResolver({TxtQuestion("_dmarc.example.com"): TIMEOUT})
    )
    assert found.result is Outcome.TEMPERROR
    assert "timeout" in found.trace[-1]
