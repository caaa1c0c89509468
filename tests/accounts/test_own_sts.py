"""Our own MTA-STS policies: text and record go together, and withdrawal takes its time."""

import re

import pytest

from postier.accounts.domains import add_domain, remove_domain
from postier.accounts.own_sts import (
    WITHDRAWN_US,
    OwnPolicy,
    own_sts_policy,
    remove_sts_policy,
    set_sts_policy,
)
from postier.accounts.publishing import records_of, sts_records
from postier.accounts.refusals import InUseError, NotFoundError
from postier.mailauth.mta_sts import Mode, parse_policy, parse_records
from postier.store.transaction import Store, WriteTx


@pytest.mark.parametrize("mode", Mode)
def test_the_text_reads_back(mode: Mode) -> None:
    own = OwnPolicy("x.test", mode, "mx.x.test", 0)
    assert parse_policy(own.text.encode()) == own.policy
    assert own.policy.allows("mx.x.test")
    name, text = own.record
    assert (name, parse_records([text.encode()])) == ("_mta-sts.x.test", own.identifier)
    assert re.fullmatch("[0-9a-f]{20}", own.identifier)


def test_the_id_changes_with_the_policy_only() -> None:
    made = [
        OwnPolicy("x.test", mode, host, at).identifier
        for mode in (Mode.TESTING, Mode.ENFORCE)
        for host in ("mx.x.test", "mail.x.test")
        for at in (1, 2)
    ]
    assert len(set(made)) == 4
    assert made[0] == made[1]


def test_the_records() -> None:
    own = OwnPolicy("x.test", Mode.ENFORCE, "mx.x.test", 0)
    announced, served, reports = sts_records(own)
    assert announced.data == f"v=STSv1; id={own.identifier};"
    assert (served.name, served.type, served.data) == ("mta-sts.x.test", "CNAME", "mx.x.test.")
    assert reports.name == "_smtp._tls.x.test"
    listed = records_of("x.test", "mx.x.test", [], [], sts=own)
    assert announced in listed
    assert [record.name for record in listed].count("_smtp._tls.x.test") == 1
    assert announced not in records_of("x.test", "mx.x.test", [], [])


async def test_a_policy_comes_and_goes(store: Store) -> None:
    with pytest.raises(NotFoundError):
        await store.write(set_sts_policy, "x.test", Mode.TESTING)
    await store.write(add_domain, "x.test")
    assert await store.read(own_sts_policy, "x.test", "mx.x.test") is None
    with pytest.raises(NotFoundError, match="no MTA-STS policy"):
        await store.write(remove_sts_policy, "x.test")
    await store.write(set_sts_policy, "x.test", Mode.ENFORCE)
    first = await store.read(own_sts_policy, "x.test", "mx.x.test")
    assert first is not None
    await store.write(set_sts_policy, "x.test", Mode.ENFORCE)
    assert await store.read(own_sts_policy, "x.test", "mx.x.test") == first
    with pytest.raises(InUseError, match="--mode none"):
        await store.write(remove_sts_policy, "x.test")
    await store.write(set_sts_policy, "x.test", Mode.NONE)
    with pytest.raises(InUseError, match="for 14 days"):
        await store.write(remove_sts_policy, "x.test")

    def age(tx: WriteTx) -> None:
        tx.run("UPDATE own_sts_policy SET changed_at = changed_at - ?", WITHDRAWN_US)

    await store.write(age)
    await store.write(remove_sts_policy, "x.test")
    assert await store.read(own_sts_policy, "x.test", "mx.x.test") is None
    await store.write(set_sts_policy, "x.test", Mode.TESTING)
    await store.write(remove_domain, "x.test")
    await store.write(add_domain, "x.test")
    assert await store.read(own_sts_policy, "x.test", "mx.x.test") is None
