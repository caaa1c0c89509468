"""URLs that lead to messages here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.imap.fetch_items import Partial, Section, SectionText
from postier.imap.urls import MAX_URL_BYTES, MessageUrl, parse_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("/Drafts/;UID=20", MessageUrl("Drafts", None, 20)),
        ("/Drafts;UIDVALIDITY=385759045/;UID=20", MessageUrl("Drafts", 385759045, 20)),
        (";UID=20/;SECTION=1.2", MessageUrl(None, None, 20, Section((1, 2)))),
        ("/;uid=20/;section=HEADER", MessageUrl(None, None, 20, Section((), SectionText.HEADER))),
        (
            "/a%2Fb%20%C3%A4/c/;UID=1/;SECTION=2.MIME",
            MessageUrl("a/b ä/c", None, 1, Section((2,), SectionText.MIME)),
        ),
        ("/a/;UID=1/;PARTIAL=5.10", MessageUrl("a", None, 1, Section(), Partial(5, 10))),
        (
            "/a;UID=1/;SECTION=HEADER.FIELDS%20(SUBJECT)/;PARTIAL=5",
            MessageUrl(
                "a", None, 1, Section((), SectionText.HEADER_FIELDS, (b"SUBJECT",)), Partial(5, 1 << 62)
            ),
        ),
        ("/%23user/a@b.test/Sent/;UID=3", MessageUrl("#user/a@b.test/Sent", None, 3)),
    ],
)
def test_urls(text, url):
    assert parse_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        *("", "/", "/Drafts", "/Drafts/;UID=0", "/Drafts/;UID=x", "imap://server/Drafts/;UID=1"),
        *("/a/;UID=1/;SECTION=FOO", "/a/;UID=1/;SECTION=1]%20BODY[2", "/%FF/;UID=1", "/a/;UID=1#x"),
        *(
            "/a?x/;UID=1",
            "/a/;UID=1/;SECTION=",
            "/a/;UID=1;EXPIRE=2026-01-01T00:00:00Z",
            "/" + "a" * MAX_URL_BYTES,
        ),
    ],
)
def test_what_leads_nowhere(text):
    assert parse_url(text) is None


@given(st.text("/;UID=SECTION.PARTIAL0123456789%[]()\r\n ax", max_size=60))
def test_any_text_gives_a_url_or_none(text):
    parse_url(text)
