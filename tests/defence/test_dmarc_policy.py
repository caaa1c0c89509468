"""The owner's wish, and what overrides it: each row of the decision, and who may vouch."""

import pytest

from postier.defence.dmarc_policy import decide, vouching_set
from postier.defence.verdict import Evidence, Treatment, judge
from postier.mailauth import arc
from postier.mailauth.dkim import DkimResult
from postier.mailauth.dmarc import DmarcResult, Policy
from postier.mailauth.outcome import Outcome
from postier.mailauth.reports.aggregate import OverrideKind
from postier.mailauth.spf import SpfResult

NO_CHAIN = arc.ArcResult(Outcome.NONE)
NEUTRAL = SpfResult(Outcome.NEUTRAL, "x.test", "mailfrom")
DISOWNED = SpfResult(Outcome.FAIL, "x.test", "mailfrom")
SIGNED = DkimResult(Outcome.PASS, domain="else.test")
SAW_PASS = b"mx.list.test; dmarc=pass header.from=bank.test; arc=none smtp.remote-ip=192.0.2.9"
SAW_FAIL = b"mx.other.test; dmarc=fail header.from=bank.test; arc=pass"


def failed(published, applied=None):
    applied = applied or published
    return DmarcResult(Outcome.FAIL, "bank.test", published, applied, applied)


def chain(*sets, signed=("from", "to"), result=Outcome.PASS):
    return arc.ArcResult(
        result,
        tuple(domain for domain, _ in sets),
        tuple(text for _, text in sets),
        signed,
        selectors=tuple("s" for _ in sets),
    )


TRUSTED = chain(("list.test", SAW_PASS))


@pytest.mark.parametrize(
    ("dmarc", "spf", "dkim", "is_list", "disposition", "kinds"),
    [
        (DmarcResult(Outcome.PASS), NEUTRAL, (), False, "none", []),
        (DmarcResult(Outcome.NONE), DISOWNED, (), False, "none", []),
        (DmarcResult(Outcome.TEMPERROR), DISOWNED, (), False, "none", []),
        (failed(Policy.NONE), DISOWNED, (), False, "none", []),
        (failed(Policy.QUARANTINE), NEUTRAL, (), False, "quarantine", []),
        (failed(Policy.QUARANTINE, Policy.NONE), NEUTRAL, (), False, "none", ["policy_test_mode"]),
        (failed(Policy.REJECT, Policy.QUARANTINE), DISOWNED, (), False, "quarantine", ["policy_test_mode"]),
        (failed(Policy.REJECT), DISOWNED, (), False, "reject", []),
        (failed(Policy.REJECT), DISOWNED, (), True, "quarantine", ["mailing_list"]),
        (failed(Policy.REJECT), DISOWNED, (SIGNED,), False, "quarantine", ["local_policy"]),
        (failed(Policy.REJECT), NEUTRAL, (), False, "quarantine", ["local_policy"]),
    ],
)
def test_without_a_chain(dmarc, spf, dkim, is_list, disposition, kinds):
    policy = decide(dmarc, spf, dkim, NO_CHAIN, is_list_mail=is_list)
    assert (policy.disposition.value, [each.kind.value for each in policy.overrides]) == (disposition, kinds)


@pytest.mark.parametrize("published", [Policy.QUARANTINE, Policy.REJECT])
def test_a_trusted_sealer_lifts_the_policy(published):
    policy = decide(failed(published), DISOWNED, (), TRUSTED, trusted_sealers={"list.test"})
    assert (policy.disposition, policy.voucher) == (Policy.NONE, "list.test")
    (override,) = policy.overrides
    assert override.kind is OverrideKind.LOCAL_POLICY
    assert (
        override.comment == "arc=pass as[1].d=list.test as[1].s=s remote-ip[1]=192.0.2.9"
    )  # RFC 8617 §7.2.2


@pytest.mark.parametrize(
    ("found", "instance"),
    [
        (TRUSTED, 1),
        (chain(("list.test", SAW_PASS), ("other.test", SAW_FAIL)), 1),
        (chain(("list.test", SAW_FAIL), ("other.test", SAW_PASS)), 2),
        (chain(("list.test", SAW_PASS), ("evil.test", SAW_PASS)), 0),  # could have made the rest up
        (chain(("evil.test", SAW_PASS), ("other.test", SAW_FAIL)), 0),
        (chain(("list.test", SAW_PASS), ("evil.test", SAW_PASS), ("other.test", SAW_FAIL)), 0),
        (chain(("list.test", SAW_FAIL)), 0),
        (chain(("list.test", SAW_PASS.replace(b"bank", b"shop"))), 0),
        (chain(("list.test", b"mx; dmarc=pass")), 0),
        (chain(("list.test", b"mx; spf=pass (dmarc=pass header.from=bank.test)")), 0),
        (chain(("list.test", b"\xff;;")), 0),
        (chain(("list.test", SAW_PASS), signed=("to",)), 0),  # anybody may have changed From
        (chain(("list.test", SAW_PASS), result=Outcome.FAIL), 0),
        (NO_CHAIN, 0),
    ],
)
def test_who_vouches(found, instance):
    assert vouching_set(found, "bank.test", {"list.test", "other.test"}) == instance


def test_the_verdict_says_why():
    evidence = Evidence(DISOWNED, (), failed(Policy.REJECT), arc=TRUSTED)
    assert judge(evidence).treatment is Treatment.REFUSE
    verdict = judge(evidence, {"list.test"})
    assert (verdict.treatment, verdict.points) == (Treatment.DELIVER, 0.0)
    assert verdict.reasons == (
        "list.test, which is trusted here, saw that bank.test had sent it and passed it on",
    )
    assert verdict.policy.overrides
