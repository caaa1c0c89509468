"""Tokens judged by the keys of a real server: fetched, refreshed, rotated, kept while it is away, and no longer."""

import asyncio
import contextlib

import pytest
import pytest_asyncio
import structlog

from postier.accounts.foreign_login import TokenUnavailableError
from postier.accounts.tokens.verdict import Refusal, TokenAccepted, TokenRefused
from postier.app.issuer import expected_of, keys_of
from postier.app.issuer_keys import KEPT_S, PAUSE_S, REFRESH_S, IssuerKeys
from postier.app.settings import OAuth
from postier.dns.resolver import Resolver
from tests.accounts.tokens.signing import ALICE, AUDIENCE, ISSUER, NOW_S, jwk, jwk_set, token
from tests.certificate_authority import Authority
from tests.issuer_server import IssuerServer

UNKNOWN = TokenRefused(Refusal.UNKNOWN_KEY)
ROTATED = jwk_set(jwk("ES256", 1))


class Clock:
    """Time that goes on when the test says so."""

    def __init__(self):
        self.passed_s = 0.0

    def unix(self):
        return NOW_S + self.passed_s

    def monotonic(self):
        return 1000.0 + self.passed_s


class Running:
    """The issuer's server, and a checker of its tokens whose fetches can be waited for."""

    def __init__(self, server, oauth, tasks):
        self.server = server
        self.clock = Clock()
        resolver = Resolver([("127.0.0.1", 1)])  # a literal address needs none
        self._fetch = keys_of(oauth, resolver)
        self.keys = IssuerKeys(
            self._fetched, expected_of(oauth), now=self.clock.unix, clock=self.clock.monotonic
        )
        self._tasks = tasks
        self.gate = asyncio.Event()  # what is asked goes out while it is set
        self.gate.set()

    async def _fetched(self):
        await self.gate.wait()
        return await self._fetch()

    async def start(self):
        await self.keys.start(self._tasks)
        await self.settled()

    async def settled(self):
        """Until no fetch is under way."""
        await self.keys._fetched()
        await asyncio.sleep(0)

    @property
    def fetches(self):
        return len(self.server.asked)

    async def check(self, which=0, **more):
        return await self.keys.check(token("ES256", which, now_s=self.clock.unix(), **more))


@contextlib.asynccontextmanager
async def running(folder, **settings):
    authority = Authority(folder)
    with IssuerServer(authority.issue("issuer", "127.0.0.1")) as server:
        given = {"keys_url": server.url("/keys"), "authorities": authority.file} | settings
        oauth = OAuth(issuer=ISSUER, audience=AUDIENCE, **given)
        async with asyncio.TaskGroup() as tasks:
            yield Running(server, oauth, tasks)


@pytest_asyncio.fixture
async def issuer(tmp_path):
    async with running(tmp_path) as made:
        await made.start()
        yield made


async def test_keys_are_there_before_the_first_login(issuer):
    assert issuer.server.asked == ["/keys"]
    for _ in range(3):
        assert await issuer.check() == TokenAccepted(ALICE, NOW_S + 300)
    assert await issuer.check(aud="other") == TokenRefused(Refusal.AUDIENCE)
    assert issuer.fetches == 1


async def test_a_login_waits_for_the_first_keys(tmp_path):
    async with running(tmp_path) as issuer:
        issuer.gate.clear()
        async with asyncio.TaskGroup() as tasks:
            await issuer.keys.start(tasks)
            logins = [tasks.create_task(issuer.check()) for _ in range(5)]
            await asyncio.sleep(0)
            issuer.gate.set()
        assert {type(login.result()) for login in logins} == {TokenAccepted}
        assert issuer.fetches == 1


async def test_a_login_that_is_given_up_does_not_end_the_fetch(tmp_path):
    async with running(tmp_path) as issuer:
        issuer.gate.clear()
        async with asyncio.TaskGroup() as tasks:
            await issuer.keys.start(tasks)
            login = tasks.create_task(issuer.check())
            await asyncio.sleep(0)
            login.cancel()
            issuer.gate.set()
        assert isinstance(await issuer.check(), TokenAccepted)


async def test_before_the_start_nothing_is_known(tmp_path):
    async with running(tmp_path) as issuer:
        with pytest.raises(TokenUnavailableError):
            await issuer.check()


async def test_rotation(issuer):
    issuer.server.keys = ROTATED
    issuer.clock.passed_s = PAUSE_S
    assert isinstance(await issuer.check(1), TokenAccepted)  # its key id was unknown
    assert await issuer.check(0) == UNKNOWN  # the old key is gone
    assert issuer.fetches == 2


