import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth import dmarc
from postier.mailauth import spf as spf_check
from postier.mailauth.dkim import DkimResult
from postier.mailauth.dmarc import Policy
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import NODATA, TIMEOUT, AddressQuestion, Answer, StaticResolver, TxtQuestion
from postier.mailauth.spf import SpfResult

PASS, FAIL, NONE = Outcome.PASS, Outcome.FAIL, Outcome.NONE


def spf(domain, result=PASS, identity="mailfrom"):
    return SpfResult(result, domain, identity)


def signed(domain, result=PASS):
    return DkimResult(result, domain, "s", f"@{domain}")


def evaluate(records, author="alice@example.com", spf=None, dkim=(), extra=None):
    answers = {TxtQuestion(f"_dmarc.{name}"): Answer((text.encode(),)) for name, text in records.items()} | (
        extra or {}
    )
    return dmarc.run(dmarc.check(f"From: {author}\r\n\r\n".encode(), spf, dkim), StaticResolver(answers))


REJECT = {"example.com": "v=DMARC1; p=reject"}


@pytest.mark.parametrize(
    ("record", "spf", "dkim", "aligned"),
    [
        ("v=DMARC1; p=reject", spf("example.com"), (), (True, False)),
        ("v=DMARC1; p=reject", None, (signed("example.com"),), (False, True)),
        ("v=DMARC1; p=reject", spf("mail.example.com"), (), (True, False)),
        (
            "v=DMARC1; p=reject",
            spf("other.test"),
            (signed("x.test"), signed("mail.example.com")),
            (False, True),
        ),
        (
            "v=DMARC1; p=reject; adkim=s",
            None,
            (signed("mail.example.com"), signed("example.com")),
            (False, True),
        ),
        ("v=DMARC1; p=reject; aspf=s; adkim=s", spf("example.com"), (), (True, False)),
    ],
)
def test_pass(record, spf, dkim, aligned):
    result = evaluate({"example.com": record}, spf=spf, dkim=dkim)
    assert result.result is PASS
    assert (result.aligned_spf, result.aligned_dkim) == aligned
    assert (result.published, result.disposition) == (Policy.REJECT, Policy.NONE)
    assert (result.from_domain, result.domain, result.organisation) == (
        "example.com",
        "example.com",
        "example.com",
    )


@pytest.mark.parametrize(
    ("record", "spf", "dkim"),
    [
        ("v=DMARC1; p=reject", None, ()),
        ("v=DMARC1; p=reject", spf("example.com", FAIL), (signed("example.com", FAIL),)),
        (
            "v=DMARC1; p=reject",
            spf("example.com", Outcome.SOFTFAIL),
            (signed("example.com", Outcome.POLICY),),
        ),
        ("v=DMARC1; p=reject", spf("example.com", identity="helo"), ()),  # RFC 9989 §4.4.2
        ("v=DMARC1; p=reject", spf("example.org"), (signed("badexample.com"),)),
        ("v=DMARC1; p=reject; aspf=s", spf("mail.example.com"), ()),
        ("v=DMARC1; p=reject; adkim=s", None, (signed("mail.example.com"),)),
    ],
)
def test_fail(record, spf, dkim):
    result = evaluate({"example.com": record}, spf=spf, dkim=dkim)
    assert (result.result, result.disposition) == (FAIL, Policy.REJECT)
    assert not result.aligned_spf
    assert not result.aligned_dkim
    assert result.trace


def test_the_helo_name_counts_for_the_null_reverse_path():
    """RFC 9989 §3.2.4, RFC 7208 §2.4: the MAIL FROM identity is then postmaster at the HELO name."""
    bounced = SpfResult(PASS, "mx.example.com", "helo", is_null_sender=True)
    result = evaluate({"example.com": "v=DMARC1; p=reject"}, spf=bounced)
    assert (result.result, result.aligned_spf) == (PASS, True)


def test_pct_has_no_meaning_any_more():  # RFC 9989 §A.6
    assert evaluate({"example.com": "v=DMARC1; p=reject; pct=0"}).disposition is Policy.REJECT


@pytest.mark.parametrize(
    ("policy", "applied"), [("reject", Policy.QUARANTINE), ("quarantine", Policy.NONE), ("none", Policy.NONE)]
)
def test_testing_takes_one_step_down(policy, applied):  # RFC 9989 §4.7 t=
    result = evaluate({"example.com": f"v=DMARC1; p={policy}; t=y"})
    assert (result.published, result.applied, result.disposition) == (Policy(policy), applied, applied)


EXISTS = {AddressQuestion("a.example.com", 4): NODATA}


