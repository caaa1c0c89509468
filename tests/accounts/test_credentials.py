import argon2
import pytest

from postier.accounts.credentials import (
    DUMMY_SECRET,
    GENERATED_CHARACTERS,
    generate_password,
    hash_password,
    is_outdated,
    is_password,
    replace_secret,
    set_password,
    stored_password,
)
from postier.accounts.names import prepared_password
from postier.accounts.refusals import InvalidError, NotFoundError
from postier.store.transaction import Store
from tests.accounts.directory_rows import two_domains


def test_a_password_fits_its_hash_only() -> None:
    secret = hash_password("pässword")
    assert secret.startswith("$argon2id$")
    assert is_password(secret, "pässword")
    assert not is_password(secret, "password")
    assert not is_outdated(secret)
    assert not is_password("damaged", "pässword")
    assert is_outdated(argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("x"))


def test_the_dummy_hash_costs_what_a_real_one_does() -> None:
    assert not is_outdated(DUMMY_SECRET)
    assert not is_password(DUMMY_SECRET, "anything")


@pytest.mark.parametrize("password", ["", "a\nb", "x" * 1_025])
def test_what_can_not_be_a_password(password: str) -> None:
    with pytest.raises(InvalidError):
        hash_password(password)


def test_generated_passwords_differ_and_are_fit() -> None:
    first, second = generate_password(), generate_password()
    assert first != second
    assert len(first.replace("-", "")) == GENERATED_CHARACTERS
    assert prepared_password(first) == first


async def test_a_password_is_stored_and_replaced(store: Store) -> None:
    _, carole = await store.write(two_domains)
    assert await store.read(stored_password, "carole@beta.test") is None
    await store.write(set_password, carole, "one")
    await store.write(set_password, carole, "two")
    stored = await store.read(stored_password, "carole@beta.test")
    assert stored is not None
    assert (stored.account_id, stored.secret) == (carole, "two")
    await store.write(replace_secret, stored, "three")
    await store.write(replace_secret, stored, "four")  # it is no longer "two": somebody was faster
    stored = await store.read(stored_password, "carole@beta.test")
    assert stored is not None
    assert stored.secret == "three"
    with pytest.raises(NotFoundError):
        await store.write(set_password, 999, "x")
