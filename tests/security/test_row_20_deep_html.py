"""SECURITY 20: the text of HTML costs bounded time, whatever is nested in it."""

import time

import pytest

from postier.mime.html_text import html_text


@pytest.mark.parametrize(
    "html",
    ["<div>" * 200_000, "<b><i>" * 100_000, "<!--" * 200_000, "<style>" * 140_000, "<" * 1_000_000, "&" * 1_000_000, "<a b='" * 160_000,
     "<table><tr><td>" * 999, "<p " * 300_000, "<div></b>" * 110_000, "<svg><math>" * 1_400, "<script>" * 120_000, "&#1;" * 250_000],
    ids=lambda html: html[:8],
)  # fmt: skip
def test_deep_html_is_bounded(html: str) -> None:
    started = time.process_time()
    html_text(html + "x")
    assert time.process_time() - started < 1.5
