"""`tls.sts_check`: every way it can end; the DNS and the policy host answer from tables."""

import pytest

from postier.mailauth.questions import NXDOMAIN, SERVFAIL, TIMEOUT, Answer, Mx, MxQuestion, TxtQuestion
from postier.tls.https import FetchError
from postier.tls.policy import TlsResult
from postier.tls.sts_check import check_sts

RECORD = TxtQuestion("_mta-sts.alpha.test")
MX = MxQuestion("alpha.test")
ANNOUNCED = Answer((b"v=STSv1; id=1",))
POLICY = "version: STSv1\nmode: {mode}\nmx: *.alpha.test\nmax_age: {age}\n"


class Table:
    """A resolver and a policy host in one."""

    def __init__(self, answers, policy=b""):
        self._answers = answers
        self._policy = policy

    async def query(self, question):
        return self._answers.get(question, NXDOMAIN)

    async def fetch(self, domain):
        if isinstance(self._policy, Exception):
            raise self._policy
        return self._policy


async def checked(answers, policy=b""):
    table = Table(answers, policy.encode() if isinstance(policy, str) else policy)
    return await check_sts("alpha.test", table, table)


@pytest.mark.parametrize(
    ("answer", "result", "says"),
    [
        (NXDOMAIN, "none", "announces no MTA-STS policy"),
        (TIMEOUT, "error", "cannot be looked up (timeout)"),
        (Answer((b"v=STSv1; id=1", b"v=STSv1; id=2")), "broken", "more than one record"),
        (Answer((b"v=spf1 -all",)), "broken", "begins with v=STSv1;"),
        (Answer((b"v=STSv1; id=",)), "broken", "the record is wrong"),
    ],
)
async def test_records(answer, result, says):
    found = await checked({RECORD: answer})
    assert (found.result, found.trace[-1]) == (result, found.problem)
    assert says in found.problem


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        (FetchError(TlsResult.STS_WEBPKI_INVALID, "expired"), "expired (sts-webpki-invalid)"),
        ("version: STSv2\n", "the policy is wrong: version is not STSv1"),
    ],
)
async def test_policies_that_cannot_be_used(policy, says):
    found = await checked({RECORD: ANNOUNCED}, policy)
    assert (found.result, found.identifier, found.policy) == ("broken", "1", None)
    assert says in found.problem


@pytest.mark.parametrize(
    ("mode", "mx", "result", "says"),
    [
        ("enforce", Answer((Mx(20, "b.alpha.test"), Mx(10, "a.alpha.test"))), "ok", "must use TLS"),
        (
            "enforce",
            Answer((Mx(10, "a.alpha.test"), Mx(20, "b.beta.test"))),
            "broken",
            "does not reach b.beta.test",
        ),
        ("testing", Answer((Mx(10, "b.beta.test"),)), "broken", "b.beta.test would be refused"),
        ("none", Answer((Mx(10, "b.beta.test"),)), "ok", "is being withdrawn"),
        ("enforce", NXDOMAIN, "broken", "is its own mail host"),
        ("enforce", SERVFAIL, "error", "MX records of alpha.test cannot be looked up"),
    ],
)
async def test_hosts_against_the_policy(mode, mx, result, says):
    found = await checked({RECORD: ANNOUNCED, MX: mx}, POLICY.format(mode=mode, age=604_800))
    assert found.result == result
    assert says in "\n".join((*found.trace, found.problem))
    hosts = [record.exchange for record in sorted(mx.records)]
    assert mx.is_void or [*found.allowed, *found.refused] == hosts


async def test_a_short_life_is_told():
    found = await checked(
        {RECORD: ANNOUNCED, MX: Answer((Mx(10, "a.alpha.test"),))}, POLICY.format(mode="enforce", age=60)
    )
    assert found.result == "ok"
    assert any("max_age is only 60 s" in step for step in found.trace)
