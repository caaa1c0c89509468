"""The readable text of HTML, under a budget.

Not here: judging HTML (the defence), showing it (the web client sanitises). Source: none; SECURITY 20. Invariants:
bounded time. The tree builder is quadratic in the nesting depth (50,000 open elements: 3 s), so it only gets
documents with few tags; the others are read by one linear pass.
"""

import re
from html import unescape

from selectolax.lexbor import LexborHTMLParser

MAX_HTML_CHARACTERS = 1 << 20
MAX_TREE_TAGS = 3_000

_UNSEEN = re.compile(r"<(?:(style|script|head|title|template|noscript)\b[^>]*+>|!--)", re.IGNORECASE)
_TAG = re.compile(r"<[a-z/!?][^>]*+(?:>|\Z)", re.IGNORECASE)
_UNSEEN_TAGS = ["style", "script", "head", "title", "template", "noscript"]


def html_text(html: str, max_characters: int = MAX_HTML_CHARACTERS) -> str:
    """The text a reader sees, white space collapsed; only the first `max_characters` of the HTML are read."""
    return " ".join(seen_text(html, max_characters).split())


def seen_text(html: str, max_characters: int = MAX_HTML_CHARACTERS) -> str:
    """The same with white space as it is, which is quicker for who reads but the words."""
    html = html[:max_characters]
    return _by_tree(html) if html.count("<") <= MAX_TREE_TAGS else _by_scan(html)


def _by_tree(html: str) -> str:
    tree = LexborHTMLParser(html)
    body = tree.body
    if body is None:
        return ""
    if _UNSEEN.search(html):
        body.strip_tags(_UNSEEN_TAGS, recursive=True)
    return body.text(separator=" ")


def _by_scan(html: str) -> str:
    """Tags cut out by patterns: less exact, always linear."""
    kept: list[str] = []
    lower = html.lower()
    if len(lower) != len(html):  # a letter whose lower case is longer
        html = lower
    position = 0
    missing: set[str] = set()  # end marks that do not come any more: looked for once
    for match in _UNSEEN.finditer(html):
        if match.start() < position:
            continue
        name = match[1]
        end_mark = "-->" if name is None else f"</{name.lower()}"
        if end_mark in missing:
            continue
        kept.append(html[position : match.start()])
        end = lower.find(end_mark, match.end())
        if end < 0:
            missing.add(end_mark)
            position = match.end()
        else:
            position = end + len(end_mark) if name is None else end
    kept.append(html[position:])
    return unescape(_TAG.sub(" ", " ".join(kept)))
