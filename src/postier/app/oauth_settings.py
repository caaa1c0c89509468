"""What can only be judged over several keys of [oauth]: whether they make one way to judge tokens, and a safe one.

Not here: the keys (`settings`), what is made of them (`issuer`). Invariant: each problem names its key and its cure.
"""

import re
from collections.abc import Iterator

from postier.app.settings import OAuth
from postier.tls.https_service import service_url

MAX_TEXT_CHARACTERS = 512  # of an issuer, an audience, a claim, a name
MAX_SCOPE_CHARACTERS = 128
_SCOPE = re.compile(r"[!#-\[\]-~]+")  # RFC 6749 §3.3
_WAYS = ("keys_url", "keys_path", "introspection_url")
_URLS = ("keys_url", "introspection_url", "openid_configuration")
_TEXTS = ("issuer", "client_id", "audience", "scope", "claim")


def oauth_problems(oauth: OAuth) -> Iterator[tuple[str, str]]:
    """The full names of keys, and what is wrong with each."""
    if oauth == OAuth():
        return
    if oauth.issuer is None:
        yield "oauth.issuer", "is missing: write the issuer as in the iss of its tokens, or remove [oauth]"
        return
    yield from _way(oauth)
    for name in _TEXTS:
        text = getattr(oauth, name)
        if text is not None and (len(text) > MAX_TEXT_CHARACTERS or not text.isprintable()):
            yield f"oauth.{name}", f"is not printable, or over {MAX_TEXT_CHARACTERS} characters"
    if oauth.scope is not None and (
        len(oauth.scope) > MAX_SCOPE_CHARACTERS or not _SCOPE.fullmatch(oauth.scope)
    ):
        yield "oauth.scope", f"is not one scope of at most {MAX_SCOPE_CHARACTERS} characters, without spaces"
    for name in _URLS:
        url = getattr(oauth, name)
        if url is not None and service_url(url).is_plain and not oauth.allow_loopback_http:
            yield (
                f"oauth.{name}",
                "is http://; write https://, or on this machine set oauth.allow_loopback_http = true",
            )


def _way(oauth: OAuth) -> Iterator[tuple[str, str]]:
    ways = [name for name in _WAYS if getattr(oauth, name) is not None]
    if len(ways) != 1:
        told = "is missing" if not ways else f"is given, and {ways[0]} too"
        names = ", ".join(f"oauth.{name}" for name in _WAYS)
        yield f"oauth.{ways[1] if ways else _WAYS[0]}", f"{told}: write one of {names}"
        return
    if ways == ["introspection_url"]:
        for name in ("client_id", "client_secret"):
            if getattr(oauth, name) is None:
                yield (
                    f"oauth.{name}",
                    "is missing: the issuer answers nobody who has no name and secret there",
                )
        if oauth.accept_untyped:
            yield "oauth.accept_untyped", "is for tokens that are checked by keys; remove it"
        return
    if oauth.audience is None:
        yield (
            "oauth.audience",
            "is missing: without it every token of the issuer would do, whatever it was given out for",
        )
    for name in ("client_id", "client_secret"):
        if getattr(oauth, name) is not None:
            yield f"oauth.{name}", "is for introspection_url; remove it"
