"""sieve-connect puts scripts on a server with two workers; what comes next by swaks, SMTP and submission obeys them."""

import smtplib

import pytest

from postier.app.demo.node import HOST
from tests.clients.letters import arrived, letter, mailbox
from tests.clients.programs import done, run
from tests.clients.test_swaks import login, verified

pytestmark = pytest.mark.xdist_group("clients")


def sieve(account, folder, *arguments, script=None):
    """Run sieve-connect as the account."""
    if script is not None:
        (folder / "script").write_text(script)
    return run(
        *("sieve-connect", "--server", HOST, "--port", str(account.ports.managesieve)),
        *("--user", account.address, "--authmech", "PLAIN", "--passwordfd", "0"),
        *("--tlscafile", account.certificate, "--tlshostname", account.hostname, *arguments),
        folder=folder,
        feed=f"{account.password}\n".encode(),
    )


def upload(account, folder, script, name="main"):
    result = sieve(
        account, folder, "--upload", "--localsieve", "script", "--remotesieve", name, script=script
    )
    assert result.returncode == 0, result.stderr
    assert sieve(account, folder, "--activate", "--remotesieve", name).returncode == 0


def swaks(account, to, folder, *more):
    return run(
        *("swaks", "--server", f"{HOST}:{account.ports.submission}", *verified(account), *login(account)),
        *("--to", to.address, *more),
        folder=folder,
    )


def test_the_next_letter_obeys(alice, carole, tmp_path):
    upload(
        carole,
        tmp_path,
        'require ["fileinto", "mailbox", "imap4flags"];\n'
        'if header :contains "subject" "bill" { addflag "\\\\Flagged"; fileinto :create "Bills"; }\n',
    )
    assert swaks(alice, carole, tmp_path, "--header", "Subject: your bill").returncode == 0
    assert swaks(alice, carole, tmp_path, "--header", "Subject: lunch").returncode == 0
    assert b"Subject: lunch" in arrived(carole)[0]
    with mailbox(carole, "Bills") as client:
        (found,) = client.fetch([1], ["FLAGS"]).values()
        assert set(found[b"FLAGS"]) - {b"\\Recent"} == {b"\\Flagged"}
    upload(carole, tmp_path, "discard;", "other")
    assert swaks(alice, carole, tmp_path, "--header", "Subject: your bill").returncode == 0
    assert sieve(carole, tmp_path, "--deactivate").returncode == 0
    assert swaks(alice, carole, tmp_path, "--header", "Subject: last").returncode == 0
    assert [b"Subject: last" in each for each in arrived(carole, 2)] == [False, True]
    assert len(arrived(carole, name="Bills")) == 1


def test_a_script_that_is_wrong_is_not_taken(carole, tmp_path):
    result = sieve(
        carole, tmp_path, "--upload", "--localsieve", "script", "--remotesieve", "bad", script='fileinto "x";'
    )
    assert b"line 1" in result.stdout + result.stderr
    assert b"bad" not in sieve(carole, tmp_path, "--list").stdout


def test_a_refusal_reaches_the_client_that_sends(alice, carole, tmp_path):
    upload(carole, tmp_path, 'require "reject"; reject "I am on Mars.";')
    result = swaks(alice, carole, tmp_path)
    assert result.returncode == 26  # swaks(1): DATA refused
    assert b" 550 5.7.1 I am on Mars." in result.stdout


def test_a_letter_goes_on_to_the_other_server_and_its_answer_comes_back(alice, bob, carole, tmp_path):
    """alice writes to bob at beta; bob's script answers, and sends the letter on to carole at alpha."""
    upload(
        bob,
        tmp_path,
        f'require ["vacation", "copy"]; redirect :copy "{carole.address}"; vacation :subject "Away" "Back soon.";',
    )
    for _ in range(2):
        done(
            *("swaks", "--server", f"{HOST}:{alice.ports.submission}", *verified(alice), *login(alice)),
            *("--to", bob.address, "--header", "Subject: Hello"),
            folder=tmp_path,
        )
    first, second = arrived(carole, 2)
    for each in (first, second):
        assert f"Delivered-To: {bob.address}".encode() in each
        assert b"arc=" in each
        assert each.count(b"\r\nReceived: ") >= 3
    (answer,) = arrived(alice)
    assert b"Auto-Submitted: auto-replied (vacation)\r\n" in answer
    assert b"dkim=pass" in answer
    assert b"Back soon." in answer
    assert len(arrived(bob, 2)) == 2


def test_a_letter_from_outside(carole, tmp_path):
    upload(
        carole,
        tmp_path,
        'require ["fileinto", "envelope"]; if envelope "from" "x@y.test" { fileinto "Archive"; }',
    )
    with smtplib.SMTP(HOST, carole.ports.smtp) as client:
        client.sendmail("x@y.test", [carole.address], letter(carole, "x@y.test"))
        client.sendmail("z@y.test", [carole.address], letter(carole, "z@y.test"))
    assert len(arrived(carole, name="Archive")) == len(arrived(carole)) == 1
