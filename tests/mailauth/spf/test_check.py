import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth import spf
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import (
    AddressQuestion,
    Answer,
    PtrQuestion,
    StaticResolver,
    Status,
    TxtQuestion,
)
from postier.mailauth.spf.check import MAX_EXPLANATION, MAX_HOSTS
from postier.mailauth.spf.result import MAX_LOOKUPS

PASS, FAIL, SOFTFAIL, NEUTRAL = Outcome.PASS, Outcome.FAIL, Outcome.SOFTFAIL, Outcome.NEUTRAL
NONE, TEMPERROR, PERMERROR = Outcome.NONE, Outcome.TEMPERROR, Outcome.PERMERROR


@pytest.mark.parametrize(
    ("record", "ip", "outcome"),
    [
        ("v=spf1 -all", "192.0.2.1", FAIL),
        ("v=spf1 ~all", "192.0.2.1", SOFTFAIL),
        ("v=spf1 ?all", "192.0.2.1", NEUTRAL),
        ("v=spf1 all", "192.0.2.1", PASS),
        ("v=spf1", "192.0.2.1", NEUTRAL),
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.1", PASS),
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.3.1", FAIL),
        ("v=spf1 ip4:192.0.2.0/24 -all", "::ffff:192.0.2.1", PASS),
        ("v=spf1 ip4:0.0.0.0/0 -all", "2001:db8::1", FAIL),
        ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::1", PASS),
        ("v=spf1 ip6:2001:db8::/32 -all", "192.0.2.1", FAIL),
        ("v=spf1 a -all", "192.0.2.10", PASS),
        ("v=spf1 a/24 -all", "192.0.2.1", PASS),
        ("v=spf1 a -all", "2001:db8::10", PASS),
        ("v=spf1 a//64 -all", "2001:db8::99", PASS),
        ("v=spf1 mx -all", "192.0.2.20", PASS),
        ("v=spf1 mx:other.test -all", "192.0.2.20", FAIL),
        ("v=spf1 ptr -all", "192.0.2.30", PASS),
        ("v=spf1 ptr:other.test -all", "192.0.2.30", FAIL),
        ("v=spf1 exists:%{l}.users.test -all", "192.0.2.1", PASS),
        ("v=spf1 exists:%{l}.users.test -all", "2001:db8::5", PASS),
        ("v=spf1 include:inner.test -all", "203.0.113.1", PASS),
        ("v=spf1 ?include:inner.test -all", "203.0.113.1", NEUTRAL),
        ("v=spf1 include:inner.test ~all", "192.0.2.1", SOFTFAIL),
        ("v=spf1 include:nospf.test -all", "192.0.2.1", PERMERROR),
        ("v=spf1 include:broken.test -all", "192.0.2.1", PERMERROR),
        ("v=spf1 include:slow.test -all", "192.0.2.1", TEMPERROR),
        ("v=spf1 redirect=inner.test", "203.0.113.1", PASS),
        ("v=spf1 redirect=inner.test", "192.0.2.1", FAIL),
        ("v=spf1 redirect=nospf.test", "192.0.2.1", PERMERROR),
        ("v=spf1 a:slow.test -all", "192.0.2.1", TEMPERROR),
        ("v=spf1 mx:slow.test -all", "192.0.2.1", TEMPERROR),
        ("v=spf1 exists:slow.test -all", "192.0.2.1", TEMPERROR),
        ("v=spf1 a:..x.test -all", "192.0.2.1", FAIL),
        ("v=spf1 bogus -all", "192.0.2.1", PERMERROR),
    ],
)
def test_mechanisms(ask, record, ip, outcome):
    zone = f"""
        example.com TXT {record}
        example.com A 192.0.2.10
        example.com AAAA 2001:db8::10
        example.com MX 5 mail.example.com
        mail.example.com A 192.0.2.20
        30.2.0.192.in-addr.arpa PTR host.example.com
        host.example.com A 192.0.2.30
        alice.users.test A 127.0.0.2
        inner.test TXT v=spf1 ip4:203.0.113.0/24 -all
        nospf.test TXT hello
        broken.test TXT v=spf1 bogus
        slow.test TXT TIMEOUT
        slow.test A TIMEOUT
        slow.test MX TIMEOUT
        other.test MX 5 mail.other.test
        mail.other.test A 198.51.100.1
    """
    result = ask(zone, ip)
    assert result.result is outcome
    assert result.trace
    assert bool(result.problem) == (outcome in {PERMERROR, TEMPERROR})


