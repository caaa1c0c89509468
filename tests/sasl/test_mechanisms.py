from postier.sasl.exchange import Challenge
from postier.sasl.mechanisms import SENDS_PASSWORD, Mechanism, server_exchange


def test_every_mechanism_has_a_fresh_exchange():
    for mechanism in Mechanism:
        first, second = server_exchange(mechanism, "nonce"), server_exchange(mechanism, "nonce")
        assert first is not second
        assert isinstance(first.start(None), Challenge)
    assert Mechanism("PLAIN") in SENDS_PASSWORD
    assert Mechanism.SCRAM_SHA_256 not in SENDS_PASSWORD
