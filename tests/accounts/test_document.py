import json

import pytest
from msgspec.structs import replace

from postier.accounts.accounts import list_accounts
from postier.accounts.aliases import list_aliases
from postier.accounts.credentials import hash_password, is_hash
from postier.accounts.dkim_keys import DkimAlgorithm, DkimKey, add_key, domain_keys
from postier.accounts.document import RehearsedError, apply_directory, export_directory
from postier.accounts.domains import list_domains, remove_domain
from postier.accounts.logos import Logo, logo_of, set_logo
from postier.accounts.refusals import InvalidError, NotFoundError
from postier.mailauth import dkim
from postier.store.transaction import Store, WriteTx
from tests.accounts.directory_rows import account, alias, no_mailboxes, two_domains

PEM = dkim.private_pem(dkim.generate_key("ed25519")).decode()
SECRET = hash_password("correct horse")


def new_keys(domain: str) -> list[DkimKey]:
    return [DkimKey(domain, "new", DkimAlgorithm.ED25519, PEM)]


async def apply(store: Store, text: str, *, dry_run: bool = False) -> list[str]:
    return await store.write_bulk(apply_directory, text, no_mailboxes, new_keys, dry_run=dry_run)


def fill(tx: WriteTx) -> None:
    two_domains(tx)
    add_key(tx, DkimKey("beta.test", "one", DkimAlgorithm.ED25519, PEM))
    account(tx, "bob@beta.test", SECRET, is_admin=True, quota_bytes=5)
    alias(tx, "z@beta.test", "carole@beta.test", '"odd \\"one"@else.test', "Mixed@else.test")
    alias(tx, "a@beta.test", "z@beta.test")
    alias(tx, "*@alpha.test", "alice@alpha.test")


async def test_what_was_exported_can_be_applied(store: Store) -> None:
    await store.write(fill)
    text = await store.read_bulk(export_directory, with_secrets=True)
    assert await apply(store, text) == []
    before = [await store.read(fn) for fn in (list_accounts, list_aliases)]
    keys = await store.read(domain_keys, "beta.test")
    for domain in ("alpha.test", "beta.test"):
        await store.write_bulk(remove_domain, domain, force=True)
    changes = await apply(store, text)
    assert len(changes) == 2 + 3 + 3
    assert await store.read_bulk(export_directory, with_secrets=True) == text.replace(
        '[domain."alpha.test"]',
        '[domain."alpha.test"]\n[[domain."alpha.test".dkim]]\nselector = "new"\nalgorithm = "ed25519"\n'
        f'private_key = {json.dumps(PEM)}\nstate = "active"',
    )
    after = [await store.read(fn) for fn in (list_accounts, list_aliases)]
    assert [one.address for one in after[0]] == [one.address for one in before[0]]
    assert after[1] == before[1]
    stored = await store.read(domain_keys, "beta.test")
    assert [replace(key, created_at=0, state_since=0) for key in stored] == [
        replace(key, created_at=0, state_since=0) for key in keys
    ]


async def test_secrets_are_left_out_unless_asked_for(sqlite_store: Store) -> None:
    await sqlite_store.write(fill)
    text = await sqlite_store.read_bulk(export_directory, with_secrets=False)
    assert "argon2" not in text
    assert "private_key" not in text
    assert await apply(sqlite_store, text) == []