async def test_an_unknown_key_has_keys_fetched_once_a_minute(issuer):
    for passed_s, fetches in ((1, 1), (PAUSE_S - 1, 1), (PAUSE_S, 2), (2 * PAUSE_S - 1, 2), (2 * PAUSE_S, 3)):
        issuer.clock.passed_s = passed_s
        for number in range(20):
            assert await issuer.check(header={"kid": f"new-{number}"}) == UNKNOWN
        assert issuer.fetches == fetches
    issuer.clock.passed_s = 3 * PAUSE_S
    assert isinstance(await issuer.check(header={"kid": None}), TokenAccepted)
    assert issuer.fetches == 3
    assert await issuer.check(1, header={"kid": None}) == TokenRefused(Refusal.UNNAMED_KEY)
    assert issuer.fetches == 4


async def test_old_keys_are_fetched_again_while_logins_go_on(issuer):
    issuer.clock.passed_s = REFRESH_S - 1
    await issuer.check()
    assert issuer.fetches == 1
    issuer.clock.passed_s = REFRESH_S
    issuer.gate.clear()
    for _ in range(3):
        assert isinstance(await issuer.check(), TokenAccepted)  # nobody waits
    issuer.gate.set()
    await issuer.settled()
    assert issuer.fetches == 2


@pytest.mark.parametrize(
    "answer",
    [{"status": 503}, {"keys": b"<html>"}, {"keys": b'{"keys": []}'}, {"location": "/x", "status": 302}],
)
async def test_an_issuer_that_is_away(issuer, answer):
    for name, value in answer.items():
        setattr(issuer.server, name, value)
    for passed_s in (REFRESH_S, REFRESH_S + PAUSE_S, KEPT_S - 1):
        issuer.clock.passed_s = passed_s
        with structlog.testing.capture_logs() as lines:
            assert isinstance(await issuer.check(), TokenAccepted)
            assert isinstance(await issuer.check(), TokenAccepted)
            await issuer.settled()
        assert [line["event"] for line in lines] == ["issuer keys not fetched"]
    assert issuer.fetches == 4
    issuer.clock.passed_s = KEPT_S
    with pytest.raises(TokenUnavailableError):
        await issuer.check()
    issuer.server.status, issuer.server.location, issuer.server.keys = 200, "", ROTATED
    with pytest.raises(TokenUnavailableError):
        await issuer.check()  # a minute between two fetches
    issuer.clock.passed_s = KEPT_S + PAUSE_S
    assert isinstance(await issuer.check(1), TokenAccepted)


async def test_expiry_follows_the_clock_and_not_the_age_of_keys(issuer):
    old = token()
    issuer.clock.passed_s = 1000.0
    assert await issuer.keys.check(old) == TokenRefused(Refusal.EXPIRED)


async def test_the_certificate_of_the_issuer_is_checked(tmp_path):
    (tmp_path / "others").mkdir()
    async with running(tmp_path, authorities=Authority(tmp_path / "others").file) as issuer:
        with structlog.testing.capture_logs() as lines:
            await issuer.start()
        (line,) = lines
        assert "certificate" in line["problem"]
        assert issuer.fetches == 0
        with pytest.raises(TokenUnavailableError):
            await issuer.check()


async def test_keys_in_a_file(tmp_path):
    file = tmp_path / "keys.json"
    async with running(tmp_path, keys_url=None, keys_path=file) as issuer:
        with structlog.testing.capture_logs() as lines:
            await issuer.start()
        assert lines[0]["problem"] == f"{file}: No such file or directory"
        file.write_bytes(jwk_set(jwk("ES256"), {"kty": "oct"}))
        issuer.clock.passed_s = PAUSE_S
        with structlog.testing.capture_logs() as lines:
            assert isinstance(await issuer.check(), TokenAccepted)
        assert (lines[0]["keys"], len(lines[0]["passed_over"])) == (1, 1)
        file.write_bytes(ROTATED)
        issuer.clock.passed_s = 2 * PAUSE_S
        assert isinstance(await issuer.check(1), TokenAccepted)
        assert issuer.server.asked == []


async def test_a_fault_of_ours_ends_nothing(tmp_path):
    async def broken():
        raise ZeroDivisionError

    async with asyncio.TaskGroup() as tasks:
        keys = IssuerKeys(broken, expected_of(OAuth(issuer=ISSUER, audience=AUDIENCE)))
        with structlog.testing.capture_logs() as lines:
            await keys.start(tasks)
            with pytest.raises(TokenUnavailableError):
                await keys.check(token())
        assert lines[0]["log_level"] == "error"
        keys.stop_accepting()
        await keys.finish(0.0)
