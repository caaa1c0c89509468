"""SECURITY 28: ManageSieve counts wrong passwords with the one limiter of all protocols."""

from postier.accounts.limiter import FREE_BY_ACCOUNT
from tests.servers.managesieve_server import ManageSieveServer


async def test_a_guesser_is_refused_even_with_the_right_password(sqlite_store):
    async with ManageSieveServer(sqlite_store) as server:
        client = await server.connect()
        for number in range(FREE_BY_ACCOUNT + 1):
            assert await client.login(password=f"wrong{number}") == [
                b'NO "the name or the password is wrong"'
            ]
        assert (await client.login())[0].startswith(b"NO (TRYLATER) ")
        assert (await client.login(1))[0].startswith(b"OK")
