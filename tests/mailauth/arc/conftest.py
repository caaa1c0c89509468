"""A chain of any length, and the zone that publishes its keys."""

import pytest

from postier.mailauth import arc, dkim
from postier.mailauth.authentication_results import MethodResult
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import StaticResolver

LETTER = b"From: alice@example.com\r\nTo: list@lists.test\r\nSubject: hello\r\n\r\nHello,\r\n  all \r\n\r\n"


@pytest.fixture(scope="session")
def sealers():
    return [arc.SigningKey(f"s{index}.test", "arc", dkim.generate_key("ed25519")) for index in range(3)]


@pytest.fixture
def zone(sealers):
    return StaticResolver.of_txt(
        {f"arc._domainkey.{key.domain}": dkim.key_record(key.private.public_key()) for key in sealers}
    )


@pytest.fixture
def letter():
    return LETTER


@pytest.fixture
def chain(sealers):
    """chain(n): the letter with n sets on top."""

    def chained(count, message=LETTER):
        for index in range(count):
            status = Outcome.PASS if index else Outcome.NONE
            key = sealers[index % len(sealers)]
            results = [MethodResult("arc", status), MethodResult("spf", "pass")]
            message = (
                arc.seal(message, key, f"mx.{key.domain}", 1000 + index, status=status, results=results)
                + message
            )
        return message

    return chained


@pytest.fixture
def verify(zone):
    def verifying(message, now=2000):
        return arc.run(arc.verify(message, now), zone)

    return verifying
