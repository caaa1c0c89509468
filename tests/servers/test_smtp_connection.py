"""Connections that misbehave, are late, are too many, or are open when the server stops."""

import asyncio
from functools import partial

import pytest

from postier.mta.receive import Reception
from postier.servers.listener import LINGER_S, ConnectionLimits, Listener
from postier.servers.smtp import MIN_BODY_RATE, Timeouts
from tests.servers.mail_client import MailClient
from tests.servers.smtp_server import letters, loopback_socket, until

LETTER = b"From: a@remote.test\r\nSubject: x\r\n\r\nHi.\r\n"
ENVELOPE = ("MAIL FROM:<a@remote.test>", "RCPT TO:<alice@alpha.test>")


# What is said


async def test_who_speaks_before_the_greeting(start_embedded):
    """SECURITY 9."""
    node = await start_embedded()
    intake = node.conversation._visit.args[0]

    class Slow(Reception):
        async def connected(self, ip, port):
            await until(lambda: all(stream.has_unread for stream in node.listener._streams))
            return await super().connected(ip, port)

    node.conversation._visit = partial(Slow, intake)
    client = await node.dial(first=b"EHLO early.test\r\n")
    assert (await client.hear()).startswith("554 5.5.0 ")
    assert await client.has_ended()


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        (b"GET / HTTP/1.1\r\n", "421 4.7.0 "),
        (b"POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<a@b.test>\r\n", "421 4.7.0 "),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", "421 4.7.0 "),
        (b"NO\0OP\r\n", "500 5.5.2 "),
        (b"NO\xffOP\r\n", "500 5.5.1 "),
        (b"x" * 10_000 + b"\r\n", "500 5.5.2 "),
        (b"WIZ\r\n", "500 5.5.1 "),
    ],
    ids=["get", "post", "tls", "nul", "8bit", "long", "unknown"],
)
async def test_what_is_no_command(start_embedded, said, reply):
    node = await start_embedded()
    client = await node.dial()
    await client.hear()
    client.send(said)
    assert (await client.hear()).startswith(reply)
    if reply.startswith("421"):
        assert await client.has_ended()
    else:
        assert (await client.say("EHLO client.test")).startswith("250-")


async def test_an_endless_line(start_embedded):
    node = await start_embedded()
    client = await node.greeted()
    client.send(b"y" * (4 << 20))
    await client.writer.drain()
    client.send(b"\r\n")
    assert (await client.hear()).startswith("500 5.5.2 ")
    assert (await client.say("NOOP")).startswith("250 ")


async def test_the_order_of_verbs(start_embedded):
    node = await start_embedded()
    client = await node.dial()
    await client.hear()
    before = ("MAIL FROM:<a@remote.test>", "RCPT TO:<alice@alpha.test>", "DATA", "STARTTLS", "AUTH PLAIN")
    codes = [(await client.say(line))[:3] for line in before]
    assert codes[:3] == ["503", "503", "503"]
    assert all(code[0] == "5" for code in codes)
    await client.say("EHLO client.test")
    assert await client.all("RCPT TO:<alice@alpha.test>", "DATA") == ["503", "503"]
    assert await client.all(ENVELOPE[0], ENVELOPE[0], "DATA") == ["250", "503", "554"]


async def test_after_a_refused_letter_nothing_is_left(start_embedded):
    """SECURITY 4."""
    node = await start_embedded()
    client = await node.greeted()
    two = b"From: b@remote.test\r\n" + LETTER
    assert (await client.mail("a@remote.test", "alice@alpha.test", letter=two)).startswith("554 5.6.0 ")
    assert await client.all("RCPT TO:<bob@alpha.test>", "DATA") == ["503", "503"]
    client.send(b"BDAT 1 LAST\r\nx")
    assert (await client.hear()).startswith("503 ")
    assert (await client.mail("a@remote.test", "bob@alpha.test", letter=LETTER)).startswith("250 ")
    assert await letters(node.store, "alice@alpha.test") == []


@pytest.mark.parametrize(
    "body",
    [b"a\nb", b"a\r.\r\nb", b"a\n.\r\nMAIL FROM:<x@y.test>", b"a\0b"],
    ids=["lf", "cr", "smuggled", "nul"],
)
async def test_what_is_no_letter(start_embedded, body):
    node = await start_embedded()
    client = await node.greeted()
    reply = await client.mail("a@remote.test", "alice@alpha.test", letter=LETTER + body + b"\r\n")
    assert reply.startswith("554 5.6.0 ")
    assert (await client.say("NOOP")).startswith("250 ")
    assert await letters(node.store, "alice@alpha.test") == []


