"""The tests of the base language: RFC 5228 §2.7, §5."""

import pytest

from tests.sieve.scripts import MESSAGE_A, MESSAGE_B, holds, mistakes

FOLDED = (
    b"From: =?utf-8?q?J=C3=B6rg?= <Joerg@Example.COM>, b@other.example\r\nTo: team: a@x.example, c@y.example;\r\n"
    b"Cc: undisclosed-recipients:;\r\nBcc: broken@, whole\r\nSubject:   =?utf-8?b?w5xiZXI=?=\r\n  den Wolken  \r\n"
    b"X-Empty:\r\nResent-To: \r\nX-Twice: one\r\nX-Twice : two\r\n\r\nbody\r\n"
)


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ("true", True),
        ("false", False),
        ("not false", True),
        ("allof (true, true)", True),
        ("allof (true, false)", False),
        ("anyof (false, true)", True),
        ("anyof (false, false)", False),
        ('exists "From"', True),
        ('exists ["from", "date"]', True),
        ('exists ["from", "x-none"]', False),
        ('exists "From:"', False),
        ('exists ""', False),
        ('header "subject" "i have a PRESENT for you"', True),
        ('header :is "subject" "present"', False),
        ('header :contains "subject" "PRESENT"', True),
        ('header :contains ["x-none", "subject"] ["none", "present"]', True),
        ('header :contains "subject" ""', True),
        ('header :contains "x-none" ""', False),
        ('header :contains :comparator "i;octet" "subject" "PRESENT"', False),
        ('header :matches "subject" "I*present*you"', True),
        ('header :matches "subject" "*?present*"', True),
        ('header :matches "subject" "i have ? present for you"', True),
        ('header :matches "subject" "present"', False),
        ('header :matches "subject" "*"', True),
        ('address :is "from" "coyote@desert.example.org"', True),
        ('address :localpart "from" "coyote"', True),
        ('address :domain "from" "DESERT.example.org"', True),
        ('address :all :contains ["to", "from"] "roadrunner"', True),
        ('envelope "from" "coyote@desert.example.org"', True),
    ],
)
def test_message_a(test, result):
    assert holds(test, requires="envelope") is result


def test_size_is_strict():
    size = len(MESSAGE_A)
    assert holds(f"size :over {size - 1}")
    assert not holds(f"size :over {size}")
    assert holds(f"size :under {size + 1}")
    assert not holds(f"size :under {size}")


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ('header "subject" "\u00dcber  den Wolken"', True),
        ('header :matches "x-empty" ""', True),
        ('header "x-empty" ""', True),
        ('header "x-twice" "two"', True),
        ('header :contains "from" "J\u00f6rg"', True),
        ('address "from" "joerg@example.com"', True),
        ('address :contains "from" "J\u00f6rg"', False),
        ('address :domain "from" ["other.example"]', True),
        ('address "to" "c@y.example"', True),
        ('address :matches "cc" "*"', False),
        ('address :localpart "bcc" "whole"', False),
        ('address :all "bcc" "whole"', True),
        ('address :domain :matches "bcc" "*"', False),
        ('address "resent-to" ""', True),
        ('address :localpart "resent-to" ""', False),
        ('address :count "eq" "resent-to" "0"', True),
    ],
)
def test_fields_are_unfolded_decoded_and_trimmed(test, result):
    assert holds(test, FOLDED, requires="relational") is result


@pytest.mark.parametrize(
    ("pattern", "result"),
    [
        (r"\\*a?c", True),
        (r"\*a?c", True),
        (r"\\*a\\?c", False),
        ("*", True),
        ("?abc", True),
        ("????", True),
        ("???", False),
        ("*?*?*?*?*", True),
        ("*?*?*?*?*?*", False),
        ("**c", True),
        ("*b*b*", False),
        ("", False),
    ],
)
def test_wildcards(pattern, result):
    assert holds(f'header :matches "x" "{pattern}"', b"X: *abc\r\n\r\n") is result


def test_a_question_mark_is_one_octet():
    message = "X: a\u00fcb\r\n\r\n".encode()
    assert holds('header :matches "x" "a??b"', message)
    assert not holds('header :matches "x" "a?b"', message)
    assert holds('header :matches "x" "a*b"', message)
    assert holds(
        'header :matches :comparator "i;unicode-casemap" "x" "a*b"',
        message,
        requires="comparator-i;unicode-casemap",
    )


def test_only_ascii_letters_lose_their_case():
    message = "X: \u00dcber\r\n\r\n".encode()
    assert holds('header "x" "\u00dcBER"', message)
    assert not holds('header "x" "\u00fcber"', message)
    assert holds(
        'header :comparator "i;unicode-casemap" "x" "\u00fcber"',
        message,
        requires="comparator-i;unicode-casemap",
    )


def test_numbers():
    def number(test, value):
        return holds(test, b"X: " + value + b"\r\n\r\n", requires="relational comparator-i;ascii-numeric")

    assert number('header :comparator "i;ascii-numeric" "x" "10"', b"0010 cm")
    assert not number('header :comparator "i;ascii-numeric" "x" "10"', b"100")
    assert number('header :comparator "i;ascii-numeric" "x" "abc"', b"no number")  # both are infinity
    assert number('header :value "gt" :comparator "i;ascii-numeric" "x" "9"', b"10")
    assert number('header :value "gt" :comparator "i;ascii-numeric" "x" "9"', b"x")
    assert number('header :value "lt" :comparator "i;ascii-numeric" "x" "1" ', b"0")
    assert number('header :value "gt" :comparator "i;ascii-numeric" "x" "9"', b"1" * 50_000)


def test_the_address_test_takes_no_field_named_at_run_time_that_holds_no_addresses():
    assert not holds('address :contains "${n}" "present"', requires="variables", before='set "n" "subject";')
    assert mistakes('if address "subject" "x" {}')


@pytest.mark.parametrize(
    ("field", "whole"),
    [
        ("a@", "a@"),
        ("John Doe", "John Doe"),
        ('"Q, R"', '"Q, R"'),
        ("=?utf-8?q?J?= x", "=?utf-8?q?J?= x"),
        ("<>", "<>"),
        ("a@b.example, John Doe", "John Doe"),
        ("folded\r\n value", "folded value"),
    ],
)
def test_what_is_no_address_is_compared_as_it_stands(field, whole):  # RFC 5228 §2.7.4
    message = f"From: {field}\r\n\r\n".encode()
    written = whole.replace('"', '\\"')
    assert holds(f'address "from" "{written}"', message)
    assert not holds('address :localpart :contains "from" ["a@", "J", "<", "value"]', message)


def test_groups_and_comments_are_no_addresses():
    for field in (b"team: ;", b"(nobody)"):
        assert not holds('address :contains "from" ""', b"From: " + field + b"\r\n\r\n")


def test_what_is_no_name_of_a_field_is_no_mistake():  # RFC 5228 §2.4.2.2: MUST NOT
    for test in ('address :contains "from:" ""', 'header :contains "from:" ""', 'exists "a b"'):
        assert not holds(test)


def test_message_b():
    assert holds('header :contains "subject" "$$$"', MESSAGE_B)
    assert holds('not address :all :contains ["to", "cc", "bcc"] "me@example.com"', MESSAGE_B)
    assert holds('header :matches "subject" ["*make*money*fast*", "*million*"]', MESSAGE_B)


def test_a_message_without_a_header_or_a_body():
    assert not holds('exists "from"', b"")
    assert holds("size :under 1", b"")
    assert holds('header "subject" "x"', b"Subject: x")
