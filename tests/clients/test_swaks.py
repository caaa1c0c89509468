"""swaks, the Swiss army knife of SMTP: what is accepted and refused, by its exit codes and transcript."""

import pytest

from postier.app.demo.node import HOST
from tests.clients.letters import arrived, letter
from tests.clients.programs import done, run

pytestmark = pytest.mark.xdist_group("clients")

# swaks(1), EXIT CODES
RCPT_REFUSED, DATA_REFUSED, MAIL_REFUSED, AUTH_FAILED, NO_AUTH = 24, 26, 23, 28, 28


@pytest.fixture(autouse=True)
def _tls_for_swaks(tmp_path):
    """swaks does without TLS when its Perl module is missing."""
    support = run("swaks", "--support", folder=tmp_path)
    if b"TLS supported" not in support.stdout:
        pytest.fail("swaks has no TLS: install the Debian package libnet-ssleay-perl")


def login(account, password=None):
    return (
        *("--auth", "PLAIN", "--auth-user", account.address, "--auth-password", password or account.password),
        *("--from", account.address, "--ehlo", "client.test"),
    )


def verified(account):
    """STARTTLS, and the server's own certificate is trusted alone."""
    return ("--tls", "--tls-verify", "--tls-ca-path", account.certificate)


def test_submission_by_starttls(alice, carole, tmp_path):
    said = done(
        *("swaks", "--server", f"{HOST}:{alice.ports.submission}", *verified(alice), *login(alice)),
        *("--to", carole.address, "--header", "Subject: by swaks", "--body", "hello"),
        folder=tmp_path,
    )
    assert b"=== TLS started with cipher TLSv1.3" in said.stdout
    (received,) = arrived(carole)
    assert b"\r\nSubject: by swaks\r\n" in received
    assert received.endswith(b"\r\n\r\nhello\r\n\r\n\r\n")


def test_submission_by_implicit_tls_with_login_to_the_other_server(alice, bob, tmp_path):
    done(
        *("swaks", "--server", f"{HOST}:{alice.ports.submissions}", "--tls-on-connect", *login(alice)),
        *("--auth", "LOGIN", "--to", bob.address, "--header", "Subject: over"),
        folder=tmp_path,
    )
    assert b"dkim=pass" in arrived(bob)[0]


def test_eight_bit_octets_arrive_as_they_were_sent(alice, bob, tmp_path):
    sent = letter(bob, alice, body="Grüße, naïve 日本\r\n.\r\n..\r\nend\r\n")
    (tmp_path / "letter").write_bytes(sent.replace(b"\r\n", b"\n"))
    done(
        *("swaks", "--server", f"{HOST}:{alice.ports.submission}", "--tls", *login(alice)),
        *("--to", bob.address, "--data", "@" + str(tmp_path / "letter")),
        folder=tmp_path,
    )
    (received,) = arrived(bob)
    assert received.partition(b"\r\n\r\n")[2].rstrip() == sent.partition(b"\r\n\r\n")[2].rstrip()


def test_a_wrong_password_ends_in_its_exit_code(alice, tmp_path):
    said = run(
        *("swaks", "--server", f"{HOST}:{alice.ports.submission}", "--tls", *login(alice, "wrong")),
        *("--to", alice.address),
        folder=tmp_path,
    )
    assert said.returncode == AUTH_FAILED
    assert b"535 5.7.8" in said.stdout


def test_no_login_is_offered_without_tls(alice, tmp_path):
    said = run(
        *("swaks", "--server", f"{HOST}:{alice.ports.submission}", *login(alice), "--to", alice.address),
        folder=tmp_path,
    )
    assert said.returncode == NO_AUTH
    assert b"AUTH" not in said.stdout.partition(b"250 ")[0]


def test_an_unknown_recipient_is_refused_in_the_dialogue(alice, tmp_path):
    said = run(
        *("swaks", "--server", f"{HOST}:{alice.ports.smtp}", "--from", "zoe@remote.test"),
        *("--to", "nobody@alpha.test"),
        folder=tmp_path,
    )
    assert said.returncode == RCPT_REFUSED
    assert b"550 5.1.1" in said.stdout


def test_one_unknown_recipient_among_two_does_not_stop_the_other(alice, carole, tmp_path):
    done(
        *("swaks", "--server", f"{HOST}:{alice.ports.submission}", "--tls", *login(alice)),
        *("--to", f"nobody@alpha.test,{carole.address}"),
        folder=tmp_path,
    )
    assert len(arrived(carole)) == 1


def test_nobody_relays_through_us(alice, tmp_path):
    said = run(
        *("swaks", "--server", f"{HOST}:{alice.ports.smtp}", "--from", "zoe@remote.test"),
        *("--to", "victim@elsewhere.test"),
        folder=tmp_path,
    )
    assert said.returncode == RCPT_REFUSED
    assert b"550 5.7.1" in said.stdout


def test_nobody_sends_as_another_user(alice, carole, tmp_path):
    said = run(
        *("swaks", "--server", f"{HOST}:{alice.ports.submission}", "--tls", *login(alice)),
        *("--from", carole.address, "--to", alice.address),
        folder=tmp_path,
    )
    assert said.returncode in {MAIL_REFUSED, RCPT_REFUSED, DATA_REFUSED}
    assert b"5.7.1" in said.stdout


def test_pipelining(alice, carole, tmp_path):
    done(
        *("swaks", "--server", f"{HOST}:{alice.ports.submission}", "--tls", "--pipeline", *login(alice)),
        *("--to", f"{carole.address},{alice.address}"),
        folder=tmp_path,
    )
    assert len(arrived(carole)) == 1


def test_delivery_status_notifications(alice, bob, tmp_path):
    """swaks writes what it is given: the parameters stand behind the address, and its last ">" is xtext of the last one."""
    (tmp_path / "letter").write_bytes(letter(bob, alice).replace(b"\r\n", b"\n"))
    said = done(
        *("swaks", "--server", f"{HOST}:{alice.ports.submission}", "--tls", *login(alice)),
        *("--from", f"{alice.address}> RET=HDRS ENVID=one", "--data", "@" + str(tmp_path / "letter")),
        *("--to", f"{bob.address}> NOTIFY=SUCCESS ORCPT=rfc822;{bob.address}"),
        folder=tmp_path,
    )
    assert b"250-DSN" in said.stdout
    assert len(arrived(bob)) == 1
    (report,) = arrived(alice)  # from bob's server, which alice's asked
    assert b"\r\nOriginal-Envelope-Id: one>\r\n" in report
    assert b"\r\nOriginal-Recipient: rfc822; %s>\r\n" % bob.address.encode() in report
    assert b"\r\nAction: delivered\r\n" in report
    assert b"Mail Delivery System <postmaster@" + bob.address.partition("@")[2].encode() in report
