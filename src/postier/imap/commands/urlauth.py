"""GENURLAUTH, RESETKEY and URLFETCH.

Not here: reading the URLs (`imap.authorized_urls`), for a URL that is wrong is an answer, not a mistake. Source: RFC 4467 §7, §9.
"""

import msgspec

from postier.imap.refusals import bad
from postier.imap.tokens import Cursor
from postier.imap.urls import url_text

MAX_URLS = 100  # of one command
MAX_MECHANISMS = 10


class GenUrlAuth(msgspec.Struct, frozen=True):
    """URLs to sign, each with its mechanism in upper case."""

    tag: bytes
    urls: tuple[tuple[str, bytes], ...]


class ResetKey(msgspec.Struct, frozen=True):
    """The mailbox whose key is made anew; None: all keys are removed."""

    tag: bytes
    mailbox: str | None = None
    mechanisms: tuple[bytes, ...] = ()


class UrlFetch(msgspec.Struct, frozen=True):
    """The URLs as they came."""

    tag: bytes
    urls: tuple[str, ...]


def parse_gen_url_auth(cursor: Cursor) -> GenUrlAuth:
    """`GENURLAUTH` 1*(SP url-rump SP mechanism)."""
    urls: list[tuple[str, bytes]] = []
    while not urls or cursor.peek():
        text = _url(cursor, len(urls))
        cursor.space()
        urls.append((text, cursor.keyword()))
    return GenUrlAuth(cursor.tag, tuple(urls))


def parse_reset_key(cursor: Cursor) -> ResetKey:
    """`RESETKEY` [SP mailbox *(SP mechanism)]."""
    if not cursor.peek():
        return ResetKey(cursor.tag)
    cursor.space()
    mailbox = cursor.mailbox()
    mechanisms: list[bytes] = []
    while cursor.peek():
        if len(mechanisms) >= MAX_MECHANISMS:
            raise bad("Too many mechanisms")
        cursor.space()
        mechanisms.append(cursor.keyword())
    return ResetKey(cursor.tag, mailbox, tuple(mechanisms))


def parse_url_fetch(cursor: Cursor) -> UrlFetch:
    """`URLFETCH` 1*(SP url-full)."""
    urls: list[str] = []
    while not urls or cursor.peek():
        urls.append(_url(cursor, len(urls)))
    return UrlFetch(cursor.tag, tuple(urls))


def _url(cursor: Cursor, before: int) -> str:
    if before >= MAX_URLS:
        raise bad("Too many URLs")
    cursor.space()
    return url_text(cursor.astring())
