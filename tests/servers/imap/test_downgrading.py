"""Clients with and without UTF-8: what they are shown of headers in UTF-8, and what they may store."""

import pytest

from tests.servers.imap.served import Served

LETTER = "From: Grün <grün@alpha.test>\r\nSubject: Grüße\r\n\r\nKörper\r\n".encode()
LATIN_1 = b"Subject: Gr\xfc\xdfe\r\n\r\nx"
FIELD = "FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]"


async def stored(served, message=LETTER):
    """A client without UTF-8 with INBOX open, in which the message is."""
    modern = await served.login()
    await modern.ok("ENABLE UTF8=ACCEPT")
    assert (await modern.append(message)).startswith(b"OK")
    return await served.login(mailbox="INBOX")


@pytest.mark.parametrize("octets", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80"])
async def test_what_is_no_utf8_in_quotes_is_bad(embedded, octets):
    client = await embedded.login(mailbox="INBOX")
    assert (await client.refused(b'SEARCH BODY "%b"' % octets)).startswith(b"BAD")
    await client.ok("ENABLE UTF8=ACCEPT")
    assert (await client.refused(b'SEARCH BODY "%b"' % octets)).startswith(b"BAD")
    assert (await client.refused(b'SELECT "%b"' % octets)).startswith(b"BAD")


@pytest.mark.parametrize("message", [LETTER, LATIN_1])
async def test_raw_headers_are_taken_and_given_where_that_is_allowed(sqlite_store, tmp_path, message):
    async with Served(sqlite_store, tmp_path, has_raw_headers=True) as served:
        client = await served.login()
        assert (await client.append(message)).startswith(b"OK")
        await client.ok("SELECT INBOX")
        (line, last) = await client.command("FETCH 1 BODY.PEEK[]")
        assert message in line
        assert last == b"OK FETCH completed"


async def test_a_header_in_another_charset_needs_utf8_too_and_is_shown_as_it_is(embedded):
    client = await stored(embedded, LATIN_1)
    assert (await client.append(LATIN_1)).startswith(b"NO ")
    (line, last) = await client.command(FIELD)
    assert LATIN_1[:14] in line
    assert last == b"OK FETCH completed"


async def test_what_else_is_told_keeps_the_tagged_answer(sqlite_store, tmp_path):
    async with Served(sqlite_store, tmp_path, message_limit=1) as served:
        await stored(served)
        client = await stored(served)
        (line, untagged, last) = await client.command(FIELD.replace("1", "1:2", 1))
        assert b"* 2 FETCH" in line
        assert untagged == b"* OK [DOWNGRADED 2] Shown without UTF-8"
        assert last.startswith(b"OK [MESSAGELIMIT 1 2] ")


async def test_what_is_told_unasked_is_shown_so_too(served):
    client = await stored(served)
    await client.ok("NOTIFY SET (SELECTED (MessageNew (BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge))")
    await stored(served)
    lines = await client.until(b"* OK [DOWNGRADED 2]")
    assert any(b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=" in line for line in lines)
    (_, last) = await client.command("FETCH 2 UID")
    assert last == b"OK FETCH completed"


async def test_large_letters_are_shown_in_pieces_and_with_their_structure(embedded):
    body = b"x" * 998 + b"\r\n"
    client = await stored(embedded, LETTER + body * 400)
    whole = (await client.command("FETCH 1 BODY.PEEK[]"))[0].partition(b"\r\n")[2].removesuffix(b")")
    pieces = [
        (await client.command(f"FETCH 1 BODY.PEEK[]<{start}.100000>"))[0]
        .partition(b"\r\n")[2]
        .removesuffix(b")")
        for start in range(0, len(whole), 100_000)
    ]
    assert b"".join(pieces) == whole
    assert whole.partition(b"\r\n\r\n")[0].isascii()
    (line, last) = await client.command("FETCH 1 (ENVELOPE BODYSTRUCTURE)")
    assert b'"invalid" "internationalized-address.invalid"' in line
    assert last == b"OK [DOWNGRADED 1] FETCH completed"
