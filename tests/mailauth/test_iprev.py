import pytest

from postier.mailauth import iprev
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import TIMEOUT, AddressQuestion, Answer, PtrQuestion, StaticResolver, run


def ask(ip, answers):
    return run(iprev.check(ip), StaticResolver(answers))


def test_pass():
    result = ask(
        "::ffff:192.0.2.1",
        {
            PtrQuestion("192.0.2.1"): Answer(("Mail.Example.com.",)),
            AddressQuestion("mail.example.com", 4): Answer(("192.0.2.1",)),
        },
    )
    assert result == iprev.IprevResult(Outcome.PASS, "192.0.2.1", "mail.example.com", ("mail.example.com",))


def test_ipv6():
    answers = {
        PtrQuestion("2001:db8::1"): Answer(("a.test",)),
        AddressQuestion("a.test", 6): Answer(("2001:DB8:0::1",)),
    }
    assert ask("2001:db8::1", answers).result is Outcome.PASS


@pytest.mark.parametrize(
    ("ptr", "forward", "outcome"),
    [
        (Answer(), Answer(), Outcome.PERMERROR),
        (TIMEOUT, Answer(), Outcome.TEMPERROR),
        (Answer(("a.test",)), Answer(("192.0.2.9", "junk")), Outcome.FAIL),
        (Answer(("a.test",)), TIMEOUT, Outcome.TEMPERROR),
        (Answer(("..",)), Answer(), Outcome.PERMERROR),
    ],
)
def test_other_results(ptr, forward, outcome):
    answers = {PtrQuestion("192.0.2.1"): ptr, AddressQuestion("a.test", 4): forward}
    assert ask("192.0.2.1", answers).result is outcome


def test_number_of_names_is_bounded():
    names = tuple(f"n{index}.test" for index in range(50))
    resolver = StaticResolver({PtrQuestion("192.0.2.1"): Answer(names)})
    run(iprev.check("192.0.2.1"), resolver)
    assert len(resolver.asked) == 1 + iprev.MAX_NAMES


def test_not_an_address():
    with pytest.raises(ValueError, match="does not appear"):
        iprev.check("nonsense").send(None)
