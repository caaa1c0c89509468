"""SECURITY 28: IMAP counts wrong passwords with the one limiter of all protocols."""

from postier.accounts.limiter import FREE_BY_ACCOUNT
from tests.servers.imap.served import PASSWORD


async def test_a_guesser_is_refused_even_with_the_right_password(embedded):
    client = await embedded.connect()
    for number in range(FREE_BY_ACCOUNT + 1):
        answer = await client.refused(f"LOGIN alice@alpha.test wrong{number}")
        assert answer.startswith(b"NO [AUTHENTICATIONFAILED]")
    assert (await client.refused(f'LOGIN alice@alpha.test "{PASSWORD}"')).startswith(b"NO [UNAVAILABLE]")
    await client.ok(f'LOGIN carole@beta.test "{PASSWORD}"')