@pytest.mark.parametrize(
    ("sender", "helo", "outcome", "identity"),
    [
        ("alice@example.com", "mx.test", FAIL, "mailfrom"),
        ("@example.com", "mx.test", FAIL, "mailfrom"),
        ("example.com", "mx.test", FAIL, "mailfrom"),
        ("", "example.com", FAIL, "helo"),
        ("", "[192.0.2.1]", NONE, "helo"),
        ("", "localhost", NONE, "helo"),
        ("alice@[192.0.2.1]", "mx.test", NONE, "mailfrom"),
        ("alice@a..example.com", "mx.test", NONE, "mailfrom"),
        ("alice@" + "a" * 64 + ".test", "mx.test", NONE, "mailfrom"),
        ("alice@nowhere.test", "mx.test", NONE, "mailfrom"),
    ],
)
def test_identities(ask, sender, helo, outcome, identity):
    assert ask("", sender=sender, helo=helo).is_mail_from  # RFC 7208 §2.4: also without a reverse-path
    result = ask("example.com TXT v=spf1 -all", sender=sender, helo=helo)
    assert result.is_mail_from
    assert (result.result, result.identity) == (outcome, identity)


def test_records_are_selected(ask):
    assert ask("example.com TXT v=spf10 all\nexample.com TXT other").result is NONE
    assert ask("example.com TXT v=spf1 all\nexample.com TXT V=spf1 -all").result is PERMERROR
    assert ask("example.com TXT TIMEOUT").result is TEMPERROR


def test_u_labels_become_a_labels(ask):
    result = ask("xn--bcher-kva.test TXT v=spf1 -all", sender="a@b\u00fccher.test")
    assert result.result is FAIL
    assert result.domain == "xn--bcher-kva.test"


def test_local_parts_outside_ascii_match_nothing(ask):  # RFC 8616 §4
    zone = """
        example.com TXT v=spf1 exists:%{l}.x.test include:%{s}.x.test a:%{h} -all
        redirect.test TXT v=spf1 redirect=%{l}.x.test
    """
    assert ask(zone, sender="\u00e9va@example.com").result is FAIL
    assert all("x.test" not in str(question) for question in ask.zone.asked)
    assert ask(zone, sender="\u00e9va@redirect.test").result is NEUTRAL


# -- limits (RFC 7208 §4.6.4) ------------------------------------------------------------------------


def chain(count):
    lines = ["example.com TXT v=spf1 include:i0.test -all"]
    lines += [f"i{index}.test TXT v=spf1 include:i{index + 1}.test" for index in range(count - 1)]
    return "\n".join([*lines, f"i{count - 1}.test TXT v=spf1 ip4:192.0.2.1"])


def test_lookup_limit(ask):
    assert ask(chain(MAX_LOOKUPS)).result is PASS
    result = ask(chain(MAX_LOOKUPS + 1))
    assert result.result is PERMERROR
    assert "more than 10" in result.problem
    assert ask(chain(MAX_LOOKUPS + 1), limits=spf.Limits(lookups=11)).result is PASS


def test_redirect_counts_and_a_loop_ends(ask):
    result = ask("example.com TXT v=spf1 redirect=example.com")
    assert result.result is PERMERROR
    assert len(ask.zone.asked) == 11


def test_include_of_itself_ends(ask):
    assert ask("example.com TXT v=spf1 include:example.com -all").result is PERMERROR


def test_void_limit(ask):
    assert ask("example.com TXT v=spf1 a:v1.test mx:v2.test -all").result is FAIL
    assert ask("example.com TXT v=spf1 a:v1.test mx:v2.test exists:v3.test -all").result is PERMERROR
    zone = "example.com TXT v=spf1 a:v1.test mx:v2.test exists:v3.test -all"
    assert ask(zone, limits=spf.Limits(void_lookups=3)).result is FAIL


