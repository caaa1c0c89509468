"""Keys made once a run, and a resolver that publishes them."""

import pytest

from postier.mailauth import dkim
from postier.mailauth.questions import StaticResolver

MESSAGE = (
    b"Received: from a.example.com by mx.example.org; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    b"From: Alice <alice@example.com>\r\n"
    b"To: Carole <carole@example.org>\r\n"
    b"Subject: A letter\r\n"
    b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    b"Message-ID: <1@example.com>\r\n"
    b"\r\n"
    b"Hello Carole,\r\n\r\n  the  text. \r\n\r\n\r\n"
)
NOW = 1_704_067_200


@pytest.fixture(scope="session")
def rsa_key():
    return dkim.generate_key()


@pytest.fixture(scope="session")
def weak_key():
    return dkim.generate_key("rsa", 1024)


@pytest.fixture(scope="session")
def ed_key():
    return dkim.generate_key("ed25519")


@pytest.fixture(scope="session")
def rsa(rsa_key):
    return dkim.SigningKey("example.com", "rsa", rsa_key)


@pytest.fixture(scope="session")
def ed(ed_key):
    return dkim.SigningKey("example.com", "ed", ed_key)


@pytest.fixture
def resolver(rsa_key, ed_key):
    return StaticResolver.of_txt(
        {
            "rsa._domainkey.example.com": dkim.key_record(rsa_key.public_key()),
            "ed._domainkey.example.com": dkim.key_record(ed_key.public_key()),
        }
    )


@pytest.fixture
def message():
    return MESSAGE


@pytest.fixture
def now():
    return NOW
