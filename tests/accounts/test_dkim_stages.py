"""A rotation from stage to stage; what it refuses; that running servers take it over."""

import asyncio
import datetime as dt
from collections.abc import Sequence

import pytest

from postier.accounts.directory import Directory
from postier.accounts.dkim_keys import DkimAlgorithm, DkimKey, KeyState, domain_keys, make_keys
from postier.accounts.dkim_stages import (
    DAY_US,
    RETIRED_KEPT_US,
    activate_keys,
    is_over,
    kept_until,
    publish_keys,
    remove_key,
    retire_keys,
    to_activate,
)
from postier.accounts.domains import add_domain
from postier.accounts.publishing import Need, key_record
from postier.accounts.refusals import ExistsError, InUseError, NotFoundError
from postier.mailauth import dkim
from postier.store.transaction import Store, WriteTx

PEM = dkim.private_pem(dkim.generate_key("ed25519")).decode()


def keys(stem: str, state: KeyState = KeyState.PUBLISHED) -> tuple[DkimKey, ...]:
    """A pair under one stem; both are of one kind inside, for RSA keys take long to make."""
    return tuple(DkimKey("x.test", stem + algorithm[0], algorithm, PEM, state) for algorithm in DkimAlgorithm)


async def stages(store: Store) -> dict[str, str]:
    return {key.selector: key.state.value for key in await store.read(domain_keys, "x.test")}


def age(tx: WriteTx, selector: str, by_us: int) -> None:
    tx.run("UPDATE dkim_key SET state_since = state_since - ? WHERE selector = ?", by_us, selector)


def test_selectors_go_by_month_day_and_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postier.accounts.dkim_keys.RSA_BITS", 1024)
    taken: list[str] = []
    for stem in ("202611", "20261124", "20261124-2", "20261124-3"):
        made = [key.selector for key in make_keys("x.test", dt.date(2026, 11, 24), taken=taken)]
        assert made == [stem + "r", stem + "e"]
        taken += made[1:]


async def test_a_whole_rotation(store: Store) -> None:
    await store.write(add_domain, "x.test", keys("1", KeyState.ACTIVE))
    await store.write(publish_keys, "x.test", keys("2"))
    assert await stages(store) == {"1r": "active", "1e": "active", "2r": "published", "2e": "published"}
    with pytest.raises(ExistsError, match="2r, 2e"):
        await store.write(publish_keys, "x.test", keys("3"))
    waiting = [key.selector for key in await store.read(to_activate, "x.test")]
    assert waiting == ["2r", "2e"]
    await store.write(activate_keys, "x.test", waiting)
    assert set((await stages(store)).values()) == {"active"}
    retired = await store.write(retire_keys, "x.test")
    assert sorted(key.selector for key in retired) == ["1e", "1r"]
    assert await stages(store) == {"1r": "retired", "1e": "retired", "2r": "active", "2e": "active"}
    with pytest.raises(InUseError, match="for 14 days"):
        await store.write(remove_key, "x.test", "1r")
    await store.write(age, "1r", RETIRED_KEPT_US)
    await store.write(remove_key, "x.test", "1r")
    await store.write(remove_key, "x.test", "1e", force=True)
    assert await stages(store) == {"2r": "active", "2e": "active"}


async def test_what_would_leave_mail_unsigned_is_refused(store: Store) -> None:
    await store.write(add_domain, "x.test", keys("1", KeyState.ACTIVE))
    with pytest.raises(NotFoundError, match="replaced"):
        await store.write(retire_keys, "x.test")
    await store.write(retire_keys, "x.test", ("1r",))
    with pytest.raises(InUseError, match="unsigned"):
        await store.write(retire_keys, "x.test", ("1e",))
    with pytest.raises(InUseError, match="signs"):
        await store.write(remove_key, "x.test", "1e", force=True)
    await store.write(activate_keys, "x.test", ("1r",))  # back again
    await store.write(retire_keys, "x.test", ("1e", "1r"), force=True)
    assert set((await stages(store)).values()) == {"retired"}


async def test_names_that_are_not_there(store: Store) -> None:
    await store.write(add_domain, "x.test", keys("1", KeyState.ACTIVE))
    for act in (activate_keys, retire_keys):
        with pytest.raises(NotFoundError, match="no DKIM key 9r"):
            await store.write(act, "x.test", ("9r",))
        with pytest.raises(NotFoundError, match=r"there is no domain y\.test"):
            await store.write(act, "y.test", ())
    with pytest.raises(NotFoundError):
        await store.write(publish_keys, "y.test", ())


async def test_running_servers_take_it_over(store: Store) -> None:
    await store.write(add_domain, "x.test", keys("1", KeyState.ACTIVE))
    await store.write(publish_keys, "x.test", keys("2"))
    directory = Directory(store)
    try:
        assert await signing(directory) == {"1r", "1e"}
        await store.write(activate_keys, "x.test", ("2r", "2e"))
        await becomes(directory, {"1r", "1e", "2r", "2e"})
        await store.write(retire_keys, "x.test")
        await becomes(directory, {"2r", "2e"})
    finally:
        directory.close()


async def signing(directory: Directory) -> set[str]:
    return {key.selector for key in await directory.signing_keys("x.test")}


async def becomes(directory: Directory, wanted: set[str]) -> None:
    """The wake-up comes; what is remembered would last for seconds."""
    async with asyncio.timeout(3):
        while await signing(directory) != wanted:
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("state", "need", "words"),
    [
        (KeyState.PUBLISHED, Need.SOON, "will sign"),
        (KeyState.ACTIVE, Need.NOW, "that signs"),
        (KeyState.RETIRED, Need.NOW, "keep it until 1970-01-16"),
    ],
)
def test_a_record_for_each_stage(state: KeyState, need: Need, words: str) -> None:
    key = DkimKey("x.test", "1e", DkimAlgorithm.ED25519, PEM, state, 0, DAY_US)
    record = key_record(key, 2 * DAY_US)
    assert record.need is need
    assert words in record.purpose
    assert record.data.startswith("v=DKIM1; k=ed25519; p=")
    assert len(record.data) > len("v=DKIM1; k=ed25519; p=")


def test_an_old_key_is_revoked() -> None:
    key = DkimKey("x.test", "1e", DkimAlgorithm.ED25519, PEM, KeyState.RETIRED, 0, DAY_US)
    last = kept_until(key)
    assert [is_over(key, at) for at in (last - 1, last)] == [False, True]
    assert key_record(key, last - 1).need is Need.NOW
    record = key_record(key, last)
    assert (record.data, record.need) == ("v=DKIM1; k=ed25519; p=", Need.NO_LONGER)


def selectors(found: Sequence[DkimKey]) -> list[str]:
    return [key.selector for key in found]


async def test_activating_what_signs_changes_nothing(store: Store) -> None:
    await store.write(add_domain, "x.test", keys("1", KeyState.ACTIVE))
    before = await store.read(domain_keys, "x.test")
    assert selectors(await store.write(activate_keys, "x.test", ("1e",))) == []
    assert await store.read(domain_keys, "x.test") == before
