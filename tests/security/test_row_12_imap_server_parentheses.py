"""SECURITY 12: a million parentheses, before and after login."""


async def test_a_million_before_login(embedded):
    client = await embedded.connect()
    client.send(b"a LOGIN " + b"(" * 1_000_000 + b"\r\n")
    assert (await client.ended())[:6] in {
        b"* BYE ",
        b"",
    }  # gone at once; with its BYE unless a reset took that


async def test_as_many_as_a_line_holds_after_login(embedded):
    client = await embedded.login(mailbox="INBOX")
    for verb in ("SEARCH ", "FETCH 1 ", "LIST ", "STORE 1 FLAGS ", "STATUS INBOX "):
        assert (await client.refused(verb + "(" * 60_000)).startswith((b"BAD", b"NO"))
    await client.ok("NOOP")
