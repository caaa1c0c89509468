"""OAuth: can the issuer whose tokens log in be reached, and does it know this server?

Not here: the settings by themselves (`config check`). Source of the check of the configuration document: RFC 8414 §3.3.
"""

import secrets

from postier.accounts.tokens.introspection import (
    MAX_ANSWER_OCTETS,
    basic_authorization,
    introspection_form,
    judge_answer,
)
from postier.accounts.tokens.json_object import JsonError, read_object
from postier.accounts.tokens.key_set import KeySetError, read_key_set
from postier.accounts.tokens.verdict import Refusal, TokenRefused
from postier.app.doctor.finding import Finding, State
from postier.app.issuer import expected_of, introspection_of, keys_of
from postier.app.issuer_keys import KeysUnavailableError
from postier.app.settings import OAuth
from postier.dns.resolver import Resolver
from postier.tls.https_get import GetError
from postier.tls.https_service import ConfiguredService, Form, service_url

PART = "oauth"
UNKNOWN_TOKEN_OCTETS = 24


async def examine_issuer(oauth: OAuth, resolver: Resolver) -> list[Finding]:
    """The issuer; nothing when no tokens are taken."""
    if oauth.issuer is None:
        return []
    url = oauth.introspection_url
    found = await _keys(oauth, resolver) if url is None else [await _answers(oauth, url, resolver)]
    if oauth.openid_configuration is not None:
        found.append(await _configuration(oauth, oauth.openid_configuration, resolver))
    return found


async def _keys(oauth: OAuth, resolver: Resolver) -> list[Finding]:
    place = oauth.keys_url or str(oauth.keys_path)
    cure = "see oauth.keys_url, keys_path and authorities"
    try:
        keys = read_key_set(await keys_of(oauth, resolver)())
    except KeysUnavailableError as error:
        return [_wrong(f"the issuer's keys can't be had: {error}", cure)]
    except KeySetError as error:
        return [_wrong(f"{place} is no JWK set: {error}", cure)]
    passed_over = [
        Finding(
            PART, State.WARNING, f"passed over: {problem}", "tell the issuer, if its tokens are signed by it"
        )
        for problem in keys.problems
    ]
    if not keys.keys:
        return [_wrong(f"{place} has no key that can be used", cure), *passed_over]
    count = "one key" if len(keys.keys) == 1 else f"{len(keys.keys)} keys"
    return [Finding(PART, State.FINE, f"{count} of {oauth.issuer}"), *passed_over]


async def _answers(oauth: OAuth, url: str, resolver: Resolver) -> Finding:
    """It is asked about a token that it can't know."""
    form = Form(
        introspection_form(secrets.token_urlsafe(UNKNOWN_TOKEN_OCTETS)),
        basic_authorization(oauth.client_id or "", oauth.client_secret or ""),
    )
    try:
        answer = await introspection_of(oauth, url, resolver).ask(form)
    except GetError as error:
        return _wrong(
            f"the issuer does not answer: {error}", "see oauth.introspection_url, client_id, client_secret"
        )
    if judge_answer(answer, expected_of(oauth), 0.0) != TokenRefused(Refusal.INACTIVE):
        return _wrong(
            "the issuer says no simple no of a token that it can't know", "see oauth.introspection_url"
        )
    return Finding(PART, State.FINE, f"{oauth.issuer} answers about tokens")


async def _configuration(oauth: OAuth, url: str, resolver: Resolver) -> Finding:
    service = ConfiguredService(
        service_url(url),
        resolver,
        accept="application/json",
        limit_octets=MAX_ANSWER_OCTETS,
        authorities=oauth.authorities,
    )
    cure = "see oauth.openid_configuration: mail programs are sent there"
    try:
        told = read_object(await service.ask(), MAX_ANSWER_OCTETS).get("issuer")
    except (GetError, JsonError) as error:
        return Finding(PART, State.WARNING, f"{url}: {error}", cure)
    if told != oauth.issuer:
        return Finding(PART, State.WARNING, f"{url} is of another issuer than {oauth.issuer}", cure)
    return Finding(PART, State.FINE, f"{url} is of {oauth.issuer}")


def _wrong(says: str, cure: str) -> Finding:
    return Finding(PART, State.WRONG, f"{says}: nobody can log in with a token", cure)
