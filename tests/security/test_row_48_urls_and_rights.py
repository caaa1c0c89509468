"""SECURITY 48: a signed URL is worth no more than what its creator may read now, and keys are rotated."""

import pytest

from tests.servers.imap.served import letter

RUMP = "imap://carole%40beta.test@mail.test/%23user/alice@alpha.test/Team/;UID=1;URLAUTH=authuser"


async def url_of_carole(served):
    """Carole has signed a URL into alice's mailbox, which she may read; alice can use it."""
    alice, carole = await served.login(), await served.login(1)
    await alice.ok("CREATE Team")
    await alice.append(letter(), "Team")
    await alice.ok("SETACL Team carole@beta.test lr")
    (line,) = await carole.ok(f'GENURLAUTH "{RUMP}" INTERNAL')
    url = line.decode().removeprefix("* GENURLAUTH ")
    assert await nothing(alice, url) is False
    return alice, carole, url


async def nothing(client, url):
    (line,) = await client.ok(f"URLFETCH {url}")
    return line == f"* URLFETCH {url} NIL".encode()


@pytest.mark.parametrize(
    "change",
    [
        "DELETEACL Team carole@beta.test",
        "SETACL Team carole@beta.test l",
        "SETACL Team carole@beta.test -r",
        "DELETE Team",
        "RENAME Team Elsewhere",
    ],
)
async def test_rights_that_are_taken_back(served, change):
    alice, carole, url = await url_of_carole(served)
    await alice.ok(change)
    assert await nothing(alice, url)
    assert await nothing(carole, url)
    assert (await carole.refused(f"APPEND INBOX CATENATE (URL {url})")).startswith(b"NO [BADURL ")


async def test_a_mailbox_made_again_under_the_name_is_another(served):
    alice, carole, url = await url_of_carole(served)
    await alice.ok("DELETE Team")
    await alice.ok("CREATE Team")
    await alice.append(letter(2), "Team")
    await alice.ok("SETACL Team carole@beta.test lr")
    assert await nothing(alice, url)
    assert await nothing(carole, url)


async def test_keys_are_rotated(served):
    alice, carole, url = await url_of_carole(served)
    await alice.ok("RESETKEY Team")  # her own, not carole's
    assert not await nothing(alice, url)
    await carole.ok('RESETKEY "#user/alice@alpha.test/Team"')
    assert await nothing(alice, url)
