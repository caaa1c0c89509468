import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.questions import NXDOMAIN, TIMEOUT, Answer, StaticResolver, TxtQuestion, run
from postier.mailauth.reports.destinations import MAX_DESTINATIONS, allowed, mail_address
from postier.mime.address import Address

ZONE = {
    "_dmarc.blue.example.com": "v=DMARC1; p=none; rua=mailto:reports@red.example.net",
    "_dmarc.example.com": "v=DMARC1; p=none",
}
CONFIRMATION = "blue.example.com._report._dmarc.red.example.net"


def ask(rua, records=(), policy_domain="blue.example.com"):
    answers = {TxtQuestion(name): Answer((text.encode(),)) for name, text in ZONE.items()}
    answers |= {
        TxtQuestion(name): text if isinstance(text, Answer) else Answer((text.encode(),))
        for name, text in dict(records).items()
    }
    return run(allowed(policy_domain, rua), StaticResolver(answers))


def texts(found):
    return [str(address) for address in found.addresses]


def test_a_destination_of_the_same_organisation_needs_no_confirmation():
    found = ask(
        ["mailto:a@example.com", "mailto:b@blue.example.com", "mailto:c@deep.blue.example.com!10m"[:-4]]
    )
    assert texts(found) == ["a@example.com", "b@blue.example.com", "c@deep.blue.example.com"]


def test_another_organisation_must_confirm():
    found = ask(["mailto:reports@red.example.net"])
    assert (found.addresses, found.refused) == ((), ("reports@red.example.net",))
    assert texts(ask(["mailto:reports@red.example.net"], {CONFIRMATION: "v=DMARC1;"})) == [
        "reports@red.example.net"
    ]
    assert texts(ask(["mailto:reports@red.example.net"], {CONFIRMATION: "v=spf1 -all"})) == []
    assert texts(ask(["mailto:reports@red.example.net"], {CONFIRMATION: NXDOMAIN})) == []


def test_who_confirms_may_name_another_address_of_the_same_host():
    def confirmed(rua):
        return texts(ask(["mailto:reports@red.example.net"], {CONFIRMATION: f"v=DMARC1; rua={rua}"}))

    assert confirmed("mailto:new@red.example.net") == ["new@red.example.net"]
    assert confirmed("mailto:new@victim.test") == []
    assert confirmed("mailto:new@red.example.net,mailto:x@victim.test") == []


def test_no_answer_now_leaves_it_open():
    found = ask(["mailto:reports@red.example.net", "mailto:a@example.com"], {CONFIRMATION: TIMEOUT})
    assert (texts(found), found.is_open) == (["a@example.com"], True)
    found = ask(["mailto:a@other.test"], {"_dmarc.other.test": TIMEOUT})
    assert found.is_open


def test_a_name_that_is_too_long_can_t_confirm():
    policy_domain = ".".join(["a" * 60] * 4)
    assert ask(["mailto:a@red.example.net"], policy_domain=policy_domain).refused == ("a@red.example.net",)


def test_destinations_are_bounded():
    many = [f"mailto:a{number}@example.com" for number in range(MAX_DESTINATIONS + 3)]
    assert len(ask(many).addresses) == MAX_DESTINATIONS


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("mailto:a@b.test", Address("a", "b.test")),
        ("MAILTO:a%2Bb@b.test?subject=x", Address("a+b", "b.test")),
        ("https://b.test/", None),
        ("mailto:", None),
        ("mailto:a", None),
        ("mailto:%ff@b.test", None),
        ("mailto:%C3%BC@b.test", None),
        ("mailto:a%0D%0ABcc:x@b.test", None),
        ("mailto:a@[192.0.2.1]", None),
        ("mailto", None),
    ],
)
def test_mail_addresses(uri, address):
    assert mail_address(uri) == address


@given(st.text())
def test_any_text(text):
    mail_address(f"mailto:{text}")
