"""COMPRESS, UNAUTHENTICATE and INPROGRESS."""

import zlib

import pytest

from postier.servers.imap import progress
from postier.servers.imap.compression import MAX_INFLATED_BYTES, BrokenDeflateError, Compression
from tests.servers.imap.served import PASSWORD, Served, letter


class Packed:
    """The client's side of DEFLATE, over a plain client."""

    def __init__(self, client):
        self.client = client
        self.deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.inflate = zlib.decompressobj(-15)

    def send(self, data, *, last=False):
        self.client.send(
            self.deflate.compress(data) + self.deflate.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
        )

    async def until(self, end):
        came = b""
        while end not in came:
            octets = await self.client.reader.read(65_536)
            assert octets, came
            came += self.inflate.decompress(octets)
        return came


async def packed(served, mailbox="INBOX"):
    client = await served.login(mailbox=mailbox)
    assert await client.command("COMPRESS DEFLATE") == [b"OK DEFLATE active"]
    return Packed(client)


async def test_both_directions_are_compressed(served):
    client = await packed(served)
    message = letter(body="Again and again. " * 20_000 + "\r\n")
    client.send(b"a APPEND INBOX {%d+}\r\n%b\r\nb FETCH 1 BODY[]\r\n" % (len(message), message))
    came = await client.until(b"b OK")
    assert message in came
    client.send(b"c COMPRESS DEFLATE\r\n")
    assert b"c BAD [COMPRESSIONACTIVE]" in await client.until(b"\r\n")
    client.send(b"d IDLE\r\n")
    await client.until(b"+ idling\r\n")
    client.send(b"DONE\r\ne LOGOUT\r\n")
    assert b"d OK IDLE terminated" in await client.until(b"e OK LOGOUT completed\r\n")


async def test_octets_that_are_not_deflate_end_the_connection(embedded):
    client = await packed(embedded)
    client.client.send(b"\xff" * 100)
    assert b"* BYE The compressed octets are broken" in await client.until(b"\r\n")


async def test_commands_that_do_not_wait_for_the_answer_are_refused(embedded):
    client = await embedded.login()
    client.send("a COMPRESS DEFLATE\r\nb NOOP\r\n")
    assert await client.line() == b"a BAD No command may follow COMPRESS before its answer"
    assert await client.line() == b"b OK NOOP completed"
    assert (await client.refused("COMPRESS LZ4")).startswith(b"BAD")


def test_a_bomb_is_unpacked_bit_by_bit():
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    octets = bomb.compress(b"x" * (8 << 20)) + bomb.flush()
    assert len(octets) < 10_000
    compression = Compression()
    size = len(compression.inflated(octets))
    steps = 1
    while compression.has_more:
        part = compression.inflated()
        assert len(part) <= MAX_INFLATED_BYTES
        size += len(part)
        steps += 1
    assert size == 8 << 20
    assert steps >= (8 << 20) // MAX_INFLATED_BYTES
    with pytest.raises(BrokenDeflateError):
        compression.inflated(b"more")


async def test_a_bomb_of_a_line_ends_its_connection(embedded):
    client = await packed(embedded)
    client.send(b"a NOOP " + b"x" * (5 << 20))
    assert b"* BYE Line is too long" in await client.until(b"\r\n")


async def test_a_bomb_of_commands_is_answered_in_turns(embedded):
    client, other = await packed(embedded), await embedded.login()
    client.send(b"a NOOP\r\n" * 5_000 + b"z NOOP\r\n")
    assert await other.ok("NOOP") == []
    assert (await client.until(b"z OK")).count(b"a OK") == 5_000


async def test_unauthenticate_ends_compression(embedded):
    client = await packed(embedded)
    client.send(b"a UNAUTHENTICATE\r\n", last=True)
    client.client.send(f'b LOGIN carole@beta.test "{PASSWORD}"\r\n')
    plain = client.inflate
    came = b""
    while b"b OK" not in came:
        octets = await client.client.reader.read(65_536)
        came += octets
    assert plain.decompress(came[: came.index(b"b OK")]).startswith(b"a OK Logged out")


async def test_unauthenticate_forgets_everything_of_the_user(served):
    client = await served.login(mailbox="INBOX")
    await client.ok("ENABLE IMAP4rev2 QRESYNC UIDONLY")
    assert await client.command("UNAUTHENTICATE") == [b"OK Logged out of the account"]
    assert (await client.refused("UNAUTHENTICATE")).startswith(b"BAD")
    (line,) = await client.ok("CAPABILITY")
    assert b"AUTH=PLAIN" in line
    assert b"QRESYNC" not in line
    client.send("a NOOP " + "x" * 2000)
    assert await client.ended() == b"* BYE Line is too long\r\n"  # the limits before login


async def test_unauthenticate_can_be_switched_off(sqlite_store, tmp_path):
    async with Served(sqlite_store, tmp_path, offers_unauthenticate=False) as served:
        client = await served.login()
        assert b"UNAUTHENTICATE" not in (await client.ok("CAPABILITY"))[0]
        assert (await client.refused("UNAUTHENTICATE")).startswith(b"BAD")


async def test_a_long_command_is_told_to_be_under_way(embedded, monkeypatch):
    client = await embedded.login(mailbox="INBOX")
    message = letter()
    for _ in range(3):
        await client.ok(b"APPEND INBOX" + b" {%d+}\r\n%b" % (len(message), message) * 40)
    monkeypatch.setattr(progress, "TELL_S", 0)
    lines = await client.ok("SEARCH TEXT nothing")
    assert b'* OK [INPROGRESS ("a6" 50 120)] 50 of 120 are done' in lines
    assert lines[-1] == b"* SEARCH"
    lines = await client.ok("FETCH 1:* BODY.PEEK[]")
    assert any(line.startswith(b'* OK [INPROGRESS ("a7" ') for line in lines)
    assert sum(b"FETCH (BODY[]" in line for line in lines) == 120