def test_mx_limit(ask):
    def zone(count):
        lines = ["example.com TXT v=spf1 mx -all"]
        for index in range(count):
            lines += [f"example.com MX 1 m{index}.test", f"m{index}.test A 198.51.100.{index}"]
        return "\n".join(lines)

    assert ask(zone(MAX_HOSTS)).result is FAIL
    assert ask(zone(MAX_HOSTS + 1)).result is PERMERROR


def test_a_separate_helo_check_is_not_of_the_mail_from_identity():
    """RFC 7208 §2.3."""
    result = spf.run(spf.check_helo("192.0.2.1", "example.com"), StaticResolver({}))
    assert (result.identity, result.is_mail_from) == ("helo", False)


def test_null_mx_matches_nothing(ask):
    assert ask("example.com TXT v=spf1 mx -all\nexample.com MX 0 .").result is FAIL


def test_ptr_looks_at_ten_names_only(ask):
    def zone(place):
        names = [f"n{index}.other.test" for index in range(12)]
        names.insert(place, "host.example.com")
        lines = ["example.com TXT v=spf1 ptr -all", "host.example.com A 192.0.2.1"]
        return "\n".join([*lines, *(f"1.2.0.192.in-addr.arpa PTR {name}" for name in names)])

    assert ask(zone(9)).result is PASS
    assert sum(isinstance(question, AddressQuestion) for question in ask.zone.asked) == 1  # eid5227
    assert ask(zone(10)).result is FAIL


def test_ptr_errors_do_not_match(ask):
    assert ask("example.com TXT v=spf1 ptr -all\n1.2.0.192.in-addr.arpa PTR TIMEOUT").result is FAIL
    zone = """
        example.com TXT v=spf1 ptr -all
        1.2.0.192.in-addr.arpa PTR a.example.com
        1.2.0.192.in-addr.arpa PTR b.example.com
        a.example.com A TIMEOUT
        b.example.com A 192.0.2.1
    """
    assert ask(zone).result is PASS


# -- macros in place -------------------------------------------------------------------------------


def test_p_prefers_the_domain_then_a_name_below_it(ask):
    zone = """
        example.com TXT v=spf1 exists:%{p}.seen.test -all
        1.2.0.192.in-addr.arpa PTR other.test
        1.2.0.192.in-addr.arpa PTR sub.example.com
        1.2.0.192.in-addr.arpa PTR example.com
        other.test A 192.0.2.1
        sub.example.com A 192.0.2.1
        example.com A 192.0.2.1
        example.com.seen.test A 127.0.0.1
    """
    assert ask(zone).result is PASS
    assert (
        ask(
            zone.replace("PTR example.com", "PTR x.test").replace("example.com.seen", "sub.example.com.seen")
        ).result
        is PASS
    )


def test_p_is_unknown_without_a_validated_name(ask):
    assert (
        ask("example.com TXT v=spf1 exists:%{p}.seen.test -all\nunknown.seen.test A 127.0.0.1").result is PASS
    )


def test_ipv6_in_names(ask):
    zone = (
        "example.com TXT v=spf1 exists:%{ir}.%{v}.test -all\n"
        "1.0.0.0." + "0." * 20 + "8.b.d.0.1.0.0.2.ip6.test A 127.0.0.1"
    )
    assert ask(zone, "2001:db8::1").result is PASS


def test_long_names_lose_labels_on_the_left(ask):
    label = "a" * 60
    spec = ".".join([label] * 4) + ".%{d}.test"
    zone = (
        f"example.com TXT v=spf1 exists:x.{spec} -all\n{'.'.join([label] * 3)}.example.com.test A 127.0.0.1"
    )
    assert ask(zone).result is PASS


# -- explanations -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "explanation"),
    [
        (
            ["%{i} is not one of %{d}'s designated mail servers."],
            "192.0.2.1 is not one of example.com's designated mail servers.",
        ),
        (
            ["See http://%{d}/why.html?s=%{S}&i=%{I}"],
            "See http://example.com/why.html?s=alice%40example.com&i=192.0.2.1",
        ),
        (["%{c} %{r} %{t} %{h}"], "192.0.2.1 mx.here.test 12345 mx.example.com"),
        (["bad %{x}"], ""),
        (["one", "two"], ""),
        (["TIMEOUT"], ""),
        ([], ""),
        (["n\u00f6n-ascii"], ""),
        (["a" * 600], "a" * (MAX_EXPLANATION - 3) + "..."),
    ],
)
def test_explanation(ask, records, explanation):
    zone = "example.com TXT v=spf1 -all exp=why.test\n" + "\n".join(
        f"why.test TXT {text}" for text in records
    )
    result = ask(zone, receiver="mx.here.test", now=12345)
    assert result.result is FAIL
    assert result.explanation == explanation


