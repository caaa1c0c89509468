"""swaks as a mail program and as another server."""

from pathlib import Path

import pytest

from postier.app.demo.node import HOST
from tests.clients.letters import arrived
from tests.clients.programs import done, run
from tests.clients.two_servers import Account, TwoServers

pytestmark = pytest.mark.xdist_group("clients")
AUTH_FAILED = 28  # swaks(1), EXIT CODES
NO_RECIPIENT_TAKEN = 24


def submission(sender: Account, to: str, *, password: str | None = None) -> list[str]:
    return [
        *("--auth", "PLAIN", "--auth-user", sender.address, "--auth-password", password or sender.password),
        *("--from", sender.address, "--to", to, "--h-Subject", "from swaks"),
    ]


def test_submission_with_starttls(alice: Account, carole: Account, tmp_path: Path) -> None:
    server = f"{HOST}:{alice.ports.submission}"
    done("swaks", "--server", server, "--tls", *submission(alice, carole.address), folder=tmp_path)
    (letter,) = arrived(carole)
    assert b"Subject: from swaks" in letter
    assert b"with ESMTPSA" in letter


def test_submission_with_implicit_tls_to_the_other_server(
    alice: Account, bob: Account, tmp_path: Path
) -> None:
    server = f"{HOST}:{alice.ports.submissions}"
    done("swaks", "--server", server, "--tls-on-connect", *submission(alice, bob.address), folder=tmp_path)
    (letter,) = arrived(bob)
    assert b"dkim=pass" in letter
    assert b"dmarc=pass" in letter
    assert letter.count(b"DKIM-Signature:") == 2


def test_a_host_that_is_down_is_passed_over(alice: Account, servers: TwoServers, tmp_path: Path) -> None:
    server = f"{HOST}:{alice.ports.submission}"
    gamma = servers.account("dora", "gamma.test")
    done("swaks", "--server", server, "--tls", *submission(alice, gamma.address), folder=tmp_path)
    assert len(arrived(gamma)) == 1


def test_a_wrong_password(alice: Account, tmp_path: Path) -> None:
    server = f"{HOST}:{alice.ports.submission}"
    arguments = submission(alice, alice.address, password="wrong")
    assert run("swaks", "--server", server, "--tls", *arguments, folder=tmp_path).returncode == AUTH_FAILED


def test_no_login_without_tls(alice: Account, tmp_path: Path) -> None:
    server = f"{HOST}:{alice.ports.submission}"
    assert (
        run("swaks", "--server", server, *submission(alice, alice.address), folder=tmp_path).returncode != 0
    )


@pytest.mark.parametrize("to", ["nobody@alpha.test", "x@elsewhere.test", "x%elsewhere.test@alpha.test"])
def test_unknown_users_and_relaying_are_refused(alice: Account, tmp_path: Path, to: str) -> None:
    server = f"{HOST}:{alice.ports.smtp}"
    arguments = ["--server", server, "--from", "someone@elsewhere.test", "--to", to]
    result = run("swaks", *arguments, folder=tmp_path)
    assert result.returncode == NO_RECIPIENT_TAKEN
    assert b"550" in result.stdout


def test_eight_bits_from_another_server(alice: Account, tmp_path: Path) -> None:
    server = f"{HOST}:{alice.ports.smtp}"
    arguments = ["--from", "someone@elsewhere.test", "--to", alice.address, "--body", "Grüße"]
    done("swaks", "--server", server, "--tls", *arguments, folder=tmp_path)
    (letter,) = arrived(alice)
    assert "Grüße".encode() in letter
