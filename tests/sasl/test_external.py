"""EXTERNAL: the identity is known before."""

from postier.sasl.exchange import MAX_RESPONSE_OCTETS, Accepted, Challenge, Failed, Failure
from postier.sasl.external import ExternalServer


def test_the_identity_of_the_certificate():
    assert ExternalServer("a@b.test").start(b"") == Accepted("", "a@b.test")
    server = ExternalServer("a@b.test")
    assert server.start(None) == Challenge(b"")
    assert server.step(b"other@b.test") == Accepted("other@b.test", "a@b.test")


def test_malformed():
    for response in (b"a\x00b", b"\xff", b"a" * (MAX_RESPONSE_OCTETS + 1)):
        assert ExternalServer("a@b.test").start(response) == Failed(Failure.MALFORMED)
