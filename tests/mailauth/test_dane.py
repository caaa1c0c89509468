import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.dane import MAX_CHAIN, Match, Tlsa, match, public_key_info, tlsa_name, usable
from tests.mailauth.authorities import DAY, NOW, Authority


@pytest.fixture(scope="module")
def root():
    return Authority("Root", is_ca=True)


@pytest.fixture(scope="module")
def middle(root):
    return Authority("Middle", root, is_ca=True)


@pytest.fixture(scope="module")
def leaf(middle):
    return Authority("mx.example.com", middle, names=["mx.example.com", "*.wild.test"])


def ask(records, chain, names=("mx.example.com",), now=NOW):
    return match(records, [entry.der for entry in chain], names, now).result


def test_tlsa_name():
    assert tlsa_name("mx.example.com") == "_25._tcp.mx.example.com"
    assert tlsa_name("a.test", 465) == "_465._tcp.a.test"


def test_public_key_info_is_the_octets_of_the_certificate(leaf):
    assert public_key_info(leaf.der) == leaf.spki


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_dane_ee_looks_at_the_leaf_alone(leaf, middle, selector, matching):
    record = leaf.tlsa(3, selector, matching)
    result = match(
        [record], [leaf.der], ["other.test"], NOW + 99 * DAY
    )  # RFC 7672 §3.1.1: neither name nor date
    assert (result.result, result.record) == (Match.MATCH, record)
    assert ask([middle.tlsa(3, selector, matching)], [leaf, middle]) is Match.MISMATCH


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_dane_ta_wants_a_chain_a_name_and_a_date(leaf, middle, root, selector, matching):
    for anchor in (middle, root):
        record = anchor.tlsa(2, selector, matching)
        assert ask([record], [leaf, middle, root]) is Match.MATCH
        assert ask([record], [leaf, root, middle]) is Match.MATCH
        assert ask([record], [leaf, middle, root], ["other.test"]) is Match.MISMATCH
        assert ask([record], [leaf, middle, root], ["other.test", "x.wild.test"]) is Match.MATCH
        assert ask([record], [leaf, middle, root], ["a.b.wild.test"]) is Match.MISMATCH
        assert ask([record], [leaf, middle, root], now=NOW + 2 * DAY) is Match.MISMATCH
    assert ask([root.tlsa(2, selector, matching)], [leaf, root]) is Match.MISMATCH


def test_an_anchor_in_the_record_needs_not_be_sent(leaf, middle):  # RFC 7671 §5.2.2
    assert ask([middle.tlsa(2, 0, 0)], [leaf]) is Match.MATCH
    assert ask([middle.tlsa(2, 0, 1)], [leaf]) is Match.MISMATCH
    assert ask([Tlsa(2, 0, 0, b"junk")], [leaf]) is Match.MISMATCH


def test_a_certificate_that_is_no_authority_is_no_anchor(root):
    impostor = Authority("Impostor", root, is_ca=False)
    child = Authority("mx.example.com", impostor, names=["mx.example.com"])
    assert ask([root.tlsa(2, 0, 1)], [child, impostor, root]) is Match.MISMATCH


def test_an_anchor_that_did_not_sign_is_no_anchor(leaf):
    other = Authority("Middle", is_ca=True)  # the issuer's name, another key
    assert ask([other.tlsa(2, 0, 1)], [leaf, other]) is Match.MISMATCH


@pytest.mark.parametrize(
    "make", [ed25519.Ed25519PrivateKey.generate, lambda: rsa.generate_private_key(65537, 2048), lambda: None]
)
def test_a_bare_key_needs_no_certificate_in_the_chain(make, middle):  # RFC 7671 §5.2.3
    anchor = Authority("Bare", is_ca=True, key=make())
    between = Authority("Between", anchor, is_ca=True)
    child = Authority("mx.example.com", between, names=["mx.example.com"])
    record = anchor.tlsa(2, 1, 0)
    assert ask([record], [child, between]) is Match.MATCH
    assert ask([record], [child, between, anchor]) is Match.MATCH
    assert ask([record], [child]) is Match.MISMATCH
    assert ask([record], [child, between], ["other.test"]) is Match.MISMATCH
    assert ask([record], [child, between], now=NOW + 2 * DAY) is Match.MISMATCH
    assert ask([middle.tlsa(2, 1, 0)], [child, between]) is Match.MISMATCH
    assert ask([anchor.tlsa(2, 1, 1)], [child, between]) is Match.MISMATCH  # a digest is no key


