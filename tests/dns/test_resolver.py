"""`dns.resolver` against nsd, a real server, and against hand-made responders that lie, cut and keep silent."""

import asyncio
import struct

import dns.flags
import dns.message
import pytest
import uvloop

from postier.dns.cache import FAILURE_TTL_S, MAX_TTL_S, MIN_TTL_S
from postier.dns.exchange import Server
from postier.dns.resolver import Resolver
from postier.mailauth.questions import (
    AddressQuestion,
    Answer,
    Mx,
    MxQuestion,
    PtrQuestion,
    Status,
    TlsaQuestion,
    TxtQuestion,
)
from tests.dns_responder import Responder, reply, responder
from tests.dns_server import start_nsd
from tests.ports import free_port

LONG = " ".join(f'"{"x" * 250}"' for _ in range(12))  # 3000 octets: over the EDNS payload
ALPHA = f"""
@       IN MX 10 mail
        IN MX 5 first
        IN TXT "v=spf1 " "-all"
mail    IN A 192.0.2.1
        IN A 192.0.2.2
        IN AAAA 2001:db8::1
short 2 IN A 192.0.2.3
zero  0 IN A 192.0.2.4
age 604800 IN A 192.0.2.5
alias   IN CNAME mail
far     IN CNAME mail.beta.test.
away    IN CNAME mail.gamma.test.
loop    IN CNAME loop2
loop2   IN CNAME loop
long    IN TXT {LONG}
_25._tcp.mail IN TLSA 3 1 1 {"ab" * 32}
empty.non.terminal IN A 192.0.2.6
"""
REVERSE = "1 IN PTR Mail.Alpha.TEST.\n"


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(scope="module")
def port(tmp_path_factory):

    zones = {"alpha.test": ALPHA, "beta.test": "mail IN A 192.0.2.9", "2.0.192.in-addr.arpa": REVERSE}
    with start_nsd(tmp_path_factory.mktemp("nsd"), zones) as port:
        yield port


@pytest.fixture
def resolver(port):
    return Resolver([("127.0.0.1", port)])


def ask_one(server: Responder, **options) -> Resolver:
    return Resolver([("127.0.0.1", server.port)], **{"try_timeout_s": 0.15, "attempts": 1} | options)


# ── what a real server says ──


async def test_each_type_has_its_value(resolver):
    mx = await resolver.query(MxQuestion("alpha.test"))
    assert set(mx.records) == {Mx(10, "mail.alpha.test"), Mx(5, "first.alpha.test")}
    assert (await resolver.query(TxtQuestion("alpha.test"))).records == (b"v=spf1 -all",)
    a = await resolver.query(AddressQuestion("mail.alpha.test", 4))
    assert sorted(a.records) == ["192.0.2.1", "192.0.2.2"]
    assert (await resolver.query(AddressQuestion("mail.alpha.test", 6))).records == ("2001:db8::1",)
    assert (await resolver.query(PtrQuestion("192.0.2.1"))).records == ("mail.alpha.test",)
    (tlsa,) = (await resolver.query(TlsaQuestion("_25._tcp.mail.alpha.test"))).records
    assert (tlsa.usage, tlsa.selector, tlsa.data) == (3, 1, b"\xab" * 32)
    assert not mx.authenticated  # nsd is no validating resolver


async def test_what_is_not_there(resolver):
    assert await resolver.query(TxtQuestion("none.alpha.test")) == Answer(status=Status.NXDOMAIN)
    assert await resolver.query(TxtQuestion("mail.alpha.test")) == Answer(status=Status.NODATA)
    assert await resolver.query(TxtQuestion("non.terminal.alpha.test")) == Answer(status=Status.NODATA)
    assert (await resolver.query(TxtQuestion("gamma.test"))).status is Status.REFUSED


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".test", "a." * 127 + "test", ".test", "\udcff.test"])
async def test_a_name_that_cannot_exist_is_not_asked(name):
    resolver = Resolver([("127.0.0.1", 1)])
    assert await resolver.query(TxtQuestion(name)) == Answer(status=Status.NXDOMAIN)


