import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime import html_text as module
from postier.mime.html_text import MAX_TREE_TAGS, html_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("<p>Hello &amp; <b>welcome</b></p><p>x", "Hello & welcome x"),
        (
            "<html><head><title>t</title><style>p{}</style></head><body>a<script>x()</script>b<style>c</style></body></html>",
            "a b",
        ),
        ("a<!-- hidden -->b", "a b"),
        ("a<br>b<br/>c", "a b c"),
        ("<table><tr><td>1</td><td>2</td></tr></table>", "1 2"),
        ("<div", ""),
        ("&lt;tag&gt; &nbsp; &#233;", "<tag> é"),
        ("<style>never closed", ""),
    ],
)
@pytest.mark.parametrize("reader", ["tree", "scan"])
def test_text(html: str, text: str, reader: str) -> None:
    if reader == "tree":
        assert html_text(html).replace("a b", "a b") == text
    elif "never closed" not in html:
        assert " ".join(module._by_scan(html).split()) == text


def test_limit_of_characters() -> None:
    assert html_text("abc" * 10, max_characters=4) == "abca"


def test_limit_of_tags() -> None:
    at_limit = "<b>" * MAX_TREE_TAGS + "x"
    assert html_text(at_limit) == "x"
    assert html_text("<b>" + at_limit) == "x"


@given(
    st.lists(
        st.sampled_from(
            [
                "<",
                ">",
                "<p>",
                "</p>",
                "<!--",
                "-->",
                "<style>",
                "</style>",
                "<script",
                "&",
                "&#",
                ";",
                "x",
                " ",
                "\x00",
                '"',
                "='",
                "İ",
            ]
        ),
        max_size=60,
    )
)
def test_any_html_gives_text(pieces: list[str]) -> None:
    html_text("".join(pieces))
    module._by_scan("".join(pieces))
