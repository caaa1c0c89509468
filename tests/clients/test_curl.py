"""curl sends and reads."""

from pathlib import Path

import pytest

from postier.app.demo.node import HOST
from tests.clients.letters import arrived, fill, letter
from tests.clients.programs import done, run
from tests.clients.two_servers import Account

pytestmark = pytest.mark.xdist_group("clients")


def login(account: Account) -> list[object]:
    return ["--silent", "--show-error", "--insecure", "--user", f"{account.address}:{account.password}"]


def imap(account: Account, rest: str = "", *arguments: object, folder: Path, secure: bool = False) -> bytes:
    scheme, port = ("imaps", account.ports.imaps) if secure else ("imap", account.ports.imap)
    url = f"{scheme}://{HOST}:{port}/{rest}"
    return done("curl", *login(account), "--ssl-reqd", *arguments, url, folder=folder).stdout


@pytest.mark.parametrize("secure", [False, True], ids=["starttls", "implicit"])
def test_a_letter_is_sent(alice: Account, carole: Account, tmp_path: Path, *, secure: bool) -> None:
    (tmp_path / "letter").write_bytes(letter(carole, alice, subject="from curl", body="Grüße\r\n"))
    scheme, port = ("smtps", alice.ports.submissions) if secure else ("smtp", alice.ports.submission)
    arguments = [
        "--ssl-reqd",
        "--mail-from",
        alice.address,
        "--mail-rcpt",
        carole.address,
        "--upload-file",
        "letter",
    ]
    done("curl", *login(alice), *arguments, f"{scheme}://{HOST}:{port}/client.test", folder=tmp_path)
    (found,) = arrived(carole)
    assert "Grüße".encode() in found


def test_a_foreign_sender_is_refused(alice: Account, carole: Account, tmp_path: Path) -> None:
    (tmp_path / "letter").write_bytes(letter(carole, carole))
    arguments = [
        "--ssl-reqd",
        "--mail-from",
        carole.address,
        "--mail-rcpt",
        carole.address,
        "--upload-file",
        "letter",
    ]
    url = f"smtp://{HOST}:{alice.ports.submission}/client.test"
    result = run("curl", *login(alice), *arguments, url, folder=tmp_path)
    assert result.returncode == 55
    assert b"553" in result.stderr or b"MAIL failed" in result.stderr


@pytest.mark.parametrize("secure", [False, True], ids=["starttls", "implicit"])
def test_folders_are_listed(alice: Account, tmp_path: Path, *, secure: bool) -> None:
    listing = imap(alice, folder=tmp_path, secure=secure)
    assert b'"/" INBOX' in listing
    assert b"\\Sent" in listing


def test_letters_are_fetched_and_searched(alice: Account, tmp_path: Path) -> None:
    one, two = letter(alice, subject="Lunch", token="1"), letter(alice, subject="Dinner", token="2")
    fill(alice, one, two)
    assert imap(alice, "INBOX;MAILINDEX=2", folder=tmp_path) == two
    assert imap(alice, "INBOX;UID=1;SECTION=TEXT", folder=tmp_path) == b"At noon?\r\n"
    assert imap(alice, "INBOX?SUBJECT%20dinner", folder=tmp_path).strip() == b"* SEARCH 2"


def test_a_letter_is_put_into_a_folder(alice: Account, tmp_path: Path) -> None:
    (tmp_path / "letter").write_bytes(letter(alice))
    imap(alice, "Drafts", "--upload-file", "letter", folder=tmp_path)
    assert arrived(alice, name="Drafts") == [letter(alice)]


def test_a_wrong_password(alice: Account, tmp_path: Path) -> None:
    url = f"imaps://{HOST}:{alice.ports.imaps}/"
    result = run("curl", "--silent", "--insecure", "--user", f"{alice.address}:wrong", url, folder=tmp_path)
    assert result.returncode == 67  # curl(1): the login was denied
