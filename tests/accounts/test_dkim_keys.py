import base64
import datetime as dt

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from postier.accounts.dkim_keys import (
    RSA_BITS,
    DkimAlgorithm,
    add_key,
    domain_keys,
    make_keys,
    record_text,
)
from postier.accounts.refusals import ExistsError
from postier.store.transaction import Store


def test_keys_of_both_kinds_and_their_records() -> None:
    by_rsa, by_ed25519 = make_keys("x.test", dt.date(2026, 11, 24))
    assert (by_rsa.selector, by_ed25519.selector) == ("202611r", "202611e")
    assert by_rsa.record_name == "202611r._domainkey.x.test"
    text = record_text(by_rsa)
    assert text.startswith("v=DKIM1; k=rsa; p=")
    public = serialization.load_der_public_key(base64.b64decode(text.rpartition("p=")[2]))
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == RSA_BITS
    text = record_text(by_ed25519)
    assert text.startswith("v=DKIM1; k=ed25519; p=")
    octets = base64.b64decode(text.rpartition("p=")[2])
    private = serialization.load_pem_private_key(by_ed25519.private_key.encode(), None)
    assert isinstance(private, ed25519.Ed25519PrivateKey)
    assert octets == private.public_key().public_bytes_raw()


async def test_keys_are_stored_once(store: Store) -> None:
    keys = make_keys("x.test", dt.date(2026, 1, 2))
    for key in reversed(keys):
        await store.write(add_key, key)
    stored = await store.read(domain_keys, "x.test")
    assert [(key.selector, key.private_key) for key in stored] == [
        (key.selector, key.private_key) for key in keys
    ]
    assert [key.algorithm for key in keys] == [DkimAlgorithm.RSA, DkimAlgorithm.ED25519]
    with pytest.raises(ExistsError):
        await store.write(add_key, keys[0])