async def test_no_address_no_pointer():
    assert (await Resolver([("127.0.0.1", 1)]).query(PtrQuestion("mail"))).status is Status.NXDOMAIN


async def test_aliases_are_followed(resolver):
    question = AddressQuestion("alias.alpha.test", 4)
    assert len((await resolver.query(question)).records) == 2
    assert await resolver.owner(question) == "mail.alpha.test"
    far = AddressQuestion("far.alpha.test", 4)
    assert (await resolver.query(far)).records == ("192.0.2.9",)
    assert await resolver.owner(far) == "mail.beta.test"


async def test_an_alias_to_nowhere_and_a_loop_of_aliases(resolver):
    assert (await resolver.query(AddressQuestion("away.alpha.test", 4))).status is Status.REFUSED
    assert (await resolver.query(AddressQuestion("loop.alpha.test", 4))).is_error


async def test_a_cut_answer_comes_by_tcp(resolver):
    (text,) = (await resolver.query(TxtQuestion("long.alpha.test"))).records
    assert text == b"x" * 3000


async def test_mixed_case_is_repeated_by_a_real_server(port):
    resolver = Resolver([("127.0.0.1", port)], mixed_case=True)
    assert len((await resolver.query(MxQuestion("alpha.test"))).records) == 2


# ── the cache ──


async def test_case_and_final_dot_are_one_name(resolver):
    await resolver.query(MxQuestion("Alpha.TEST."))
    assert resolver.cached(MxQuestion("alpha.test")) is not None
    assert len(resolver.cache) == 1


@pytest.mark.parametrize(
    ("name", "ttl_s"),
    [
        ("mail", 300),
        ("short", MIN_TTL_S),
        ("zero", MIN_TTL_S),
        ("age", MAX_TTL_S),
        ("none", 60),
        ("alias", 300),
    ],
)
async def test_an_answer_is_kept_for_its_time(port, name, ttl_s):
    clock = Clock()
    resolver = Resolver([("127.0.0.1", port)], now=clock)
    question = AddressQuestion(f"{name}.alpha.test", 4)
    await resolver.query(question)
    clock.now_s += ttl_s - 0.5
    assert resolver.cached(question) is not None
    clock.now_s += 0.5
    assert resolver.cached(question) is None


async def test_a_failure_is_kept_for_a_moment(resolver):
    clock = Clock()
    resolver = Resolver(resolver.servers, now=clock)
    await resolver.query(TxtQuestion("gamma.test"))
    clock.now_s += FAILURE_TTL_S - 0.1
    assert resolver.cached(TxtQuestion("gamma.test")) is not None
    clock.now_s += 0.2
    assert resolver.cached(TxtQuestion("gamma.test")) is None


async def test_a_negative_answer_without_soa_is_not_kept():
    async with responder(lambda query: [reply(query, rcode=3)]) as server:  # RFC 2308 §5
        resolver = ask_one(server)
        assert (await resolver.query(TxtQuestion("a.test"))).status is Status.NXDOMAIN
        assert resolver.cached(TxtQuestion("a.test")) is None


async def test_the_least_recently_used_goes_first(port):
    resolver = Resolver([("127.0.0.1", port)], cache_entries=2)
    mail, short, zero = (AddressQuestion(f"{name}.alpha.test", 4) for name in ("mail", "short", "zero"))
    for question in (mail, short, mail, zero):
        await resolver.query(question)
    assert resolver.cached(mail)
    assert resolver.cached(zero)
    assert resolver.cached(short) is None


# ── many askers ──


async def test_one_question_is_asked_once_for_all():
    async with responder(lambda query: [reply(query, "a.test. 60 TXT x")]) as server:
        resolver = ask_one(server)
        answers = await resolver.query_all(
            [TxtQuestion("a.test"), TxtQuestion("A.test"), TxtQuestion("a.test.")]
        )
        assert {answer.records for answer in answers} == {(b"x",)}
        assert len(server.asked) == 1


