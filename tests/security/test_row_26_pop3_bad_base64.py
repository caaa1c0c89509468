"""SECURITY 26: bad base64 in AUTH harms nobody but who sends it."""

from tests.servers.pop3_server import Pop3Server


async def test_bad_base64_while_others_log_in(sqlite_store):
    async with Pop3Server(sqlite_store) as server:
        bad = await server.connect()
        for answer in ("====", "AAA", "!!", "=AAA", "AAA=BBB=", "\x80"):
            assert await bad.ask("AUTH PLAIN") == b"+ "
            assert await bad.ask(answer) == b"-ERR that is not base64"
            assert await bad.ask(f"AUTH PLAIN {answer}") == b"-ERR that is not base64"
            good = await server.login()
            await good.quit()
        assert (await bad.login()).startswith(b"+OK ")