async def test_changes_are_made_and_told(sqlite_store: Store) -> None:
    await sqlite_store.write(fill)
    text = f"""
        [domain."gamma.test"]
        [[domain."beta.test".dkim]]
        selector = "two"
        algorithm = "ed25519"
        private_key = {json.dumps(PEM)}
        [account."Bob@beta.test"]
        [account."carole@beta.test"]
        admin = true
        password_hash = "{SECRET}"
        [account."new@gamma.test"]
        quota_bytes = 7
        [alias]
        "z@beta.test" = ["new@gamma.test"]
        "first@gamma.test" = ["second@gamma.test"]
        "second@gamma.test" = ["new@gamma.test"]
    """
    expected = [
        "domain gamma.test added",
        "domain beta.test: DKIM key two added",
        "account bob@beta.test: quota changed",
        "account bob@beta.test: is no longer an administrator",
        "account carole@beta.test: is now an administrator",
        "account carole@beta.test: password changed",
        "account new@gamma.test added",
        "alias z@beta.test changed",
        "alias second@gamma.test added",
        "alias first@gamma.test added",
    ]
    with pytest.raises(RehearsedError) as rehearsed:
        await apply(sqlite_store, text, dry_run=True)
    assert rehearsed.value.changes == expected
    assert len(await sqlite_store.read(list_domains)) == 2
    assert await apply(sqlite_store, text) == expected
    assert await apply(sqlite_store, text) == []
    assert [key.selector for key in await sqlite_store.read(domain_keys, "gamma.test")] == ["new"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[", InvalidError),
        ("[domains]", InvalidError),
        ('[[domain."x.test".dkim]]\nselector = "s"\nalgorithm = "rsa"\nprivate_key = "x"', InvalidError),
        (
            f'[[domain."x.test".dkim]]\nselector = "s"\nalgorithm = "rsa"\nprivate_key = {json.dumps(PEM)}',
            InvalidError,
        ),
        ('[domain."a b"]', InvalidError),
        ('[account."nobody"]', InvalidError),
        ('[account."a@beta.test"]\npasword = "x"', InvalidError),
        ('[account."a@beta.test"]\npassword_hash = "secret"', InvalidError),
        ('[account."a@beta.test"]\nquota_bytes = -1', InvalidError),
        ('[account."a@nowhere.test"]', NotFoundError),
        ('[alias]\n"x@beta.test" = ["y@beta.test"]\n"y@beta.test" = ["x@beta.test"]', NotFoundError),
        ('[alias]\n"x@beta.test" = []', InvalidError),
    ],
)
async def test_a_wrong_document_changes_nothing(
    sqlite_store: Store, text: str, error: type[Exception]
) -> None:
    await sqlite_store.write(two_domains)
    with pytest.raises(error):
        await apply(sqlite_store, '[domain."new.test"]\n' + text if text != "[" else text)
    assert len(await sqlite_store.read(list_domains)) == 2


def test_hashes_from_elsewhere_are_bounded() -> None:
    assert is_hash(SECRET)
    assert not is_hash(SECRET.replace("m=19456", "m=4194304"))
    assert not is_hash(SECRET.replace("t=2", "t=4000"))
    assert not is_hash(SECRET.replace("argon2id", "argon2i"))
    assert not is_hash("")


async def test_the_logo_of_a_domain(store: Store) -> None:
    await store.write(two_domains)
    logo = Logo("https://beta.test/a.svg", "https://beta.test/v.pem")
    text = f'[domain."beta.test"]\nlogo = "{logo.location}"\nlogo_evidence = "{logo.evidence}"\n'
    assert await apply(store, text) == ["domain beta.test: logo changed"]
    assert await store.read(logo_of, "beta.test") == logo
    assert await apply(store, text) == []
    exported = await store.read_bulk(export_directory, with_secrets=False)
    assert text in exported
    await store.write_bulk(remove_domain, "beta.test", force=True)
    await apply(store, text)
    assert await store.read(logo_of, "beta.test") == logo
    with pytest.raises(InvalidError, match="https"):
        await apply(store, text.replace("https", "http"))
    with pytest.raises(InvalidError, match="needs"):
        await store.write(set_logo, "beta.test", Logo("", logo.evidence))


async def test_the_mode_of_mta_sts_is_part_of_it(sqlite_store: Store) -> None:
    text = '[domain."beta.test"]\nmta_sts = "enforce"\n'
    changes = await apply(sqlite_store, text)
    assert changes == ["domain beta.test added", "domain beta.test: MTA-STS mode enforce"]
    assert await apply(sqlite_store, text) == []
    exported = await sqlite_store.read_bulk(export_directory, with_secrets=False)
    assert '[domain."beta.test"]\nmta_sts = "enforce"\n' in exported
    changes = await apply(sqlite_store, text.replace("enforce", "none"))
    assert changes == ["domain beta.test: MTA-STS mode none"]
