"""METADATA among several sessions."""

from postier.mailbox.annotations import MAX_ANNOTATIONS, MAX_VALUE_BYTES


async def test_changes_by_others_are_told_to_who_enabled_it(served):
    one, other, third = [await served.login() for _ in range(3)]
    assert await other.ok("ENABLE METADATA") == [b"* ENABLED METADATA"]
    await one.ok('SETMETADATA INBOX (/private/comment "x" /shared/comment "y")')
    assert await other.ok("NOOP") == [b"* METADATA INBOX /private/comment /shared/comment"]
    assert await other.ok("NOOP") == []
    assert await third.ok("NOOP") == []
    await one.ok("SETMETADATA INBOX (/private/comment NIL)")
    assert await other.ok('SETMETADATA Sent (/private/comment "z")') == [b"* METADATA INBOX /private/comment"]
    assert await other.ok("NOOP") == []  # its own change is not told
    await other.start_idle()
    await one.ok('SETMETADATA "" (/private/vendor/x/y "z")')
    assert await other.line() == b'* METADATA "" /private/vendor/x/y'
    await other.done()


async def test_a_selected_mailbox_goes_on(served):
    one, other = await served.login(mailbox="INBOX"), await served.login(mailbox="INBOX")
    await one.ok('SETMETADATA INBOX (/private/comment "x")')
    assert await other.ok("NOOP") == []
    assert await one.ok("NOOP") == []


async def test_limits_have_their_codes(embedded):
    client = await embedded.login()
    refused = await client.refused(
        f"SETMETADATA INBOX (/private/comment {{{MAX_VALUE_BYTES + 1}+}}\r\n{'x' * (MAX_VALUE_BYTES + 1)})"
    )
    assert refused.startswith(b"NO [METADATA MAXSIZE %d] " % MAX_VALUE_BYTES)
    many = " ".join(f'/private/vendor/x/{number} "y"' for number in range(MAX_ANNOTATIONS + 1))
    assert (await client.refused(f"SETMETADATA INBOX ({many})")).startswith(b"NO [METADATA TOOMANY] ")


async def test_an_administrator_speaks_for_the_server(served):
    await served.store.write(lambda tx: tx.run("UPDATE account SET is_admin = 1 WHERE account_id = 1"))
    admin, other = await served.login(), await served.login(1)
    await other.ok("ENABLE METADATA")
    await admin.ok('SETMETADATA "" (/shared/comment "Back at noon")')
    assert await other.ok("NOOP") == [b'* METADATA "" /shared/comment']
    assert await other.ok('GETMETADATA "" /shared/comment') == [
        b'* METADATA "" (/shared/comment "Back at noon")'
    ]
    assert await other.ok("GETMETADATA INBOX /private/comment") == [
        b"* METADATA INBOX (/private/comment NIL)"
    ]