@pytest.mark.parametrize(
    ("tags", "extra", "policy"),
    [
        ("p=reject", {}, Policy.REJECT),
        ("p=none; sp=reject", {}, Policy.REJECT),
        ("p=none; sp=quarantine; np=reject", {}, Policy.REJECT),
        ("p=none; sp=quarantine; np=reject", EXISTS, Policy.QUARANTINE),
        ("p=none; np=reject", EXISTS, Policy.NONE),
        ("p=none; np=reject", {}, Policy.REJECT),
        ("p=none; np=reject", {AddressQuestion("a.example.com", 4): TIMEOUT}, Policy.NONE),
    ],
)
def test_subdomains(tags, extra, policy):  # RFC 9989 §4.10.1
    result = evaluate({"example.com": f"v=DMARC1; {tags}"}, "x@a.example.com", extra=extra)
    assert (result.published, result.domain, result.organisation) == (policy, "example.com", "example.com")


def test_the_author_domain_comes_first_and_its_p_counts():
    records = {"a.example.com": "v=DMARC1; p=none; sp=reject; np=reject", "example.com": "v=DMARC1; p=reject"}
    result = evaluate(records, "x@a.example.com")
    assert (result.published, result.domain) == (Policy.NONE, "a.example.com")
    result = evaluate(records, "x@a.example.com", spf=spf("b.example.com"))
    assert (result.result, result.aligned_spf) == (PASS, True)


def test_a_middle_record_that_is_not_the_organisation_does_not_count():
    records = {"b.example.com": "v=DMARC1; p=none", "example.com": "v=DMARC1; p=reject"}
    result = evaluate(records, "x@a.b.example.com")
    assert (result.published, result.domain) == (Policy.REJECT, "example.com")


def test_public_suffix_domains():  # RFC 9989 §4.10.1, §B.4.3
    records = {"com": "v=DMARC1; p=reject; np=reject; sp=quarantine; psd=y"}
    exists = {AddressQuestion("giant.example.com", 4): NODATA}
    result = evaluate(records, "x@giant.example.com", extra=exists)
    assert (result.published, result.domain, result.organisation) == (Policy.QUARANTINE, "com", "example.com")
    assert evaluate(records, "x@giant.example.com").published is Policy.REJECT
    assert evaluate(records, "x@a.example.com", spf=spf("b.example.com")).result is PASS
    assert evaluate(records, "x@example.com", spf=spf("example2.com")).result is FAIL
    own = records | {"example.com": "v=DMARC1; p=none"}
    assert evaluate(own, "x@a.example.com").domain == "example.com"


def test_psd_n_ends_the_organisation():
    records = {"dept.example.com": "v=DMARC1; p=reject; psd=n", "example.com": "v=DMARC1; p=none"}
    assert evaluate(records, "x@a.dept.example.com", spf=spf("b.dept.example.com")).result is PASS
    assert evaluate(records, "x@a.dept.example.com", spf=spf("example.com")).result is FAIL


def test_no_record():
    result = evaluate({}, "x@a.example.com")
    assert (result.result, result.published, result.disposition) == (NONE, None, Policy.NONE)
    assert evaluate({"example.com": "v=DMARC1; p=bogus"}).result is NONE


def test_errors():  # RFC 9989 §5.3.6
    slow = {TxtQuestion("_dmarc.example.com"): TIMEOUT}
    result = evaluate({}, spf=spf("example.com"), extra=slow)
    assert (result.result, result.disposition) == (Outcome.TEMPERROR, Policy.NONE)
    result = evaluate(REJECT, spf=spf("example.com", Outcome.TEMPERROR))
    assert (result.result, result.disposition) == (Outcome.TEMPERROR, Policy.NONE)
    result = evaluate(REJECT, dkim=(signed("mail.example.com", Outcome.TEMPERROR),))
    assert result.result is Outcome.TEMPERROR
    result = evaluate(REJECT, spf=spf("example.com", Outcome.TEMPERROR), dkim=(signed("example.com"),))
    assert result.result is PASS
    assert evaluate(REJECT, spf=spf("other.test", Outcome.TEMPERROR)).result is FAIL


def test_the_identity_of_a_null_reverse_path_counts():  # RFC 9989 §3.2.4
    zone = StaticResolver.of_txt(
        {"mx.example.com": "v=spf1 +all", "_dmarc.example.com": "v=DMARC1; p=reject"}
    )
    null = spf_check.run(spf_check.check("192.0.2.1", "", "mx.example.com"), zone)
    message = b"From: mailer-daemon@example.com\r\n\r\n"
    result = dmarc.run(dmarc.check(message, null, ()), zone)
    assert (result.result, result.aligned_spf) == (PASS, True)
    other = spf_check.run(spf_check.check_helo("192.0.2.1", "mx.example.com"), zone)
    assert dmarc.run(dmarc.check(message, other, ()), zone).result is FAIL