def test_what_cannot_be_read_in_the_chain_is_passed_over(leaf, middle):
    record = middle.tlsa(2, 0, 1)
    assert match([record], [leaf.der, b"junk", middle.der], ["mx.example.com"], NOW).result is Match.MATCH
    assert match([record], [b"junk", middle.der], ["mx.example.com"], NOW).result is Match.MISMATCH


def test_of_two_certificates_of_an_issuer_the_valid_one_counts(root):
    key = ec.generate_private_key(ec.SECP256R1())
    old = Authority("Middle", root, is_ca=True, key=key, end=NOW - 1)
    new = Authority("Middle", root, is_ca=True, key=key)
    child = Authority("mx.example.com", new, names=["mx.example.com"])
    assert ask([root.tlsa(2, 0, 1)], [child, old, new, root]) is Match.MATCH


def test_a_leaf_is_its_own_anchor_only_if_self_signed(leaf, middle):
    own = Authority("mx.example.com", names=["mx.example.com"])
    assert ask([own.tlsa(2, 0, 1)], [own]) is Match.MATCH
    assert ask([leaf.tlsa(2, 0, 1)], [leaf, middle]) is Match.MISMATCH


def test_the_common_name_counts_only_without_dns_names(middle):
    bare = Authority("mx.example.com", middle)
    named = Authority("mx.example.com", middle, names=["other.test"])
    record = middle.tlsa(2, 0, 1)
    assert ask([record], [bare, middle]) is Match.MATCH
    assert ask([record], [named, middle]) is Match.MISMATCH


def test_unusable_records(leaf):
    good = leaf.tlsa(3, 1, 1)
    bad = [
        Tlsa(0, 1, 1, good.data), Tlsa(1, 1, 1, good.data), Tlsa(4, 1, 1, good.data), Tlsa(3, 2, 1, good.data), Tlsa(3, 1, 3, good.data),
        Tlsa(3, 1, 1, b"short"), Tlsa(3, 1, 0, b""),
    ]  # fmt: skip
    assert usable(bad) == ()
    assert ask(bad, [leaf]) is Match.UNUSABLE
    assert ask([], [leaf]) is Match.UNUSABLE
    assert ask([*bad, good], [leaf]) is Match.MATCH


def test_the_strongest_digest_of_a_kind_counts(leaf):  # RFC 7671 §9
    weak, strong, full = leaf.tlsa(3, 1, 1), leaf.tlsa(3, 1, 2), leaf.tlsa(3, 1, 0)
    other = Tlsa(3, 1, 2, b"x" * 64)
    assert usable([weak, strong, full]) == (strong, full)
    assert ask([weak, other], [leaf]) is Match.MISMATCH
    assert ask([weak, other, full], [leaf]) is Match.MATCH
    assert ask([leaf.tlsa(3, 0, 1), other], [leaf]) is Match.MATCH


def test_empty_and_long_chains(leaf, middle, root):
    assert ask([leaf.tlsa(3, 1, 1)], []) is Match.MISMATCH
    assert ask([root.tlsa(2, 0, 1)], [leaf, middle, *[leaf] * (MAX_CHAIN - 3), root]) is Match.MATCH
    assert ask([root.tlsa(2, 0, 1)], [leaf, middle, *[leaf] * (MAX_CHAIN - 2), root]) is Match.MISMATCH


@given(st.binary(max_size=300), st.integers(0, 4), st.integers(0, 2), st.integers(0, 3))
def test_any_bytes(data, usage, selector, matching):
    records = [Tlsa(usage, selector, matching, data), Tlsa(2, 0, 0, data), Tlsa(2, 1, 1, b"x" * 32)]
    assert match(records, [data, b""], ["a.test"], NOW).result in Match
    assert isinstance(public_key_info(data), bytes)
    assert isinstance(public_key_info(b"\x30\x82" + data), bytes)