async def test_a_letter_that_is_too_large(start_embedded):
    node = await start_embedded(settings={"max_message_bytes": 1_000})
    client = await node.greeted()
    assert (await client.say("MAIL FROM:<a@remote.test> SIZE=1001")).startswith("552 5.3.4 ")
    large = LETTER + b"0123456789\r\n" * 100
    assert (await client.mail("a@remote.test", "alice@alpha.test", letter=large)).startswith("552 5.3.4 ")
    await client.all(*ENVELOPE)
    client.send(b"BDAT 1001 LAST\r\n" + b"x" * 1001)
    assert (await client.hear()).startswith("552 5.3.4 ")
    assert (await client.mail("a@remote.test", "alice@alpha.test", letter=LETTER)).startswith("250 ")


async def test_too_many_recipients(start_embedded):
    node = await start_embedded(settings={"max_recipients": 100})
    client = await node.greeted()
    await client.say(ENVELOPE[0])
    lines = [f"RCPT TO:<alice+{number}@alpha.test>" for number in range(101)]
    assert await client.all(*lines) == ["250"] * 100 + ["452"]
    assert (await client.say("DATA")).startswith("354 ")
    client.send(LETTER + b".\r\n")
    assert (await client.hear()).startswith("250 ")
    assert len(await letters(node.store, "alice@alpha.test")) == 1


async def test_too_many_errors(start_embedded):
    node = await start_embedded(settings={"max_errors": 5})
    client = await node.greeted()
    codes = [(await client.say("WIZ"))[:3] for _ in range(6)]
    assert codes[:5] == ["500"] * 5
    assert codes[5] == "421" or await client.hear() == ""
    assert await client.has_ended()


# TLS


async def test_starttls_drops_what_was_said_in_plain(start_embedded):
    """SECURITY 7: CVE-2011-0411."""
    node = await start_embedded(tls=True)
    client = await node.greeted()
    client.send(b"STARTTLS\r\nMAIL FROM:<injected@evil.test>\r\nNOOP\r\n")
    heard = await client.hear()
    if heard.startswith("220 "):
        await client.start_tls()
        assert (await client.say("EHLO client.test")).startswith("250-")
        assert await client.all("RCPT TO:<alice@alpha.test>") == ["503"]
    else:
        assert heard[:3] in {"421", "503", "501"}


async def test_after_starttls_everything_is_forgotten(start_embedded):
    node = await start_embedded(tls=True)
    client = await node.greeted()
    await client.all(*ENVELOPE)
    assert (await client.say("STARTTLS")).startswith(("220 ", "503 "))
    if client.replies[-1].startswith("220 "):
        await client.start_tls()
    assert (await client.say("EHLO client.test")).startswith("250-")
    assert "STARTTLS" not in client.replies[-1]


async def test_a_handshake_that_never_ends(start_embedded):
    node = await start_embedded(tls=True, timeouts=Timeouts(handshake_s=0.05))
    client = await node.greeted()
    assert (await client.say("STARTTLS")).startswith("220 ")
    client.send(b"\x16\x03\x01\x02\x00")  # the first octets of a hello, and no more
    assert await client.has_ended()
    await node.is_idle()


async def test_an_implicit_handshake_that_never_ends(start_embedded):
    node = await start_embedded(implicit=True, timeouts=Timeouts(handshake_s=0.05))
    client = await node.dial()
    assert await client.has_ended()
    await node.is_idle()


async def test_implicit_tls(start_embedded):
    node = await start_embedded(implicit=True)
    client = await node.dial(tls=True)
    await client.greet()
    assert "STARTTLS" not in client.replies[-1]
    assert (await client.mail("a@remote.test", "alice@alpha.test", letter=LETTER)).startswith("250 ")


# Time


async def test_silence_ends_in_421(start_embedded):
    node = await start_embedded(timeouts=Timeouts(command_s=60))
    client = await node.greeted()
    node.pass_time(59)
    assert (await client.say("NOOP")).startswith("250 ")
    node.pass_time(61)
    assert (await client.hear()).startswith("421 4.4.2 ")
    assert await client.has_ended()


async def test_a_command_that_trickles_in_has_one_deadline(start_embedded):
    """Slow loris: octets do not prolong it."""
    node = await start_embedded(timeouts=Timeouts(command_s=60))
    client = await node.greeted()
    (stream,) = node.listener._streams
    deadline = stream.deadline
    for octet in b"NOO":
        client.send(bytes([octet]))
        await until(lambda: stream.has_unread or stream._waiter is not None)
    assert stream.deadline == deadline
    node.pass_time(61)
    assert (await client.hear()).startswith("421 4.4.2 ")