async def test_who_gives_up_does_not_take_the_others_along():
    queries: list[bytes] = []

    def second_time(query: bytes) -> list[bytes]:
        queries.append(query)
        return [reply(query, "a.test. 60 TXT x")] if len(queries) > 1 else []

    async with responder(second_time) as server:
        resolver = ask_one(server, try_timeout_s=5)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(resolver.query(TxtQuestion("a.test")))
            await server.heard.wait()
            second = group.create_task(resolver.query(TxtQuestion("a.test")))
            third = group.create_task(resolver.query(TxtQuestion("a.test")))
            group.create_task(asyncio.wait_for(second, None))
            await asyncio.wait({second}, timeout=0)
            first.cancel()
        assert second.result().records == third.result().records == (b"x",)
        assert len(queries) == 2


async def let_run(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


async def test_questions_on_the_wire_are_bounded():
    async with responder(lambda _: []) as server:
        resolver = ask_one(server, max_in_flight=2, timeout_s=0.5, try_timeout_s=5)
        async with asyncio.TaskGroup() as tasks:
            asking = [tasks.create_task(resolver.query(TxtQuestion(f"{n}.test"))) for n in range(5)]
            await let_run(1_000)
            assert len(server.asked) == 2
        assert {each.result().status for each in asking} == {Status.TIMEOUT}


# ── servers that fail ──


async def test_silence_is_a_timeout_and_the_second_server_answers(port):
    async with responder(lambda _: []) as silent:
        alone = ask_one(silent)
        assert (await alone.query(MxQuestion("alpha.test"))).status is Status.TIMEOUT
        both = Resolver([("127.0.0.1", silent.port), ("127.0.0.1", port)], try_timeout_s=0.15)
        assert len((await both.query(MxQuestion("alpha.test"))).records) == 2
        asked = len(silent.asked)
        await both.query(TxtQuestion("alpha.test"))
        assert len(silent.asked) == asked  # it is sick now, and asked last


async def test_a_closed_port_is_noticed_at_once(port):
    async with responder(lambda _: []) as gone:
        dead = gone.port
    resolver = Resolver([("127.0.0.1", dead), ("127.0.0.1", port)], try_timeout_s=60)
    assert len((await resolver.query(MxQuestion("alpha.test"))).records) == 2
    assert (await Resolver([("127.0.0.1", dead)]).query(MxQuestion("a.test"))).status is Status.SERVFAIL


async def test_servfail_moves_on_to_the_next_server(port):
    async with responder(lambda query: [reply(query, rcode=2)]) as broken:
        assert (await ask_one(broken).query(MxQuestion("a.test"))).status is Status.SERVFAIL
        both = Resolver([("127.0.0.1", broken.port), ("127.0.0.1", port)])
        assert len((await both.query(MxQuestion("alpha.test"))).records) == 2


async def test_a_server_without_edns_is_asked_again_without():
    def old(query: bytes) -> list[bytes]:
        if query[10:12] != b"\0\0":  # it does not know the OPT record: RFC 6891 §7
            return [query[:2] + b"\x81\x81" + query[4:6] + bytes(6) + query[12:-11]]
        return [reply(query, "a.test. 60 TXT x")]

    async with responder(old) as server:
        assert (await ask_one(server).query(TxtQuestion("a.test"))).records == (b"x",)


# ── who is believed ──


async def test_the_ad_bit_counts_from_loopback_only(monkeypatch):
    async with responder(lambda query: [reply(query, "a.test. 60 TXT x", flags=dns.flags.AD)]) as server:
        assert (await ask_one(server).query(TxtQuestion("a.test"))).authenticated
        do_bit = server.asked[0][-4:-2]
        assert do_bit == b"\x80\x00"
        monkeypatch.setattr(Server, "is_loopback", property(lambda _: False))
        assert not (await ask_one(server).query(TxtQuestion("a.test"))).authenticated
        trusted = Resolver([Server("127.0.0.1", server.port, trusted=True)])
        assert (await trusted.query(TxtQuestion("a.test"))).authenticated


async def test_an_insecure_alias_makes_the_rest_insecure():
    def chain(query: bytes) -> list[bytes]:
        if b"\x01a\x04test" in query:
            return [reply(query, "a.test. 60 CNAME b.test.")]
        return [reply(query, "b.test. 60 A 192.0.2.1", flags=dns.flags.AD)]

    async with responder(chain) as server:  # RFC 7672 §2.1.3
        answer = await ask_one(server).query(AddressQuestion("a.test", 4))
        assert answer.records == ("192.0.2.1",)
        assert not answer.authenticated


async def test_forged_datagrams_are_ignored_and_the_true_one_counts():
    def forged(query: bytes) -> list[bytes]:
        good = reply(query, "a.test. 60 TXT true")
        bad = reply(query, "a.test. 60 TXT forged")
        other = dns.message.make_query("b.test", "TXT").to_wire()
        return [
            bytes([bad[0] ^ 1]) + bad[1:],  # another id
            query[:2] + reply(other, "b.test. 60 TXT forged")[2:],  # another question
            query,  # our own query come back: no QR bit
            b"",
            query[:2],
            bad[:4] + b"\0\2" + bad[6:],  # two questions
            good,
            bad,  # too late
        ]

    async with responder(forged) as server:
        assert (await ask_one(server).query(TxtQuestion("a.test"))).records == (b"true",)


async def test_mixed_case_drops_an_answer_in_other_case():
    def lower(query: bytes) -> list[bytes]:
        answer = bytearray(reply(query, "abcdefghijklmnop.test. 60 TXT x"))
        answer[12:34] = answer[12:34].lower()
        return [bytes(answer)]

    async with responder(lower) as server:
        question = TxtQuestion("abcdefghijklmnop.test")
        assert (await ask_one(server).query(question)).records == (b"x",)
        assert (await ask_one(server, mixed_case=True).query(question)).status is Status.TIMEOUT


async def test_ids_and_ports_are_not_predictable(port):
    seen: set[bytes] = set()

    def note(query: bytes) -> list[bytes]:
        seen.add(query[:2])
        return [reply(query, "a.test. 60 TXT x")]

    async with responder(note) as server:
        for _ in range(16):
            await ask_one(server).query(TxtQuestion("a.test"))
    assert len(seen) > 12


def test_it_runs_on_uvloop(port):
    async def main():
        resolver = Resolver([("127.0.0.1", port)])
        return await resolver.query_all([MxQuestion("alpha.test"), TxtQuestion("long.alpha.test")])

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        mx, long = runner.run(main())
    assert len(mx.records) == 2
    assert len(long.records[0]) == 3000


def test_a_closed_port_is_noticed_on_uvloop():
    async def main():
        async with responder(lambda _: []) as gone:
            dead = gone.port
        return await Resolver([("127.0.0.1", dead)], try_timeout_s=60).query(MxQuestion("a.test"))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()).status is Status.SERVFAIL


async def test_a_tcp_answer_that_ends_early_is_a_failure():
    async def cut(reader, writer):
        size = struct.unpack("!H", await reader.readexactly(2))[0]
        await reader.readexactly(size)
        writer.write(b"\x10\x00half")
        writer.close()

    cut_off = responder(lambda query: [reply(query, flags=dns.flags.TC)], free_port())
    async with cut_off as server:
        tcp = await asyncio.start_server(cut, "127.0.0.1", server.port)
        async with tcp:
            assert (await ask_one(server).query(TxtQuestion("a.test"))).status is Status.SERVFAIL


def test_a_resolver_needs_a_server():
    with pytest.raises(ValueError, match="at least one server"):
        Resolver([])
