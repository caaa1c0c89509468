"""The issuer that the settings name, as a checker of its tokens.

Not here: how tokens are judged (`accounts.tokens`), keys and answers (`issuer_keys`, `issuer_answers`).
"""

from pathlib import Path

from postier.accounts.tokens.claims import MAIL_CLAIM, Expected
from postier.accounts.tokens.introspection import MAX_ANSWER_OCTETS, basic_authorization
from postier.accounts.tokens.key_set import MAX_SET_OCTETS
from postier.app.issuer_answers import IssuerAnswers
from postier.app.issuer_keys import FetchKeys, IssuerKeys, KeysUnavailableError
from postier.app.settings import OAuth
from postier.dns.ask import Answering
from postier.sasl.oauth import Told
from postier.tls.https_get import GetError
from postier.tls.https_service import ConfiguredService, service_url

USER_CLAIM = "username"  # RFC 7662 §2.2

Issuer = IssuerKeys | IssuerAnswers


def issuer_of(oauth: OAuth, resolver: Answering) -> Issuer | None:
    """Whoever knows what tokens are worth; None when no tokens are taken."""
    if oauth.issuer is None:
        return None
    url = oauth.introspection_url
    if url is None:
        return IssuerKeys(keys_of(oauth, resolver), expected_of(oauth), accepts_untyped=oauth.accept_untyped)
    assert oauth.client_id is not None
    assert oauth.client_secret is not None
    return IssuerAnswers(
        introspection_of(oauth, url, resolver),
        basic_authorization(oauth.client_id, oauth.client_secret),
        expected_of(oauth),
    )


def told_of(oauth: OAuth) -> Told:
    """What clients with a bad token are told."""
    return Told(oauth.scope or "", oauth.openid_configuration or "")


def expected_of(oauth: OAuth) -> Expected:
    """What a token must say."""
    usual = MAIL_CLAIM if oauth.introspection_url is None else USER_CLAIM
    return Expected(
        issuer=oauth.issuer or "",
        audience=oauth.audience or "",
        scope=oauth.scope or "",
        claim=oauth.claim or usual,
    )


def keys_of(oauth: OAuth, resolver: Answering) -> FetchKeys:
    """Where the keys come from."""
    if oauth.keys_url is not None:
        return _from_url(oauth.keys_url, oauth, resolver)
    assert oauth.keys_path is not None
    return _from_file(oauth.keys_path)


def introspection_of(oauth: OAuth, url: str, resolver: Answering) -> ConfiguredService:
    """Who is asked about tokens."""
    return ConfiguredService(
        service_url(url),
        resolver,
        accept="application/json",
        limit_octets=MAX_ANSWER_OCTETS,
        authorities=oauth.authorities,
    )


def _from_url(url: str, oauth: OAuth, resolver: Answering) -> FetchKeys:
    service = ConfiguredService(
        service_url(url),
        resolver,
        accept="application/jwk-set+json, application/json",
        limit_octets=MAX_SET_OCTETS,
        authorities=oauth.authorities,
    )

    async def fetch() -> bytes:
        try:
            return await service.ask()
        except GetError as error:
            raise KeysUnavailableError(str(error)) from error

    return fetch


def _from_file(path: Path) -> FetchKeys:
    async def fetch() -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(MAX_SET_OCTETS + 1)
        except OSError as error:
            raise KeysUnavailableError(f"{path}: {error.strerror}") from error

    return fetch
