import pytest

from postier.mailauth.dmarc.walk import Walker, WalkError, path
from postier.mailauth.questions import TIMEOUT, Answer, StaticResolver, TxtQuestion, run


def organisation(domain, records):
    resolver = StaticResolver.of_txt({f"_dmarc.{name}": text for name, text in records.items()})
    return run(Walker().organisation(domain), resolver)


def test_path():  # RFC 9989 §4.10
    assert path("a.mail.example.com") == ["a.mail.example.com", "mail.example.com", "example.com", "com"]
    assert path("a.b.c.d.e.f.g.h.i.j.mail.example.com") == [
        "a.b.c.d.e.f.g.h.i.j.mail.example.com",
        "g.h.i.j.mail.example.com",
        "h.i.j.mail.example.com",
        "i.j.mail.example.com",
        "j.mail.example.com",
        "mail.example.com",
        "example.com",
        "com",
    ]
    assert len(path("a.b.c.d.e.f.g.h")) == 8
    assert len(path("a.b.c.d.e.f.g")) == 7
    assert path("com") == ["com"]


@pytest.mark.parametrize(
    ("records", "expected"),
    [  # RFC 9989 §4.10.2
        ({"mail.example.com": "v=DMARC1; p=none", "example.com": "v=DMARC1; p=none"}, "example.com"),
        (
            {"mail.example.com": "v=DMARC1; p=none; psd=n", "example.com": "v=DMARC1; p=none"},
            "mail.example.com",
        ),
        ({"com": "v=DMARC1; p=none; psd=y"}, "example.com"),
        (
            {"a.mail.example.com": "v=DMARC1; p=none; psd=y", "example.com": "v=DMARC1; p=none"},
            "a.mail.example.com",
        ),
        ({"example.com": "v=DMARC1; p=none; psd=y", "com": "v=DMARC1; p=none"}, "mail.example.com"),
        ({}, "a.mail.example.com"),
        ({"example.com": "v=DMARC2; p=none"}, "a.mail.example.com"),
    ],
)
def test_organisation(records, expected):
    assert organisation("a.mail.example.com", records) == expected


def test_several_records_are_none():
    name = TxtQuestion("_dmarc.example.com")
    resolver = StaticResolver({name: Answer((b"v=DMARC1; p=none", b"v=DMARC1; p=reject", b"other"))})
    assert run(Walker().record_at("example.com"), resolver) is None
    resolver = StaticResolver({name: Answer((b"v=DMARC1; p=none", b"other"))})
    assert run(Walker().record_at("example.com"), resolver).policy == "none"


def test_each_name_is_asked_once_and_at_most_eight():
    walker = Walker()
    resolver = StaticResolver({})
    domain = ".".join(["a"] * 60)
    run(walker.organisation(domain), resolver)
    assert len(resolver.asked) == 8
    run(walker.organisation(domain), resolver)
    assert len(resolver.asked) == 8


def test_a_name_too_long_for_the_label_has_no_record():
    resolver = StaticResolver({})
    domain = ".".join(["a" * 49] * 5) + ".xyz"
    assert run(Walker().record_at(domain), resolver) is None
    assert resolver.asked == []


def test_errors_are_told():
    with pytest.raises(WalkError, match="timeout"):
        run(
            Walker().organisation("example.com"), StaticResolver({TxtQuestion("_dmarc.example.com"): TIMEOUT})
        )