def test_explanation_is_safe_to_send(ask):
    zone = "example.com TXT v=spf1 -all exp=why.test\nwhy.test TXT hello %{l} and %{h}"
    result = ask(zone, sender="\u00e9\r\n250 ok@example.com", helo="x\r\ny")
    assert result.explanation == "hello ???250 ok and x??y"


def test_whose_explanation(ask):
    zone = """
        example.com TXT v=spf1 include:inner.test -all exp=outer.test
        inner.test TXT v=spf1 -all exp=inner-why.test
        redirect.test TXT v=spf1 redirect=inner.test exp=outer.test
        outer.test TXT outer
        inner-why.test TXT inner
    """
    assert ask(zone).explanation == "outer"
    assert ask(zone, sender="a@redirect.test").explanation == "inner"
    assert ask("example.com TXT v=spf1 ~all exp=why.test\nwhy.test TXT x").explanation == ""


def test_explanation_costs_no_lookup(ask):
    zone = "example.com TXT v=spf1 a:v1.test a:v2.test -all exp=nowhere.test"
    result = ask(zone)
    assert (result.result, result.lookups, result.void_lookups) == (FAIL, 2, 2)


# -- the result ------------------------------------------------------------------------------------------


def test_mechanism_and_trace(ask):
    result = ask("example.com TXT v=spf1 include:inner.test -all\ninner.test TXT v=spf1 ip4:192.0.2.1")
    assert result.mechanism == "include:inner.test"
    assert result.lookups == 1
    assert result.trace == (
        "example.com publishes v=spf1 include:inner.test -all",
        "example.com: looks into inner.test",
        "inner.test publishes v=spf1 ip4:192.0.2.1",
        "inner.test: ip4:192.0.2.1 matches: pass",
        "example.com: include:inner.test matches: pass",
    )


def test_enhanced_codes(ask):  # RFC 7372 §3.2
    assert ask("example.com TXT v=spf1 -all").enhanced_code == "5.7.23"
    assert ask("example.com TXT v=spf1 x").enhanced_code == "5.7.24"
    assert ask("example.com TXT TIMEOUT").enhanced_code == "4.7.24"
    assert ask("example.com TXT v=spf1 all").enhanced_code == ""


def test_the_client_must_have_an_address():
    with pytest.raises(ValueError, match="does not appear"):
        spf.check("nonsense", "a@b.test", "c.test")


TERMS = st.lists(
    st.sampled_from(
        ["a", "mx", "ptr", "-all", "~all", "a:%{l}.x.test", "include:b.test", "exists:%{ir}.x.test", "mx:b.test//64", "redirect=b.test",
         "exp=b.test", "ip4:192.0.2.0/24", "ip6:::/0", "include:%{d1}.test", "exists:%{p}.x", "junk", "a:%{h}"]
    ),
    max_size=14,
)  # fmt: skip


@given(TERMS, st.text(max_size=20), st.text(max_size=20), st.integers(0, 3))
def test_any_record_and_any_identity_give_a_result(terms, local, helo, seed):
    class Anything:
        asked = 0

        def query(self, question):
            self.asked += 1
            kind = (self.asked + seed) % 5
            if isinstance(question, TxtQuestion):
                return Answer((b"v=spf1 " + " ".join(terms).encode(),))
            if isinstance(question, PtrQuestion):
                return Answer(("a.test", "b.test", "\x00", "c" * 300))
            if kind < 2 and isinstance(question, AddressQuestion):
                return Answer(("192.0.2.7", "nonsense"))
            return Answer(status=Status.NXDOMAIN if kind < 4 else Status.SERVFAIL)

    resolver = Anything()
    result = spf.run(spf.check("192.0.2.1", f"{local}@a.test", helo), resolver)
    assert isinstance(result.result, Outcome)
    assert resolver.asked < 250
    assert result.explanation.isascii()
