"""SECURITY 28: POP3 counts wrong passwords with the one limiter of all protocols; SECURITY 27: it tells no names."""

import base64

from postier.accounts.limiter import FREE_BY_ACCOUNT
from tests.servers.imap.served import ADDRESSES
from tests.servers.pop3_server import Pop3Server


async def test_a_guesser_is_refused_even_with_the_right_password(sqlite_store):
    async with Pop3Server(sqlite_store) as server:
        client = await server.connect()
        for number in range(FREE_BY_ACCOUNT + 1):
            if number % 2:
                secret = base64.b64encode(f"\0{ADDRESSES[0]}\0wrong{number}".encode()).decode()
                answer = await client.ask(f"AUTH PLAIN {secret}")
            else:
                answer = await client.login(password=f"wrong{number}")
            assert answer.startswith(b"-ERR [AUTH] ")
        assert (await client.login()).startswith(b"-ERR [SYS/TEMP] too many wrong passwords")
        assert (await client.login(1)).startswith(b"+OK ")


async def test_an_unknown_user_is_answered_as_a_known_one(sqlite_store):
    async with Pop3Server(sqlite_store) as server:
        client = await server.connect()
        names = (ADDRESSES[0], "nobody@alpha.test", "' OR 1=1 --@alpha.test", "%u%n@alpha.test", "*")
        answers = [(await client.ask(f"USER {name}"), await client.ask("PASS wrong")) for name in names]
        assert len(set(answers)) == 1
