"""The alarm of a domain whose mail leaves unsigned."""

from postier.accounts.dkim_keys import DkimAlgorithm, DkimKey
from postier.accounts.dkim_stages import activate_keys
from postier.accounts.domains import add_domain, remove_domain
from postier.accounts.unsigned_mail import record_unsigned, unsigned_mail
from postier.store.transaction import Store


async def test_it_is_counted_and_ends_with_a_key(store: Store) -> None:
    key = DkimKey("a.test", "1e", DkimAlgorithm.ED25519, "pem")
    await store.write(add_domain, "a.test", [key])
    await store.write(add_domain, "b.test")
    for domain in ("a.test", "b.test", "b.test"):
        await store.write(record_unsigned, domain)
    b, a = await store.read(unsigned_mail)
    assert [(one.domain, one.letters) for one in (a, b)] == [("a.test", 1), ("b.test", 2)]
    assert a.first_at == a.last_at < b.first_at < b.last_at
    await store.write(activate_keys, "a.test", ("1e",))
    assert [one.domain for one in await store.read(unsigned_mail)] == ["b.test"]
    await store.write(remove_domain, "b.test")
    assert await store.read(unsigned_mail) == []