def test_an_identifier_that_cannot_be_placed_hides_no_other():
    slow = {TxtQuestion("_dmarc.slow.com"): TIMEOUT}
    result = evaluate(REJECT, spf=spf("slow.com"), dkim=(signed("example.com"),), extra=slow)
    assert (result.result, result.aligned_dkim) == (PASS, True)
    result = evaluate(REJECT, spf=spf("mail.example.com"), dkim=(signed("slow.com"),), extra=slow)
    assert (result.result, result.aligned_spf) == (PASS, True)
    result = evaluate(REJECT, dkim=(signed("slow.com"), signed("mail.example.com")), extra=slow)
    assert result.result is PASS
    result = evaluate(REJECT, spf=spf("slow.com"), dkim=(signed("slow.com"),), extra=slow)
    assert (result.result, result.disposition) == (Outcome.TEMPERROR, Policy.NONE)
    strict = {"example.com": "v=DMARC1; p=reject; aspf=s"}
    assert evaluate(strict, spf=spf("slow.com"), extra=slow).result is FAIL


DEEP = "a.b.c.d.e.f.g.h.i.j.k.example.com"


@pytest.mark.parametrize(
    ("records", "author", "mail_from", "signer", "aligned", "place"),
    [  # RFC 9989 §B.4
        (
            {"example.com": "v=DMARC1; p=none", "signing.example.com": "v=DMARC1; p=none"},
            "example.com",
            "example.com",
            "signing.example.com",
            (True, True),
            "example.com",
        ),
        (
            {"example.com": "v=DMARC1; p=none", "signing.example.com": "v=DMARC1; p=none"},
            DEEP,
            "example.com",
            "signing.example.com",
            (True, True),
            "example.com",
        ),
        (
            {"bank.example": "v=DMARC1; p=none; psd=y", "giant.bank.example": "v=DMARC1; p=none"},
            "giant.bank.example",
            "mail.giant.bank.example",
            "mail.mega.bank.example",
            (True, False),
            "giant.bank.example",
        ),
        (  # a record of the PSD alone
            {"bank.example": "v=DMARC1; p=none; psd=y"},
            "mail.giant.bank.example",
            "giant.bank.example",
            "mega.bank.example",
            (True, False),
            "bank.example",
        ),
        (  # the PSD sends mail itself
            {"bank.example": "v=DMARC1; p=none; psd=y", "example": "v=DMARC1; p=none; psd=y"},
            "bank.example",
            "mail.bank.example",
            "bank.example",
            (False, True),
            "bank.example",
        ),
        (  # psd=n within another organisation
            {"example.com": "v=DMARC1; p=none", "eu.example.com": "v=DMARC1; p=none; psd=n"},
            "a.eu.example.com",
            "example.com",
            "b.eu.example.com",
            (False, True),
            "eu.example.com",
        ),
        (  # the author's own record is not the organisation's
            {"a.example.com": "v=DMARC1; p=none", "example.com": "v=DMARC1; p=reject"},
            "a.example.com",
            "b.example.com",
            "c.other.com",
            (True, False),
            "a.example.com",
        ),
        (  # more than seven labels below the organisation: out of sight but for the start
            {"a.b.example.com": "v=DMARC1; p=none"},
            "1.2.3.4.5.6.7.8.a.b.example.com",
            "a.b.example.com",
            "x.a.b.example.com",
            (True, True),
            "a.b.example.com",
        ),
    ],
)
def test_tree_walks(records, author, mail_from, signer, aligned, place):
    result = evaluate(records, f"x@{author}", spf(mail_from), (signed(signer),))
    assert (result.aligned_spf, result.aligned_dkim) == aligned
    assert result.domain == place
    assert result.result is PASS


@pytest.mark.parametrize(
    "author", ["", "nonsense", "a@example.com, b@other.test", "a@example.com\r\nFrom: b@example.com"]
)
def test_no_single_author(author):
    result = evaluate(REJECT, author, spf=spf("example.com"))
    assert (result.result, result.disposition) == (Outcome.PERMERROR, Policy.NONE)
    assert result.problem


def test_questions_are_bounded():
    answers = {
        TxtQuestion(f"_dmarc.{'a.' * index}com"): Answer((b"v=DMARC1; p=reject",)) for index in range(1, 20)
    }
    resolver = StaticResolver(answers)
    author = f"From: x@{'a.' * 19}com\r\n\r\n".encode()
    results = tuple(signed(f"{index}.{'b.' * 30}com") for index in range(100))
    result = dmarc.run(dmarc.check(author, spf("c." * 40 + "com"), results), resolver)
    assert result.result is FAIL
    assert len(resolver.asked) < 50


@given(st.text(max_size=30), st.text(max_size=60), st.text(max_size=20))
def test_anything(author, record, domain):
    message = (
        b"From: "
        + author.encode("utf-8", "replace").replace(b"\r", b"").replace(b"\n", b"")
        + b"@example.com\r\n\r\n"
    )
    resolver = StaticResolver.of_txt(
        {"_dmarc.example.com": "v=DMARC1;" + record.encode("utf-8", "replace").decode()}
    )
    dmarc.run(dmarc.check(message, spf(domain), [signed(domain)]), resolver)