async def test_a_letter_that_trickles_in(start_embedded):
    node = await start_embedded(timeouts=Timeouts(command_s=60, data_s=60))
    client = await node.greeted()
    await client.all(*ENVELOPE)
    assert (await client.say("DATA")).startswith("354 ")
    (stream,) = node.listener._streams
    deadline = stream.deadline
    client.send(LETTER)
    await until(lambda: stream.deadline > deadline)
    assert stream.deadline - deadline <= len(LETTER) / MIN_BODY_RATE + 0.001
    node.pass_time(62)
    assert (await client.hear()).startswith("421 4.4.2 ")
    await node.is_idle()
    assert await letters(node.store, "alice@alpha.test") == []


class Deluge:
    """A conversation that says much to whom does not listen."""

    name = "deluge"
    begins_with_tls = False

    async def converse(self, stream):
        stream.write(bytes(16 << 20))

    def refuse(self, stream, why):
        raise AssertionError(why)

    def say_goodbye(self, stream):
        stream.interrupt()


async def test_a_peer_that_does_not_listen_is_cut_off():
    bound = loopback_socket()
    listener = Listener([bound], Deluge(), ConnectionLimits())
    async with asyncio.TaskGroup() as tasks:
        await listener.start(tasks)
        client = await MailClient.dial(bound.getsockname()[1])
        client.writer.transport.pause_reading()
        await until(lambda: listener._lingering)
        (stream,) = listener._lingering
        assert not listener.connections
        listener._lingering[stream] -= LINGER_S + 1
        listener._expire()
        await until(lambda: stream.is_closed)
        assert not listener._lingering
        await client.close()
        listener.stop_accepting()
        await listener.finish(0)


# How many


async def test_connections_of_one_address(start_embedded):
    node = await start_embedded(limits=ConnectionLimits(connections=100, connections_per_ip=2))
    first, _ = await node.greeted(), await node.greeted()
    third = await node.dial()
    assert (await third.hear()).startswith("421 4.7.0 mx.alpha.test too many connections from your network")
    assert await third.has_ended()
    await first.say("QUIT")
    await until(lambda: node.listener.connections == 1)
    await node.greeted()


async def test_connections_in_all(start_embedded):
    node = await start_embedded(limits=ConnectionLimits(connections=1))
    await node.greeted()
    second = await node.dial()
    assert (await second.hear()).startswith("421 4.7.0 ")


# The end


async def test_idle_peers_hear_421_when_the_server_stops(start_embedded):
    node = await start_embedded()
    client = await node.greeted()
    other = await node.greeted()
    await other.all(*ENVELOPE)
    await node.stop()
    for each in (client, other):
        assert (await each.hear()).startswith("421 4.3.2 ")
        assert await each.has_ended()


async def test_a_letter_under_way_is_taken_when_the_server_stops(start_embedded):
    node = await start_embedded()
    client = await node.greeted()
    await client.all(*ENVELOPE)
    await client.say("DATA")
    async with asyncio.TaskGroup() as tasks:
        stopping = tasks.create_task(node.stop())
        await until(lambda: node.conversation.is_stopping)
        client.send(LETTER + b".\r\n")
        assert (await client.hear()).startswith("250 ")
        assert (await client.hear()).startswith("421 4.3.2 ")
        await stopping
    assert len(await letters(node.store, "alice@alpha.test")) == 1


async def test_a_peer_that_was_being_served_hears_421_too(start_embedded):
    node = await start_embedded()
    intake = node.conversation._visit.args[0]
    asked, go = asyncio.Event(), asyncio.Event()

    class Pondering(Reception):
        async def sender(self, reverse_path, parameters):
            asked.set()
            await go.wait()
            return await super().sender(reverse_path, parameters)

    node.conversation._visit = partial(Pondering, intake)
    client = await node.greeted()
    client.send(ENVELOPE[0].encode() + b"\r\n")
    await asked.wait()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(node.stop())
        await until(lambda: node.conversation.is_stopping)
        go.set()
        assert (await client.hear()).startswith("250 ")
        assert (await client.hear()).startswith("421 4.3.2 ")


async def test_who_never_finishes_a_letter_is_cut_off(start_embedded):
    node = await start_embedded()
    client = await node.greeted()
    await client.all(*ENVELOPE)
    await client.say("DATA")
    client.send(LETTER)
    await node.stop(grace_s=0.05)
    assert await client.has_ended()
    assert await letters(node.store, "alice@alpha.test") == []
