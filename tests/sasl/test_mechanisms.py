from postier.sasl.exchange import Accepted, Challenge, Failed, KeysWanted
from postier.sasl.mechanisms import BINDS_CHANNEL, SENDS_PASSWORD, Mechanism, server_exchange
from postier.sasl.scram import ChannelBinding


def test_every_mechanism_has_a_fresh_exchange():
    for mechanism in Mechanism:
        first, second = server_exchange(mechanism, "nonce"), server_exchange(mechanism, "nonce")
        assert first is not second
        assert isinstance(first.start(None), Challenge)
    assert Mechanism("PLAIN") in SENDS_PASSWORD
    assert Mechanism.SCRAM_SHA_256 not in SENDS_PASSWORD


def test_bindings_are_for_plus_and_identities_for_external():
    binding = (ChannelBinding("tls-server-end-point", b"x"),)
    for mechanism in Mechanism:
        is_scram = mechanism.value.startswith("SCRAM")
        bound = server_exchange(mechanism, "n", bindings=binding).start(b"p=tls-server-end-point,,n=u,r=x")
        assert isinstance(bound, KeysWanted) is (mechanism in BINDS_CHANNEL)
        if is_scram:
            assert isinstance(server_exchange(mechanism, "n", bindings=binding).start(b"y,,n=u,r=x"), Failed)
    assert server_exchange(Mechanism.EXTERNAL, "", identity="a@b").start(b"") == Accepted("", "a@b")
