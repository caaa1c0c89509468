import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.smtp.extensions import Extensions
from postier.smtp.replies import Reply


def of(*lines):
    return Extensions.of(Reply(250, "", ("mx.test greets you", *lines)))


def test_keywords_are_case_insensitive():
    extensions = of(
        "size 1000", "PipeLining", "AUTH plain LOGIN", "LIMITS MAILMAX=5 RCPTMAX=20", "X-PRIVATE a b"
    )
    assert extensions.has("PIPELINING")
    assert not extensions.has("MX.TEST")
    assert extensions.max_size_bytes == 1000
    assert extensions.max_recipients == 20
    assert extensions.auth_mechanisms == ("PLAIN", "LOGIN")
    assert extensions.offers["X-PRIVATE"] == "a b"


def test_old_auth_announcement():
    assert of("AUTH=LOGIN PLAIN", "AUTH LOGIN CRAM-MD5").auth_mechanisms == ("LOGIN", "PLAIN", "CRAM-MD5")


@pytest.mark.parametrize("line", ["SIZE", "SIZE 0", "SIZE x", "SIZE -1", "SIZE " + "9" * 21, "SIZE ٣"])
def test_sizes_that_limit_nothing(line):
    assert of(line).max_size_bytes is None


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("DELIVERBY 240", 240),
        ("DELIVERBY 30,more", 30),
        ("DELIVERBY", 0),
        ("DELIVERBY x", 0),
        ("DELIVERBY 1234567890", 0),
    ],
)
def test_the_shortest_time(line, seconds):
    assert of(line).min_by_seconds == seconds


def test_nothing_offered():
    empty = Extensions()
    assert (empty.max_size_bytes, empty.max_recipients, empty.auth_mechanisms) == (None, None, ())
    assert of("LIMITS RCPTMAX=0", "").max_recipients is None


@given(st.lists(st.text(), max_size=5))
def test_any_reply_is_read(lines):
    extensions = Extensions.of(Reply.of(250, "", "\n".join(["x", *lines])))
    assert isinstance(extensions.auth_mechanisms, tuple)
    assert extensions.max_size_bytes is None or extensions.max_size_bytes > 0
